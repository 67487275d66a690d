"""Time as it counts for consumption: evenly, or by the profile of a year. Pure."""

from __future__ import annotations

from datetime import date, datetime
from typing import cast

import polars as pl

from meterline.reads.frames import PROFILES

_DAY = 86_400
_FINE = 1_000
WEIGHT_SCALE = 1_000_000
"""Weights of months are whole millionths."""


class Weights:
    """How much of consumption lies before an instant: differences count, not the number itself."""

    def __init__(self, profiles: pl.DataFrame, first: datetime, last: datetime) -> None:
        """`profiles`: PROFILES, twelve months each; the instants asked for lie within the years
        of `first` and `last`."""
        days = pl.date_range(date(first.year - 2, 1, 1), date(last.year + 2, 12, 31), eager=True)
        months = profiles.select(PROFILES.keys()).with_columns(pl.col("month").cast(pl.Int8))
        frame = days.alias("day").to_frame().with_columns(month=pl.col("day").dt.month())
        daily = frame.join(months, on="month").with_columns(
            by_second=pl.col("weight") * _FINE // pl.col("day").dt.days_in_month()
        )
        self._days = (
            daily.sort("profile", "day")
            .with_columns(
                until=(pl.col("by_second").cast(pl.Int128) * _DAY).cum_sum().over("profile")
            )
            .select(
                "profile", "day", "by_second",
                before=pl.col("until") - pl.col("by_second").cast(pl.Int128) * _DAY,
            )
        )  # fmt: skip

    @classmethod
    def over(cls, profiles: pl.DataFrame, *instants: pl.Series) -> Weights:
        """Those for instants, some at least."""
        moments = pl.concat(instants)
        return cls(profiles, cast(datetime, moments.min()), cast(datetime, moments.max()))

    def of(self, frame: pl.DataFrame, instant: str, name: str) -> pl.DataFrame:
        """`frame` (profile String or null, ...) with the weight of all time before the column
        `instant`, as `name` (Int128; null where the instant is)."""
        seconds = pl.col(instant).dt.epoch("s")
        found = frame.with_columns(day=pl.col(instant).dt.date()).join(
            self._days, on=["profile", "day"], how="left", maintain_order="left"
        )
        shaped = pl.col("before") + pl.col("by_second").cast(pl.Int128) * (seconds % _DAY)
        even = seconds.cast(pl.Int128)
        weight = pl.when(pl.col("profile").is_null()).then(even).otherwise(shaped)
        return found.with_columns(weight.alias(name)).drop("day", "by_second", "before")


def shared(total: pl.Expr, part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """`total` x `part` / `whole`, whole numbers >= 0, rounded half up; null for a whole of 0."""
    exact = 2 * total.cast(pl.Int128) * part + whole
    return pl.when(whole > 0).then(exact // (2 * whole)).cast(pl.Int64)
