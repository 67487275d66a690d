"""Any CSV file, read by a mapping file that tells which columns make a usage record."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl

from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS, Decoded
from meterline.usage.formats.csv import decode_blocks
from meterline.usage.framing import Frame
from meterline.usage.mapping import Mapping, read_mapping
from meterline.usage.remap import EXACT, remapped

NAME = "mapped_csv"
_MOST = Decimal(10) ** 18  # of a number that is summed


def sniff(head: bytes) -> bool:
    """Never: only a mapping file tells that a CSV file holds usage."""
    return False


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its records in chunks. Raises UsageFileError where file and mapping do not fit."""
    if mapping is None:
        raise UsageFileError(file=path.name, why="needs a mapping file")
    rule = read_mapping(mapping)
    if not rule.columns and not rule.joined:
        raise UsageFileError(file=mapping.name, why="names no columns")
    wanted = _wanted(rule)

    def check(names: list[str], file: Path) -> None:
        missing = sorted(wanted - set(names))
        if missing:
            raise UsageFileError(
                file=file.name, why=f"the header has no column {', '.join(missing)}, which"
                f" {mapping.name} names",
            )  # fmt: skip

    frame = Frame(path, rule)
    rows, lines = 0, 0
    schema = pl.Schema({"line": pl.UInt32()})
    totals = dict.fromkeys(_summed(rule), Decimal(0))
    parts = decode_blocks(frame.parts(), path, check, names=rule.header, separator=rule.separator)
    for chunk in parts:
        made = remapped(chunk, rule, rows)
        yield made
        schema = made.records.schema
        rows += chunk.records.height
        lines += chunk.records.height + chunk.rejects.height
        for column in totals:
            totals[column] += _sum(chunk.records[column], rule.decimal)
    if rule.leader is not None or rule.trailer is not None:
        yield Decoded(
            records=pl.DataFrame(schema=schema),
            rejects=pl.DataFrame(schema=REJECTS),
            control=frame.control(lines, totals),
        )


def _wanted(rule: Mapping) -> set[str]:
    """The source columns that a mapping names."""
    named = {column for columns in rule.joined.values() for column in columns}
    named |= {column for stamp in rule.times.values() for column in stamp.of}
    named |= {lookup.of for lookup in rule.lookups.values() if lookup.of is not None}
    named |= {one.column for one in rule.filters} | set(rule.columns) | set(_summed(rule))
    return named | ({rule.timezone_column} if rule.timezone_column is not None else set())


def _summed(rule: Mapping) -> list[str]:
    frames = (rule.leader, rule.trailer)
    return [frame.of for frame in frames if frame is not None and frame.of is not None]


def _sum(column: pl.Series, mark: str) -> Decimal:
    text = column
    if mark == ",":
        text = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    numbers = text.cast(EXACT, strict=False)
    return Decimal(numbers.filter(numbers.abs() < _MOST).sum() or 0)
