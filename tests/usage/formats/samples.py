"""A sample of each format, in `golden`: a file, what it decodes to, and a mapping where it needs
one. The binary ones are made by `written`; METERLINE_GOLDEN=write puts what is decoded in place."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from usage.formats import written

from meterline.usage import formats
from meterline.usage.formats import REJECTS, Decoded

GOLDEN = Path(__file__).parent / "golden"
FILES = {
    "aws_cur": "aws_cur.csv", "chf_cdr": "chf_cdr.bin", "cloudevents": "cloudevents.txt",
    "csv": "csv.csv", "gprs_cdr": "gprs_cdr.bin", "green_button": "green_button.xml",
    "jsonl": "jsonl.jsonl", "mapped_csv": "mapped_csv.txt", "nem12": "nem12.csv",
    "nem13": "nem13.csv", "parquet": "parquet.parquet", "radius_detail": "radius_detail.txt",
    "tap3": "tap3.bin",
}  # fmt: skip


def path_of(name: str) -> Path:
    """The file of a format."""
    return GOLDEN / FILES[name]


def mapping_of(name: str) -> Path | None:
    """The mapping that a format's sample needs."""
    path = GOLDEN / f"{name}.yaml"
    return path if path.exists() else None


def decoded(path: Path, name: str, mapping: Path | None = None) -> Decoded:
    """All of a file."""
    return joined(formats.decode(path, format=name, mapping=mapping))


def joined(parts: Iterator[Decoded]) -> Decoded:
    """Chunks as one, held to what chunks are."""
    chunks = list(parts)
    for chunk in chunks:
        assert chunk.rejects.schema == pl.Schema(REJECTS)
        kinds = dict(chunk.records.schema)
        assert kinds.pop("line") == pl.UInt32
        assert set(kinds.values()) <= {pl.String()}, kinds
        assert chunk.left_out >= 0
    controls = [chunk.control for chunk in chunks if chunk.control is not None]
    assert len(controls) <= 1
    return Decoded(
        records=pl.concat([chunk.records for chunk in chunks], how="diagonal"),
        rejects=pl.concat([chunk.rejects for chunk in chunks]),
        left_out=sum(chunk.left_out for chunk in chunks),
        control=controls[0] if controls else None,
    )


def told(made: Decoded) -> dict[str, Any]:
    """What was decoded, as it stands in a golden file."""
    control = made.control
    return {
        "records": [
            {name: value for name, value in sorted(row.items()) if value is not None}
            for row in made.records.to_dicts()
        ],
        "rejects": made.rejects.select("line", "reason", "detail").to_dicts(),
        "left_out": made.left_out,
        "claims": [[c.what, str(c.told), str(c.found)] for c in control.claims] if control else [],
        "sequence": control.sequence if control else None,
    }


def expected(name: str) -> Any:
    """What the sample of a format decodes to."""
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def parquet() -> bytes:
    """A file with columns of many types."""
    frame = pl.DataFrame(
        {
            "id": ["p1", "p2", "p3"],
            "meter": pl.Series(["energy", "energy", "gas"], dtype=pl.Categorical),
            "identifier": [1001, 1002, None],
            "start": pl.Series(
                [datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 7, 5, 10, 30, tzinfo=UTC),
                 None], dtype=pl.Datetime("us", "Europe/Rome"),
            ),
            "duration": [900.0, 900.5, None],
            "quantity": [Decimal("1.250"), Decimal("0.001"), None],
            "peak": [True, False, None],
            "day": [date(2026, 1, 5), None, None],
            "site": [{"city": "Milano", "floor": 3}, {"city": "", "floor": None}, None],
            "tags": [["a", "b"], [], None],
            "line": [7, 8, 9],
        }
    )  # fmt: skip
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def binary() -> dict[str, bytes]:
    """The binary samples."""
    broken = bytearray(written.gprs("pGWRecord", written.pgw(2)))
    broken[5:7] = b"\xff\xff"  # within the record: its length stays
    records = [written.gprs("pGWRecord", written.pgw()), bytes(broken),
               written.gprs("sGWRecord", written.sgw())]  # fmt: skip
    return {
        "parquet": parquet(),
        "gprs_cdr": written.in_file(records, sequence=7),
        "chf_cdr": written.chf(1) + bytes(3) + written.chf(2),
        "tap3": written.tap(),
    }


def write() -> None:
    """Make the binary samples and all that samples decode to anew."""
    for name, content in binary().items():
        path_of(name).write_bytes(content)
    for name in FILES:
        made = told(decoded(path_of(name), name, mapping_of(name)))
        (GOLDEN / f"{name}.json").write_text(json.dumps(made, indent=1) + "\n", "utf-8")
