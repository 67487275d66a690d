"""Where consumption between two reads has to be split: at billing days, or each midnight, and where
the contract changes hands or plans. Pure."""

from __future__ import annotations

from typing import Any

import polars as pl

from meterline.reads.frames import INSTANT
from meterline.usage.guide import in_zone

HOLDERS: dict[str, Any] = {
    "identifier": pl.String,
    "since_at": INSTANT,
    "until_at": INSTANT,
    "timezone": pl.String,
    "billing_day": pl.Int64,
}


def splits(channels: pl.DataFrame, holders: pl.DataFrame) -> pl.DataFrame:
    """channel, at: instants within the reads of each channel (channel, identifier, split, first,
    last) at which its place's HOLDERS begin, end, or are billed."""
    held = channels.join(holders, on="identifier").with_columns(
        begin=pl.max_horizontal("first", "since_at"), finish=pl.min_horizontal("last", "until_at")
    )
    if held.is_empty():
        return pl.DataFrame(schema={"channel": pl.Int64, "at": INSTANT})
    ends = [held.select("channel", "first", "last", at=name) for name in ("since_at", "until_at")]
    days = [_midnights(part, str(zone)) for (zone,), part in
            held.filter(pl.col("begin") < pl.col("finish")).group_by("timezone")]  # fmt: skip
    found = pl.concat([*ends, *days])
    inside = (pl.col("at") > pl.col("first")) & (pl.col("at") < pl.col("last"))
    return found.filter(inside).select("channel", "at").unique().sort("channel", "at")


def _midnights(held: pl.DataFrame, zone: str) -> pl.DataFrame:
    """channel, first, last, at: the midnights of a zone at which stretches are split."""
    local = held.filter(pl.col("split") != "none").with_columns(
        first_day=pl.col("begin").dt.convert_time_zone(zone).dt.date(),
        last_day=pl.col("finish").dt.convert_time_zone(zone).dt.date(),
    )
    monthly = pl.col("split") == "month"
    each_day = local.filter(~monthly).with_columns(
        day=pl.date_ranges("first_day", "last_day", "1d")
    ).explode("day")  # fmt: skip
    months = local.filter(monthly).with_columns(
        day=pl.date_ranges(
            pl.col("first_day").dt.month_start(), pl.col("last_day").dt.month_start(), "1mo"
        )
    ).explode("day")  # fmt: skip
    billed = months.with_columns(
        pl.col("day")
        + pl.duration(days=pl.min_horizontal("billing_day", pl.col("day").dt.days_in_month()) - 1)
    )
    days = pl.concat([each_day, billed]).filter(pl.col("day").is_not_null())
    clock = days["day"].cast(pl.Datetime("us")).alias("local")
    moments = days.with_columns(at=in_zone(clock, zone)).filter(
        (pl.col("at") > pl.col("begin")) & (pl.col("at") < pl.col("finish"))
    )
    return moments.select("channel", "first", "last", "at")
