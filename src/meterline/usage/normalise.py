"""From decoded texts to typed records. Pure.

A record whose start has no offset keeps its wall clock until its subscription, and so its zone, is
known. Quantities keep 10 decimals, rounded half to even; no meter is that fine.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from meterline.subscriptions.periods import INSTANT
from meterline.usage.in_utc import in_utc

QUANTITY = pl.Decimal(38, 10)
LOCAL = pl.Datetime("us")
CANONICAL = (
    "line", "id", "meter", "identifier", "subscription", "start", "end", "duration", "quantity",
)  # fmt: skip
AHEAD_MOST = timedelta(days=1)
_EARLIEST = datetime(1970, 1, 1)  # noqa: DTZ001

REJECTS: dict[str, Any] = {"line": pl.UInt32, "reason": pl.String, "detail": pl.String}

_FAULTS = (  # by their number, from 1; the first that holds is told
    ("malformed", "no meter"),
    ("malformed", "neither identifier nor subscription"),
    ("malformed", "no start"),
    ("invalid_time", "start is no date and time (ISO 8601)"),
    ("invalid_time", "start lies before 1970"),
    ("invalid_time", "start lies more than a day ahead"),
    ("invalid_time", "end is no date and time (ISO 8601)"),
    ("invalid_time", "end lies before start"),
    ("invalid_quantity", "duration is no number of seconds >= 0"),
    ("invalid_quantity", "quantity is no decimal number"),
)


def normalise(
    records: pl.DataFrame, *, source: str, now: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Typed records and rejects (line, reason, detail).

    Typed: line, id, meter, identifier, subscription, start (INSTANT, null: local), local (naive
    Datetime, null: has an offset), duration_us Int64, quantity QUANTITY, and the properties as
    they are.
    """
    texts = records.with_columns(
        pl.lit(None, pl.String).alias(name) for name in CANONICAL if name not in records.columns
    )
    start, local = instants(texts["start"])
    end, end_local = instants(texts["end"])
    typed = pl.DataFrame(
        {
            "start": start,
            "local": local,
            "end": end,
            "end_local": end_local,
            "duration_us": _micros(texts["duration"]),
            "quantity": _decimals(texts["quantity"]),
        }
    )
    fault = _faults(texts, typed, now)
    elapsed = pl.coalesce(
        "duration_us",
        (pl.col("end") - pl.col("start")).dt.total_microseconds(),
        (pl.col("end_local") - pl.col("local")).dt.total_microseconds(),
    )
    known = typed.with_columns(duration_us=elapsed).drop("end", "end_local")
    if texts["id"].null_count():
        texts = texts.with_columns(id=pl.coalesce("id", _derived_id(source)))
    made = texts.drop("start", "end", "duration", "quantity").hstack(known)
    if not fault.max():
        return made, pl.DataFrame(schema=REJECTS)
    bad = pl.DataFrame({"line": texts["line"], "fault": fault}).filter(pl.col("fault") > 0)
    reasons = {number: reason for number, (reason, _) in enumerate(_FAULTS, start=1)}
    details = {number: detail for number, (_, detail) in enumerate(_FAULTS, start=1)}
    rejects = bad.select(
        pl.col("line").cast(pl.UInt32),
        reason=pl.col("fault").replace_strict(reasons, return_dtype=pl.String),
        detail=pl.col("fault").replace_strict(details, return_dtype=pl.String),
    )
    return made.filter(fault == 0), rejects


