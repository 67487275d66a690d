"""How fast each format is decoded: its test sample, made many times as long, in one process.

Prints a JSON line for each format: records and megabytes a second of processor time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from usage.formats import samples, written  # noqa: E402

from meterline.usage import formats  # noqa: E402


def repeated(name: str) -> bytes:
    """The sample of a format."""
    return samples.path_of(name).read_bytes()


def lines(name: str, first: int, chosen: slice) -> Callable[[int], bytes]:
    """A file of `first` lines of header, then chosen lines again and again."""

    def make(count: int) -> bytes:
        rows = repeated(name).splitlines(keepends=True)
        body = rows[first:][chosen]
        return b"".join(rows[:first]) + b"".join(body) * (count // len(body))

    return make


def parquet(count: int) -> bytes:
    """Rows of the sample."""
    import io

    import polars as pl

    rows = pl.read_parquet(io.BytesIO(repeated("parquet"))).head(2)
    file = io.BytesIO()
    pl.concat([rows] * (count // 2)).write_parquet(file)
    return file.getvalue()


def green_button(count: int) -> bytes:
    """One block of many readings."""
    text = repeated("green_button")
    begin = text.index(b"<IntervalReading>")
    end = text.index(b"</IntervalReading>") + len(b"</IntervalReading>")
    return text[:begin] + text[begin:end] * count + text[end:]


def events(count: int) -> bytes:
    """A batch of many events."""
    event = (
        b'{"specversion":"1.0","id":"1","source":"/eu","type":"api","subject":"c",'
        b'"time":"2026-01-05T10:00:00Z","data":{"quantity":3,"path":"/v1/x"}}'
    )
    return b"[" + b",\n".join([event] * count) + b"]"


def nem12(count: int) -> bytes:
    """Days of 48 intervals."""
    rows = repeated("nem12").splitlines(keepends=True)
    return b"".join(rows[:2]) + rows[2] * (count // 48) + rows[-1]


def nem13(count: int) -> bytes:
    """Reads of a meter."""
    rows = repeated("nem13").splitlines(keepends=True)
    return rows[0] + rows[1] * count + rows[-1]


def radius(count: int) -> bytes:
    """Stops of sessions."""
    second = repeated("radius_detail").split(b"\n\n")[1] + b"\n\n"
    return second * count


def mapped(count: int) -> bytes:
    """Rows between a first and a last line."""
    rows = repeated("mapped_csv").splitlines(keepends=True)
    total = f"{count * 1.5:.1f}".replace(".", ",")
    return b"".join(rows[:2]) + rows[2] * count + f"TRL;{count};{total}\r\n".encode()


MAKERS: dict[str, tuple[int, Callable[[int], bytes]]] = {
    "csv": (1_000_000, lines("csv", 1, slice(0, 1))),
    "aws_cur": (200_000, lines("aws_cur", 1, slice(0, 2))),
    "mapped_csv": (1_000_000, mapped),
    "jsonl": (500_000, lines("jsonl", 0, slice(0, 1))),
    "cloudevents": (100_000, events),
    "parquet": (1_000_000, parquet),
    "green_button": (100_000, green_button),
    "nem12": (480_000, nem12),
    "nem13": (100_000, nem13),
    "radius_detail": (50_000, radius),
    "gprs_cdr": (20_000, lambda count: written.gprs("pGWRecord", written.pgw()) * count),
    "chf_cdr": (20_000, lambda count: written.chf() * count),
    "tap3": (20_000, written.tap_of_many),
}


def measure(name: str, scale: float) -> dict[str, object]:
    """Decode a long file of a format."""
    count, make = MAKERS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(make(max(48, int(count * scale))))
        size, mapping = path.stat().st_size, samples.mapping_of(name)
        samples.decoded(samples.path_of(name), name, mapping)  # loads what is loaded once
        begun = time.process_time()
        records = rejects = 0
        for chunk in formats.decode(path, format=name, mapping=mapping):
            records += chunk.records.height
            rejects += chunk.rejects.height
        seconds = time.process_time() - begun
    return {
        "benchmark": "decode", "format": name, "records": records, "rejects": rejects,
        "records_per_second": round(records / seconds),
        "megabytes_per_second": round(size / seconds / 1e6, 1),
    }  # fmt: skip


def main() -> None:
    """Print a line for each format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=sorted(MAKERS))
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    for name in [given.format] if given.format else MAKERS:
        print(json.dumps(measure(name, given.scale)), flush=True)


if __name__ == "__main__":
    main()
