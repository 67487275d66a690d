"""The canonical CSV: RFC 4180, UTF-8, a header with meter, start, and identifier or subscription.

Blocks without oddities are read as columns; others line by line, so that each line that cannot be
read is a reject by itself.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from meterline.usage.blocks import blocks
from meterline.usage.cut import count_lines, cut
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS, Decoded

NAME = "csv"
REQUIRED = ("meter", "start")
WHOSE = ("identifier", "subscription")

BLOCK = 16 << 20
_LINE_MOST = 100_000
BOM = b"\xef\xbb\xbf"
QUOTE = b'"'
_SHOWN = 1000


def sniff(head: bytes) -> bool:
    """A first line that names the columns a usage record needs."""
    first = head.removeprefix(BOM).splitlines()[:1]
    names = first[0].decode("utf-8", "replace").split(",") if first else []
    plain = {name.strip().strip('"') for name in names}
    return plain.issuperset(REQUIRED) and not plain.isdisjoint(WHOSE)


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its records in chunks. Raises UsageFileError for a header that will not do."""
    if mapping is not None:
        raise UsageFileError(file=path.name, why="is canonical CSV, which takes no mapping")
    yield from decode_blocks(numbered(path), path, _check_header)


def numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    """The file in blocks of whole lines, each with the number of its first line."""
    line = 1
    for block in blocks(path, BLOCK):
        yield line, block.removeprefix(BOM) if line == 1 else block
        line += count_lines(np.frombuffer(block, np.uint8))


def decode_blocks(
    parts: Iterable[tuple[int, bytes]],
    path: Path,
    check: Callable[[list[str], Path], None],
    *,
    names: list[str] | None = None,
    separator: str = ",",
) -> Iterator[Decoded]:
    """Chunks of any CSV file, of blocks with the number of their first line; `check` may refuse
    its header. Without header: its `names`."""
    if names:
        check(names, path)
    for number, block in parts:
        line, data = number, block
        if not names:
            first, data = _cut_header(block)
            names = _header(first, path, separator)
            check(names, path)
            line += 1
        yield _decode(data, names, line, separator)
    if not names:
        raise UsageFileError(file=path.name, why="is empty")


def _cut_header(block: bytes) -> tuple[bytes, bytes]:
    end = block.find(b"\n") + 1
    return (block[:end], block[end:]) if end else (block, b"")


def _header(line: bytes, path: Path, separator: str) -> list[str]:
    try:
        text = line.decode("utf-8").rstrip("\r\n")
        rows = list(csv.reader([text], strict=True, delimiter=separator))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageFileError(file=path.name, why=f"the header cannot be read: {error}") from error
    names = [name.strip() for name in rows[0]] if rows else []
    if "line" in names:
        why = "the header may not name a column `line`: skip it, and name the columns in a mapping"
        raise UsageFileError(file=path.name, why=why)
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


def _decode(data: bytes, names: list[str], first_line: int, separator: str) -> Decoded:
    records = _in_columns(data, names, first_line, separator)
    return _line_by_line(data, names, first_line, separator) if records is None else records


def _in_columns(data: bytes, names: list[str], first_line: int, separator: str) -> Decoded | None:
    """The block if nothing about it is odd: a line a record, quotes in their place, no NUL or long
    lines, all fields there."""
    rows = cut(data, names, separator, _LINE_MOST)
    if rows is None and QUOTE in data:
        rows = _quoted(data, names, separator)
    if rows is None:
        return None
    lines = pl.int_range(first_line, first_line + rows.height, dtype=pl.UInt32, eager=True)
    return Decoded(
        records=rows.insert_column(0, lines.alias("line")), rejects=pl.DataFrame(schema=REJECTS)
    )


def _quoted(data: bytes, names: list[str], separator: str) -> pl.DataFrame | None:
    """The fields of lines with quotes, if all of them are in their place."""
    if b"\0" in data:
        return None
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    count = len(ends) + (not data.endswith(b"\n"))
    longest = np.diff(ends, prepend=-1, append=len(data)).max()
    if _separators(data, separator) != count * (len(names) - 1) or longest > _LINE_MOST:
        return None
    try:
        rows = pl.read_csv(
            data, has_header=False, schema=dict.fromkeys(names, pl.String), separator=separator
        )
    except pl.exceptions.PolarsError:
        return None
    if rows.height != count:
        return None
    return rows.with_columns(pl.when(pl.all() != "").then(pl.all()))


def _separators(data: bytes, separator: str) -> int | None:
    """How many separators stand outside of quotes; None if a quote is out of place or holds a line
    break, which is looked at line by line."""
    characters = np.frombuffer(data + b"\n", np.uint8)
    quotes = np.flatnonzero(characters == ord('"'))
    if len(quotes) % 2:
        return None
    opening, closing = quotes[::2], quotes[1::2]
    before = characters[opening - 1]  # of the first character: the line's end that was added
    after = characters[closing + 1]
    edges = np.frombuffer(f'{separator}\n"'.encode(), np.uint8)
    cut = (after == ord("\r")) & (characters[np.minimum(closing + 2, len(data))] == ord("\n"))
    if not (np.isin(before, edges).all() and (np.isin(after, edges) | cut).all()):
        return None
    ends = np.searchsorted(quotes, np.flatnonzero(characters == ord("\n")))
    if (ends % 2).any():
        return None
    places = np.searchsorted(quotes, np.flatnonzero(characters == ord(separator)))
    return int((places % 2 == 0).sum())


def _line_by_line(data: bytes, names: list[str], first_line: int, separator: str) -> Decoded:
    """Each record by itself; one may span lines within quotes."""
    rows: list[tuple[int, list[str | None]]] = []
    rejects: list[tuple[int, str, bytes]] = []
    lines = data.split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    at = 0
    while at < len(lines):
        used, found = _record(lines, at, separator)
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


def _record(lines: list[bytes], at: int, separator: str) -> tuple[int, list[str] | str]:
    """How many lines the record at a line takes, and its fields or what is wrong with it."""
    joined = lines[at]
    for used in range(1, min(_SPAN_MOST, len(lines) - at) + 1):
        if used > 1:
            joined += b"\n" + lines[at + used - 1]
        if joined.count(b'"') % 2 == 0:
            fields = fields_of(joined, separator)
            return (1, fields) if isinstance(fields, str) else (used, fields)
        if len(joined) > _LINE_MOST:
            break
    return 1, "a quote is opened and not closed"


def fields_of(raw: bytes, separator: str = ",") -> list[str] | str:
    """The fields of a line, or what is wrong with it."""
    if len(raw) > _LINE_MOST:
        return f"a line of {len(raw):,} bytes; {_LINE_MOST:,} are the most"
    if b"\0" in raw:
        return "a NUL byte"
    try:
        text = raw.decode("utf-8").rstrip("\r")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator))
    except UnicodeDecodeError:
        return "not UTF-8"
    except csv.Error as error:
        return f"bad quoting ({error})"
    return rows[0] if len(rows) == 1 else ([] if not rows else "a line break outside of quotes")