def instants(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The instants of texts with an offset, the wall clocks of those without."""
    if text.null_count() == len(text):
        return pl.Series(text.name, [None], INSTANT).new_from_index(0, len(text)), pl.Series(
            text.name, [None], LOCAL
        ).new_from_index(0, len(text))
    usual = in_utc(text)
    if usual is not None:
        return usual, pl.Series([None], dtype=LOCAL).new_from_index(0, len(text))
    found = text.to_frame("text").select(**_by_offset(pl.col("text")))
    return found["instant"], found["local"]


def _by_offset(column: pl.Expr) -> dict[str, pl.Expr]:
    text = column.str.replace(" ", "T", literal=True)
    day = text.str.len_bytes() == 10
    full = pl.when(day).then(pl.concat_str(text, pl.lit("T00:00:00"))).otherwise(text)
    zulu = full.str.ends_with("Z")
    tail = full.str.slice(-6)
    offset = zulu | (
        (tail.str.starts_with("+") | tail.str.starts_with("-")) & (tail.str.slice(3, 1) == ":")
    )
    plain = _naive(pl.when(offset).then(pl.lit(None, pl.String)).otherwise(full))
    in_utc = _naive(pl.when(zulu).then(full.str.strip_suffix("Z"))).dt.replace_time_zone("UTC")
    shifted = _naive(pl.when(offset & ~zulu).then(full.str.slice(0, full.str.len_bytes() - 6)))
    minutes = (
        tail.str.slice(1, 2).cast(pl.Int64, strict=False) * 60
        + tail.str.slice(4, 2).cast(pl.Int64, strict=False)
    ) * pl.when(tail.str.starts_with("-")).then(-1).otherwise(1)
    moved = (shifted - pl.duration(minutes=minutes)).dt.replace_time_zone("UTC")
    return {"instant": pl.coalesce(in_utc, moved).cast(INSTANT), "local": plain}


def _naive(text: pl.Expr) -> pl.Expr:
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)


def _micros(seconds: pl.Series) -> pl.Series:
    """Seconds as text in microseconds."""
    whole = seconds.cast(pl.Int64, strict=False)
    if whole.null_count() == seconds.null_count() and (whole.abs() < 2**42).all():
        return whole * 1_000_000
    exact = seconds.cast(pl.Decimal(38, 6), strict=False).to_physical()
    fits = exact.to_frame("exact").select(pl.when(pl.col("exact").abs() < 2**62).then("exact"))
    return fits.to_series().cast(pl.Int64)


def _decimals(quantity: pl.Series) -> pl.Series:
    return quantity.cast(QUANTITY, strict=False)


def _derived_id(source: str) -> pl.Expr:
    """The id of a record that brings none: where it comes from, whose, of what, and when."""
    return pl.concat_str(
        pl.lit(source), pl.coalesce("identifier", "subscription"), "meter", "start", separator="/"
    )


def _faults(texts: pl.DataFrame, typed: pl.DataFrame, now: datetime) -> pl.Series:
    """The number of what is wrong with each record (_FAULTS), 0 where nothing is."""
    latest = pl.lit((now + AHEAD_MOST).replace(tzinfo=None), LOCAL)
    both = texts.select(
        "meter", "identifier", "subscription", start_text="start", end_text="end",
        duration_text="duration", quantity_text="quantity",
    ).hstack(typed)  # fmt: skip
    moment = pl.coalesce(pl.col("start").dt.replace_time_zone(None), pl.col("local"))
    backwards = (pl.col("end") < pl.col("start")) | (pl.col("end_local") < pl.col("local"))
    no_end = (
        pl.col("end_text").is_not_null() & pl.col("end").is_null() & pl.col("end_local").is_null()
    )
    unread_duration = pl.col("duration_us").is_null() & pl.col("duration_text").is_not_null()
    conditions = (
        pl.col("meter").is_null(),
        pl.col("identifier").is_null() & pl.col("subscription").is_null(),
        pl.col("start_text").is_null(),
        moment.is_null(),
        moment < _EARLIEST,
        moment > latest,
        no_end,
        backwards,
        unread_duration | (pl.col("duration_us") < 0),
        pl.col("quantity").is_null() & pl.col("quantity_text").is_not_null(),
    )
    any_fault = both.select(pl.any_horizontal(c.fill_null(False).any() for c in conditions)).item()
    if not any_fault:
        return pl.Series([0], dtype=pl.UInt8).new_from_index(0, both.height)
    number: Any = pl
    for index, condition in enumerate(conditions, start=1):
        number = number.when(condition.fill_null(False)).then(pl.lit(index, pl.UInt8))
    return both.select(number.otherwise(pl.lit(0, pl.UInt8))).to_series()
