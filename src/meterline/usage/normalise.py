"""From decoded texts to typed records. Pure.

A record whose start has no offset keeps its wall clock until its subscription, and so its zone, is
known.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from meterline.subscriptions.periods import INSTANT

QUANTITY = pl.Decimal(38, 10)
CANONICAL = (
    "line", "id", "meter", "identifier", "subscription", "start", "end", "duration", "quantity",
)  # fmt: skip
AHEAD_MOST = timedelta(days=1)
_EARLIEST = datetime(1970, 1, 1)  # noqa: DTZ001

REJECTS: dict[str, Any] = {"line": pl.UInt32, "reason": pl.String, "detail": pl.String}


def with_canonical_columns(records: pl.DataFrame) -> pl.DataFrame:
    """`records` with every canonical column; `line` counts from 1 where it is missing."""
    frame = records if "line" in records.columns else records.with_row_index("line", offset=1)
    return frame.with_columns(
        pl.lit(None, pl.String).alias(name) for name in CANONICAL if name not in frame.columns
    )


def normalise(
    records: pl.DataFrame, *, source: str, now: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Typed records and rejects (line, reason, detail).

    Typed: line, id, meter, identifier, subscription, start (INSTANT, null: local), local (naive
    Datetime, null: has an offset), end_local, duration_us Int64, quantity QUANTITY, and the
    properties as they are.
    """
    frame = with_canonical_columns(records)
    typed = frame.with_columns(
        **_starts("start", "start", "local"),
        **_starts("end", "end_at", "end_local"),
        duration_us=_micros(pl.col("duration")),
        quantity=pl.col("quantity").cast(QUANTITY, strict=False),
        start_text=pl.col("start"),
        quantity_text=pl.col("quantity"),
    )
    reason = _reason(now)
    judged = typed.with_columns(reason=reason)
    bad = judged.filter(pl.col("reason").is_not_null()).select(
        "line",
        pl.col("reason").list.get(0).alias("reason"),
        pl.col("reason").list.get(1).alias("detail"),
    )
    good = judged.filter(pl.col("reason").is_null()) if bad.height else judged
    return (
        good.with_columns(
            duration_us=pl.coalesce(
                "duration_us", _elapsed("start", "end_at", "local", "end_local")
            ),
            id=pl.coalesce("id", _derived_id(source)),
        ).drop("end", "end_at", "end_local", "duration", "start_text", "quantity_text", "reason"),
        bad,
    )


def _starts(column: str, instant: str, local: str) -> dict[str, pl.Expr]:
    """The instant of a text with an offset, the wall clock of one without."""
    text = pl.col(column).str.replace(" ", "T", literal=True)
    day = text.str.len_bytes() == 10
    full = pl.when(day).then(pl.concat_str(text, pl.lit("T00:00:00"))).otherwise(text)
    zulu = full.str.ends_with("Z")
    tail = full.str.slice(-6)
    offset = zulu | (
        (tail.str.starts_with("+") | tail.str.starts_with("-")) & (tail.str.slice(3, 1) == ":")
    )
    absolute = pl.when(zulu).then(full.str.strip_suffix("Z"))
    plain = _naive(pl.when(offset).then(pl.lit(None, pl.String)).otherwise(full))
    in_utc = _naive(absolute).dt.replace_time_zone("UTC")
    shifted = _naive(pl.when(offset & ~zulu).then(full.str.slice(0, full.str.len_bytes() - 6)))
    minutes = (
        tail.str.slice(1, 2).cast(pl.Int64, strict=False) * 60
        + tail.str.slice(4, 2).cast(pl.Int64, strict=False)
    ) * pl.when(tail.str.starts_with("-")).then(-1).otherwise(1)
    moved = (shifted - pl.duration(minutes=minutes)).dt.replace_time_zone("UTC")
    return {instant: pl.coalesce(in_utc, moved).cast(INSTANT), local: plain}


def _naive(text: pl.Expr) -> pl.Expr:
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)


def _micros(seconds: pl.Expr) -> pl.Expr:
    """Seconds as text in microseconds."""
    exact = seconds.cast(pl.Decimal(38, 6), strict=False).to_physical()
    return pl.when(exact.abs() < 2**62).then(exact).cast(pl.Int64)


def _elapsed(start: str, end: str, local: str, end_local: str) -> pl.Expr:
    both = (pl.col(end) - pl.col(start)).dt.total_microseconds()
    on_the_clock = (pl.col(end_local) - pl.col(local)).dt.total_microseconds()
    return pl.coalesce(both, on_the_clock)


def _derived_id(source: str) -> pl.Expr:
    """The id of a record that brings none: where it comes from, whose, of what, and when."""
    return pl.concat_str(
        pl.lit(source), pl.coalesce("identifier", "subscription"), "meter", "start_text",
        separator="/",
    )  # fmt: skip


def _reason(now: datetime) -> pl.Expr:
    """[reason, detail] of what is wrong with a record, null where nothing is."""
    latest = pl.lit(now + AHEAD_MOST, INSTANT)
    nobody = pl.col("identifier").is_null() & pl.col("subscription").is_null()
    no_start = pl.col("start").is_null() & pl.col("local").is_null()
    moment = pl.coalesce(pl.col("start").dt.replace_time_zone(None), pl.col("local"))
    early = moment < _EARLIEST
    late = moment > latest.dt.replace_time_zone(None)
    odd = pl.col("quantity").is_null() & pl.col("quantity_text").is_not_null()
    odd_duration = (pl.col("duration_us").is_null() & pl.col("duration").is_not_null()) | (
        pl.col("duration_us") < 0
    )
    backwards = pl.coalesce(
        pl.col("end_at") < pl.col("start"), pl.col("end_local") < pl.col("local")
    )
    no_end = (
        pl.col("end").is_not_null() & pl.col("end_at").is_null() & pl.col("end_local").is_null()
    )

    def because(reason: str, detail: str) -> pl.Expr:
        return pl.concat_list(pl.lit(reason), pl.lit(detail))

    return (
        pl.when(pl.col("meter").is_null()).then(because("malformed", "no meter"))
        .when(nobody).then(because("malformed", "neither identifier nor subscription"))
        .when(pl.col("start_text").is_null()).then(because("malformed", "no start"))
        .when(no_start).then(because("invalid_time", "start is no date and time (ISO 8601)"))
        .when(early).then(because("invalid_time", "start lies before 1970"))
        .when(late).then(because("invalid_time", "start lies more than a day ahead"))
        .when(no_end).then(because("invalid_time", "end is no date and time (ISO 8601)"))
        .when(backwards.fill_null(False)).then(because("invalid_time", "end lies before start"))
        .when(odd_duration.fill_null(False))
        .then(because("invalid_quantity", "duration is no number of seconds >= 0"))
        .when(odd).then(because("invalid_quantity", "quantity is no decimal number"))
    )  # fmt: skip
