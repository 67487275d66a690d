"""Rows of a file as a mapping says: named, in UTC, in the meter's unit, looked up and checked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl

from meterline.usage import units
from meterline.usage.formats import REJECTS, Decoded
from meterline.usage.mapping import (
    ISO,
    UNIX,
    UNIX_MS,
    Condition,
    Mapping,
    Stamp,
    read_mapping,
    zones,
)

EXACT = pl.Decimal(38, 10)
LOCAL = "%Y-%m-%dT%H:%M:%S%.f"
INSTANT = "%Y-%m-%dT%H:%M:%S%.fZ"

_MOST = Decimal(10) ** 18  # of a number that is converted; larger ones stay as they are
_FRACTION_MOST = 10**9


def remapped_all(chunks: Iterator[Decoded], mapping: Path | None) -> Iterator[Decoded]:
    """The chunks of a format that has names of its own, by a mapping if there is one."""
    if mapping is None:
        yield from chunks
        return
    rule = read_mapping(mapping)
    done = 0
    for chunk in chunks:
        height = chunk.records.height
        yield remapped(chunk, rule, done)
        done += height


def remapped(chunk: Decoded, rule: Mapping, done: int) -> Decoded:
    """A chunk by a mapping: filters on the rows as they come; then columns, constants, times,
    lookups, units; then checks. `done`: how many rows came before. Columns that a row should have
    and the file has not are null.
    """
    rows = chunk.records
    kept = rows.filter([_holds(one, rows) for one in rule.filters]) if rule.filters else rows
    named = _named(kept, rule)
    if rule.first is not None and rule.every is not None:
        named = named.with_columns(start=_counted(rule.first, rule.every, done))
    named = named.with_columns(_looked_up(named, kept, rule))
    named, present = _with_quantities(named, kept, rule)
    named = _with_times(named, present, rule)
    faults = _faults(named, present, rule)
    if faults is not None:
        bad = faults.is_not_null()
        rejects = _rejects(named.filter(bad), faults.filter(bad))
        named = named.filter(~bad)
    else:
        rejects = pl.DataFrame(schema=REJECTS)
    return Decoded(
        records=named,
        rejects=pl.concat([chunk.rejects, rejects]),
        left_out=chunk.left_out + rows.height - named.height - rejects.height,
        control=chunk.control,
    )


def _source(name: str, rows: pl.DataFrame) -> pl.Expr:
    return pl.col(name) if name in rows.columns else pl.lit(None, pl.String)


def _named(rows: pl.DataFrame, rule: Mapping) -> pl.DataFrame:
    """The rows under the mapping's names; all of them as they are if it names no columns."""
    made: dict[str, pl.Expr] = {"line": pl.col("line")}
    if not rule.columns:
        made |= {name: pl.col(name) for name in rows.columns}
    for old, new in rule.columns.items():
        made |= {name: _source(old, rows) for name in new}
    for field, olds in rule.joined.items():
        made[field] = pl.concat_str([_source(old, rows) for old in olds], separator="/")
    made |= {name: pl.lit(value, pl.String) for name, value in rule.constants.items()}
    return rows.select(value.alias(name) for name, value in made.items())


def _counted(first: str, every: int, done: int) -> pl.Expr:
    start = pl.lit(datetime.fromisoformat(first))
    moments = start + pl.duration(seconds=(pl.int_range(pl.len()) + done) * every)
    return moments.dt.strftime(LOCAL.removesuffix("%.f"))


def _looked_up(named: pl.DataFrame, rows: pl.DataFrame, rule: Mapping) -> list[pl.Series]:
    made = []
    for field, lookup in rule.lookups.items():
        of = _source(lookup.of, rows) if lookup.of is not None else _source(field, named)
        origin = rows if lookup.of is not None else named
        text = origin.select(pl.lit(None, pl.String).alias(field), of.alias("text"))["text"]
        default = text
        if lookup.otherwise is not None:
            default = pl.Series(field, [lookup.otherwise]).new_from_index(0, len(text))
        found = default
        if lookup.table:
            found = text.replace_strict(lookup.table, default=default, return_dtype=pl.String)
        made.append(found.alias(field))
    return made


