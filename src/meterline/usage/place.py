"""To which period of its price a rated record belongs. Pure; the same periods as billing's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, cast

import numpy as np
import polars as pl

from meterline.rating.tariff import Tariff
from meterline.subscriptions.periods import INSTANT, BillingDays, periods, runs
from meterline.usage.spans import ALWAYS, NEVER, Array, Spans, instants


class Periods:
    """Usage periods, to look starts up in."""

    def __init__(self, table: pl.DataFrame) -> None:
        """`table`: _OF, period_from, period_to, period_start."""
        self._rows = table.sort(_OF)
        self._spans = Spans(
            _keys(self._rows), instants(self._rows["period_from"], ALWAYS),
            instants(self._rows["period_to"], NEVER), np.zeros(table.height, dtype=np.int64),
        )  # fmt: skip

    def starts(self, rated: pl.DataFrame) -> pl.Series:
        """The period_start of rated records (_OF, start)."""
        found = self._spans.find(_keys(rated), instants(rated["start"], NEVER))
        there = found.min() >= 0 and self._rows.select(_OF)[found].equals(rated.select(_OF))
        assert there, "every record of a phase lies in one of its periods"
        return self._rows["period_start"].gather(pl.Series(found))


_OF = ("subscription_id", "plan_version_id", "schedule")


def _keys(frame: pl.DataFrame) -> Array:
    """One number of _OF; that no two have the same one is checked where it matters."""
    mixed: Array = np.zeros(frame.height, dtype=np.uint64)
    for name, odd in zip(_OF, _ODD, strict=True):
        mixed += frame[name].to_numpy().astype(np.uint64) * np.uint64(odd)
    return mixed ^ (mixed >> np.uint64(32))


_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


@dataclass(frozen=True, kw_only=True)
class Timelines:
    """Phases (subscriptions.frames.PHASES) and billing days, with the periods made of them; kept,
    since the chunks of a load ask for the same ones again."""

    phases: pl.DataFrame
    billing_days: BillingDays
    _made: dict[Any, Periods] = field(default_factory=dict, repr=False)
    _making: Lock = field(default_factory=Lock, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """To another machine goes what it is made from."""
        return _timelines, (self.phases, self.billing_days)

    def periods(self, prices: pl.DataFrame, first: datetime, last: datetime) -> Periods:
        """The usage periods at prices (_schedules) that reach into `[first, last]`, and some more
        before and after."""
        schedules = prices.drop("price_id").unique().sort(pl.all())
        begin, end = _month(first), _month(_month(last) + timedelta(days=32))
        key = (begin, end, *schedules.iter_rows())
        with self._making:  # once, whoever asks for it at the same time
            if key not in self._made:
                found = _periods(self.phases, schedules, self.billing_days, (begin, end))
                self._made[key] = Periods(found)
        return self._made[key]


def _timelines(phases: pl.DataFrame, billing_days: BillingDays) -> Timelines:
    return Timelines(phases=phases, billing_days=billing_days)


def with_period_start(rated: pl.DataFrame, timelines: Timelines, tariff: Tariff) -> pl.DataFrame:
    """`rated` (subscription_id, plan_version_id, price_id, start, ...) with period_start Date."""
    if rated.is_empty():
        return rated.with_columns(period_start=pl.lit(None, pl.Date))
    prices = _schedules(tariff, rated["price_id"].unique().to_list())
    first, last = cast(datetime, rated["start"].min()), cast(datetime, rated["start"].max())
    schedule = pl.col("price_id").replace_strict(
        prices["price_id"], prices["schedule"], return_dtype=pl.Int32
    )
    found = timelines.periods(prices, first, last).starts(rated.with_columns(schedule=schedule))
    return rated.with_columns(period_start=found)


def _month(moment: datetime) -> datetime:
    """The start of its month."""
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _schedules(tariff: Tariff, price_ids: list[int]) -> pl.DataFrame:
    """price_id, plan_version_id, interval, align, day_count, schedule (equal for equal ones)."""
    prices = [tariff.prices[price_id] for price_id in price_ids]
    frame = pl.DataFrame(
        {
            "price_id": [price.id for price in prices],
            "plan_version_id": [price.plan_version_id for price in prices],
            "interval": [str(price.interval) for price in prices],
            "align": [price.policy.align for price in prices],
            "day_count": [price.policy.day_count for price in prices],
        },
        schema_overrides={"price_id": pl.Int64, "plan_version_id": pl.Int64},
    )
    return frame.with_columns(
        schedule=pl.struct("interval", "align", "day_count").rank("dense").cast(pl.Int32)
    )


def _periods(
    phases: pl.DataFrame,
    schedules: pl.DataFrame,
    billing_days: BillingDays,
    window: tuple[datetime, datetime],
) -> pl.DataFrame:
    """The usage periods of all runs that reach into the window."""
    reaching = runs(phases).filter(
        pl.col("start_at") <= window[1],
        pl.col("end_at").is_null() | (pl.col("end_at") > window[0]),
    )
    spans = reaching.join(schedules, on="plan_version_id").select(
        "subscription_id", "plan_version_id", "schedule", "interval", "align", "day_count",
        "timezone", pl.col("account_id").alias("billing_days"),
        pl.col("charge_start").alias("first"), "anchor", "day_start",
        "start_at", "end_at",
        pl.lit(window[0], INSTANT).alias("since_at"), pl.lit(window[1], INSTANT).alias("until_at"),
    )  # fmt: skip
    return periods(spans, billing_days).select(
        "subscription_id", "plan_version_id", "schedule",
        period_from="start_at", period_to="end_at", period_start="start_date",
    )  # fmt: skip
