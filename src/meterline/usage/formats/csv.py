"""The canonical CSV: RFC 4180, UTF-8, a header with meter, start, and identifier or subscription.

Blocks without quotes or oddities are read by Polars; others line by line, so that each line that
cannot be read is a reject by itself.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from meterline.usage.blocks import blocks
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS, Decoded

NAME = "csv"
REQUIRED = ("meter", "start")
WHOSE = ("identifier", "subscription")

_BLOCK = 16 << 20
_LINE_MOST = 100_000
_BOM = b"\xef\xbb\xbf"
_SHOWN = 1000


def sniff(head: bytes) -> bool:
    """A first line that names the columns a usage record needs."""
    first = head.removeprefix(_BOM).splitlines()[:1]
    names = first[0].decode("utf-8", "replace").split(",") if first else []
    plain = {name.strip().strip('"') for name in names}
    return plain.issuperset(REQUIRED) and not plain.isdisjoint(WHOSE)


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its records in chunks. Raises UsageFileError for a header that will not do."""
    if mapping is not None:
        raise UsageFileError(file=path.name, why="is canonical CSV, which takes no mapping")
    yield from decode_blocks(path, _check_header)


def decode_blocks(
    path: Path, check: Callable[[list[str], Path], None], names: list[str] | None = None
) -> Iterator[Decoded]:
    """Chunks of any CSV file; `check` may refuse its header. Without header: its `names`."""
    line = 1
    if names:
        check(names, path)
    for block in blocks(path, _BLOCK):
        data = block.removeprefix(_BOM) if line == 1 else block
        if not names:
            first, data = _cut_header(data)
            names = _header(first, path)
            check(names, path)
            line = 2
        yield _decode(data, names, line)
        line += data.count(b"\n")
    if not names:
        raise UsageFileError(file=path.name, why="is empty")


def _cut_header(block: bytes) -> tuple[bytes, bytes]:
    end = block.find(b"\n") + 1
    return (block[:end], block[end:]) if end else (block, b"")


def _header(line: bytes, path: Path) -> list[str]:
    try:
        rows = list(csv.reader([line.decode("utf-8").rstrip("\r\n")], strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageFileError(file=path.name, why=f"the header cannot be read: {error}") from error
    names = [name.strip() for name in rows[0]] if rows else []
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or "" in names or not names:
        why = f"the header names {', '.join(twice)} twice" if any(twice) else (
            "the header has a column without a name"
        )  # fmt: skip
        raise UsageFileError(file=path.name, why=why)
    return names


def _check_header(names: list[str], path: Path) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if not set(WHOSE) & set(names):
        missing.append("identifier (or subscription)")
    if missing:
        raise UsageFileError(
            file=path.name, why=f"the header has no column {', '.join(missing)}; a mapping file"
            " can tell which columns stand for them",
        )  # fmt: skip
    if "line" in names:
        raise UsageFileError(file=path.name, why="the header may not name a column `line`")


def _decode(data: bytes, names: list[str], first_line: int) -> Decoded:
    records = _by_polars(data, names, first_line)
    return _line_by_line(data, names, first_line) if records is None else records


def _by_polars(data: bytes, names: list[str], first_line: int) -> Decoded | None:
    """The block if nothing about it is odd: no quotes, NUL or long lines, all fields there."""
    if b'"' in data or b"\0" in data or not data:
        return None
    count = data.count(b"\n") + (not data.endswith(b"\n"))
    if data.count(b",") != count * (len(names) - 1) or _longest_line(data) > _LINE_MOST:
        return None
    try:
        rows = pl.read_csv(
            data, has_header=False, schema=dict.fromkeys(names, pl.String), quote_char=None,
        )  # fmt: skip
    except pl.exceptions.PolarsError:
        return None
    if rows.height != count:
        return None
    lines = pl.int_range(first_line, first_line + count, dtype=pl.UInt32, eager=True)
    return Decoded(
        records=rows.insert_column(0, lines.alias("line")), rejects=pl.DataFrame(schema=REJECTS)
    )


def _longest_line(data: bytes) -> int:
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    edges = np.concatenate(([-1], ends, [len(data)]))
    return int(np.diff(edges).max())


def _line_by_line(data: bytes, names: list[str], first_line: int) -> Decoded:
    """Each record by itself; one may span lines within quotes."""
    rows: list[tuple[int, list[str | None]]] = []
    rejects: list[tuple[int, str, bytes]] = []
    lines = data.split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    at = 0
    while at < len(lines):
        used, found = _record(lines, at)
        number, raw = first_line + at, lines[at]
        at += used
        if isinstance(found, str):
            rejects.append((number, found, raw))
        elif found and len(found) != len(names):
            why = f"{len(found)} fields, the header has {len(names)}"
            rejects.append((number, why, raw))
        elif found:  # and no blank line
            rows.append((number, [field or None for field in found]))
    return Decoded(
        records=pl.DataFrame(
            [(number, *fields) for number, fields in rows],
            schema={"line": pl.UInt32, **dict.fromkeys(names, pl.String)},
            orient="row",
        ),
        rejects=pl.DataFrame(
            [
                (number, "malformed", why, raw[:_SHOWN].decode("utf-8", "replace"))
                for number, why, raw in rejects
            ],
            schema=REJECTS,
            orient="row",
        ),
    )


_SPAN_MOST = 100


def _record(lines: list[bytes], at: int) -> tuple[int, list[str] | str]:
    """How many lines the record at a line takes, and its fields or what is wrong with it."""
    joined = lines[at]
    for used in range(1, min(_SPAN_MOST, len(lines) - at) + 1):
        if used > 1:
            joined += b"\n" + lines[at + used - 1]
        if joined.count(b'"') % 2 == 0:
            fields = _fields(joined)
            return (1, fields) if isinstance(fields, str) else (used, fields)
        if len(joined) > _LINE_MOST:
            break
    return 1, "a quote is opened and not closed"


def _fields(raw: bytes) -> list[str] | str:
    if len(raw) > _LINE_MOST:
        return f"a line of {len(raw):,} bytes; {_LINE_MOST:,} are the most"
    if b"\0" in raw:
        return "a NUL byte"
    try:
        text = raw.decode("utf-8").rstrip("\r")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except UnicodeDecodeError:
        return "not UTF-8"
    except csv.Error as error:
        return f"bad quoting ({error})"
    return rows[0] if len(rows) == 1 else ([] if not rows else "a line break outside of quotes")