def _with_quantities(
    named: pl.DataFrame, rows: pl.DataFrame, rule: Mapping
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Numbers in the meter's units; and the source rows of those that stay."""
    numbers = [name for name in ("quantity", "duration") if name in named.columns]
    if rule.decimal == ",":
        named = named.with_columns(
            pl.col(name).str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
            for name in numbers
        )
    if rule.empty == "skip" and "quantity" in numbers:
        quantity = named["quantity"]
        there = quantity.is_not_null() & (quantity.str.to_lowercase() != "nan")
        named, rows = named.filter(there), rows.filter(there)
    for name in numbers:
        ratio = _ratio(name, rule)
        if ratio != 1:
            named = named.with_columns(_times(pl.col(name), ratio).alias(name))
    return named, rows


def _ratio(name: str, rule: Mapping) -> Fraction:
    unit = rule.units.get(name)  # type: ignore[call-overload]
    ratio = Fraction(1) if unit is None else units.ratio(unit.old, unit.new) or Fraction(1)
    if name == "quantity" and rule.factor is not None:
        ratio *= Fraction(rule.factor)
    return ratio


def _times(text: pl.Expr, ratio: Fraction) -> pl.Expr:
    """A number times a fraction, to 10 decimals; what is no number, or too large for that, stays
    as it is, and is rejected as such."""
    exact = text.cast(EXACT, strict=False)
    fits = pl.when(exact.abs() < pl.lit(_MOST, EXACT)).then(exact)
    if ratio.numerator <= _FRACTION_MOST and ratio.denominator <= _FRACTION_MOST:
        made = fits * pl.lit(Decimal(ratio.numerator), EXACT)
        if ratio.denominator != 1:
            made = made / pl.lit(Decimal(ratio.denominator), EXACT)
    else:
        many = Decimal(ratio.numerator) / Decimal(ratio.denominator)
        made = fits * pl.lit(round(many, 10), EXACT)
    shown = made.cast(pl.String).str.strip_chars_end("0").str.strip_suffix(".")
    return pl.coalesce(shown, text)


def _with_times(named: pl.DataFrame, rows: pl.DataFrame, rule: Mapping) -> pl.DataFrame:
    """Stamps as ISO 8601, in UTC where the zone is known."""
    stamps = {name: rows.select(_stamp(name, stamp, rows, named))[name]
              for name, stamp in rule.times.items() if stamp.of}  # fmt: skip
    named = named.with_columns(**stamps)
    named = named.with_columns(
        _stamp(name, stamp, rows, named)
        for name, stamp in rule.times.items()
        if not stamp.of and name in named.columns
    )
    if named.is_empty():
        return named
    present = [name for name in ("start", "end") if name in named.columns]
    if rule.timezone_column is not None:
        zone = rows.select(_source(rule.timezone_column, rows).alias("zone"))["zone"]
        return named.with_columns(in_zones(named[name], zone) for name in present)
    if rule.timezone is not None:
        return named.with_columns(in_zone(name, rule.timezone) for name in present)
    return named


def _stamp(name: str, stamp: Stamp, rows: pl.DataFrame, named: pl.DataFrame) -> pl.Expr:
    text = pl.col(name)
    if stamp.of:
        text = pl.concat_str([_source(old, rows) for old in stamp.of], separator=" ")
    return pl.coalesce(_read(text, stamp.format), text).alias(name)


def _read(text: pl.Expr, format: str) -> pl.Expr:
    if format == ISO:
        return text
    if format in (UNIX, UNIX_MS):
        scale = 1_000_000 if format == UNIX else 1000
        number = text.cast(EXACT, strict=False)
        fits = pl.when(number.abs() < 10**14).then(number)
        micros = (fits * scale).round(0).cast(pl.Int64)
        near = pl.when(micros.abs() < 4_000_000_000_000_000).then(micros)  # before the year 2100
        return near.cast(pl.Datetime("us")).dt.strftime(INSTANT)
    moment = text.str.to_datetime(format, time_unit="us", strict=False)
    if "%z" in format:
        return moment.dt.convert_time_zone("UTC").dt.strftime(INSTANT)
    return moment.dt.strftime(LOCAL)


def in_zone(name: str, zone: str) -> pl.Expr:
    """Stamps without an offset as instants. Of a wall clock that comes twice, the first row is the
    first hour; in the hour that is skipped the clock goes on as before."""
    text = pl.col(name).str.replace(" ", "T", literal=True)
    local = text.str.to_datetime(LOCAL, time_unit="us", strict=False)
    again = local.cum_count().over(local) > 1
    ambiguous = pl.when(again).then(pl.lit("latest")).otherwise(pl.lit("earliest"))
    known = local.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null")
    skipped = (local - pl.duration(hours=1)).dt.replace_time_zone(
        zone, ambiguous="earliest", non_existent="null"
    ) + pl.duration(hours=1)
    instant = pl.coalesce(known, skipped).dt.convert_time_zone("UTC")
    return pl.coalesce(instant.dt.strftime(INSTANT), pl.col(name)).alias(name)


def in_zones(stamps: pl.Series, zone: pl.Series) -> pl.Series:
    """As in_zone, each row in its own zone; of unknown zones they stay as they are."""
    frame = pl.DataFrame({stamps.name: stamps, "zone": zone}).with_row_index("row")
    parts = [
        part.with_columns(in_zone(stamps.name, found)) if found in zones() else part
        for (found,), part in frame.group_by("zone", maintain_order=True)
    ]
    return pl.concat([frame.clear(), *parts]).sort("row")[stamps.name]


def _holds(one: Condition, rows: pl.DataFrame) -> pl.Expr:
    text = _source(one.column, rows).fill_null("")
    missing = text == ""
    number = text.cast(EXACT, strict=False)
    said: list[pl.Expr] = [pl.lit(True)]
    if one.one_of is not None:
        said.append(text.is_in(one.one_of))
    if one.none_of is not None:
        said.append(~text.is_in(one.none_of))
    if one.matches is not None:
        said.append(missing | text.str.contains(one.matches))
    if one.at_least is not None:
        said.append(missing | (number >= one.at_least))
    if one.at_most is not None:
        said.append(missing | (number <= one.at_most))
    return pl.all_horizontal(said).fill_null(False)


def _faults(named: pl.DataFrame, rows: pl.DataFrame, rule: Mapping) -> pl.Series | None:
    """What is wrong with each record, null where nothing is; None: with none."""
    told: list[pl.Expr] = []
    for one in rule.checks:
        shown = pl.format(
            "{} {} does not pass the check: {}", pl.lit(one.column),
            _source(one.column, named).fill_null("(empty)").str.slice(0, 100),
            pl.lit(_words(one)),
        )  # fmt: skip
        told.append(pl.when(~_holds(one, named)).then(shown))
    found = named.select(pl.coalesce(told).alias("fault"))["fault"] if told else None
    if rule.timezone_column is not None:
        zone = rows.select(_source(rule.timezone_column, rows).alias("zone"))["zone"]
        unknown = zone.is_not_null() & ~zone.is_in(sorted(zones()))
        fault = pl.DataFrame({"zone": zone, "unknown": unknown}).select(
            pl.when("unknown").then(pl.format("unknown time zone {}", "zone"))
        )
        found = fault.to_series() if found is None else found.zip_with(
            found.is_not_null(), fault.to_series()
        )  # fmt: skip
    return found


def _words(one: Condition) -> str:
    said: dict[str, Any] = one.model_dump(exclude={"column"}, exclude_none=True, by_alias=True)
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in said.items())


def _rejects(records: pl.DataFrame, faults: pl.Series) -> pl.DataFrame:
    """Records that a check refuses, whole, as JSON: they may be tried again."""
    fields = [name for name in records.columns if name != "line"]
    return records.select(
        pl.col("line").cast(pl.UInt32),
        reason=pl.lit("check"),
        detail=faults,
        record=pl.struct(fields).struct.json_encode(),
    )
