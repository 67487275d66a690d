"""Any CSV file, read by a mapping file that tells which columns make a usage record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl

from meterline.usage.errors import UsageFileError
from meterline.usage.formats import Decoded
from meterline.usage.formats.csv import decode_blocks
from meterline.usage.mapping import Mapping, read_mapping

NAME = "mapped_csv"
_LOCAL = "%Y-%m-%dT%H:%M:%S%.f"


def sniff(head: bytes) -> bool:
    """Never: only a mapping file tells that a CSV file holds usage."""
    return False


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its records in chunks. Raises UsageFileError where file and mapping do not fit."""
    if mapping is None:
        raise UsageFileError(file=path.name, why="needs a mapping file")
    rule = read_mapping(mapping)

    def check(names: list[str], file: Path) -> None:
        missing = sorted(set(rule.columns) - set(names))
        if missing:
            raise UsageFileError(
                file=file.name, why=f"the header has no column {', '.join(missing)}, which"
                f" {mapping.name} names",
            )  # fmt: skip

    done = 0
    for chunk in decode_blocks(path, check, names=rule.header):
        records = _mapped(chunk.records, rule, done)
        done += chunk.records.height
        yield Decoded(records=records, rejects=chunk.rejects)


def _mapped(rows: pl.DataFrame, rule: Mapping, done: int) -> pl.DataFrame:
    """Rows with the mapping's names, constants, instants and units."""
    named = rows.select("line", *(pl.col(old).alias(new) for old, new in rule.columns.items()))
    named = named.with_columns(pl.lit(v, pl.String).alias(n) for n, v in rule.constants.items())
    if rule.first is not None and rule.every is not None:
        named = named.with_columns(start=_counted(rule.first, rule.every, done))
    if "quantity" in named.columns:
        named = _with_quantities(named, rule)
    if rule.timezone is not None:
        zoned = [name for name in ("start", "end") if name in named.columns]
        named = named.with_columns(_in_zone(name, rule.timezone) for name in zoned)
    return named


def _counted(first: str, every: int, done: int) -> pl.Expr:
    start = pl.lit(datetime.fromisoformat(first))
    moments = start + pl.duration(seconds=(pl.int_range(pl.len()) + done) * every)
    return moments.dt.strftime(_LOCAL.removesuffix("%.f"))


def _with_quantities(named: pl.DataFrame, rule: Mapping) -> pl.DataFrame:
    quantity = pl.col("quantity")
    empty = quantity.is_null() | (quantity.str.to_lowercase() == "nan")
    kept = named.filter(~empty) if rule.empty == "skip" else named
    if rule.factor is None:
        return kept
    exact = quantity.cast(pl.Decimal(38, 10), strict=False) * pl.lit(rule.factor).cast(
        pl.Decimal(18, 9)
    )
    # what is no number stays as it is, and is rejected as such
    return kept.with_columns(quantity=pl.coalesce(exact.cast(pl.String), quantity))


def _in_zone(name: str, zone: str) -> pl.Expr:
    """Stamps without an offset as instants. Of a wall clock that comes twice, the first row is the
    first hour; in the hour that is skipped the clock goes on as before."""
    text = pl.col(name).str.replace(" ", "T", literal=True)
    local = text.str.to_datetime(_LOCAL, time_unit="us", strict=False)
    again = local.cum_count().over(local) > 1
    ambiguous = pl.when(again).then(pl.lit("latest")).otherwise(pl.lit("earliest"))
    known = local.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null")
    skipped = (local - pl.duration(hours=1)).dt.replace_time_zone(
        zone, ambiguous="earliest", non_existent="null"
    ) + pl.duration(hours=1)
    instant = pl.coalesce(known, skipped).dt.convert_time_zone("UTC")
    return pl.coalesce(instant.dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ"), text).alias(name)
