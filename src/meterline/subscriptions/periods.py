"""Charge periods on columns: from spans of a subscription to the periods that a price charges.

Used by billing (recurring and usage charges) and by usage (to which period a record belongs), so
that both agree by construction. Pure. Few distinct schedules stand behind many subscriptions:
each distinct one is worked out once and joined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

import polars as pl

from meterline.kernel.cycle import (
    Align,
    BillingDay,
    ChargePeriod,
    Schedule,
    periods_since,
)
from meterline.kernel.interval import Interval
from meterline.kernel.policy import DayCount
from meterline.kernel.prorate import share

INSTANT = pl.Datetime("us", "UTC")

SPAN_SCHEMA: dict[str, Any] = {
    "interval": pl.String,  # as kernel.interval writes it
    "align": pl.String,
    "day_count": pl.String,
    "timezone": pl.String,
    "billing_days": pl.Int64,  # the account, key of the mapping given beside the frame
    "first": pl.Date,  # the first charged day of the subscription
    "anchor": pl.Date,  # null, or where cycles were reset
    "day_start": pl.Time,  # local time at which days of anniversaries begin; null: midnight
    "start_at": INSTANT,
    "end_at": INSTANT,  # null: open
    "since_at": INSTANT,  # only periods that end after it
    "until_at": INSTANT,  # only periods that begin on or before it
}

PERIOD_SCHEMA: dict[str, Any] = {
    "start_at": INSTANT,
    "end_at": INSTANT,
    "start_date": pl.Date,  # local
    "end_date": pl.Date,
    "cycle_start_date": pl.Date,  # the whole cycle in which the period sits
    "cycle_end_date": pl.Date,
    "days": pl.Int32,  # calendar days of the period
    "share_numerator": pl.Int64,  # of the whole cycle, by the day count
    "share_denominator": pl.Int64,
    "ordinal": pl.Int32,  # 0 for the first period of the span, counted on from there
    "period_closed": pl.Boolean,  # false: the span is open and the period may still get another end
}

_FEW = 16  # spans: to work out one schedule again costs less than to find that it is the same
BillingDays = Mapping[int, Sequence[BillingDay]]
_FIRST_DAY = date(1, 1, 1)
_DAY = timedelta(days=1)


def periods(spans: pl.DataFrame, billing_days: BillingDays) -> pl.DataFrame:
    """Every charge period of every span: the columns of `spans` (its start_at, end_at, since_at,
    until_at replaced) and those of PERIOD_SCHEMA.

    `spans` has the columns of SPAN_SCHEMA and any others, e.g. ids. `billing_days`: account id ->
    its billing days in order, the first one since 0001-01-01.
    """
    others = [name for name in spans.columns if name not in SPAN_SCHEMA]
    calendars, codes = _intern_days(billing_days)
    if spans.height <= _FEW:
        return _each(spans, others, calendars, codes)
    keyed = spans.with_columns(
        pl.col("billing_days").replace_strict(codes, return_dtype=pl.Int64, default=None)
    )
    keys = keyed.select(list(SPAN_SCHEMA)).unique().with_row_index("schedule_key")
    rows: list[tuple[Any, ...]] = []
    for key in keys.iter_rows(named=True):
        rows.extend((key["schedule_key"], *row) for row in _periods_of(key, calendars))
    table = pl.DataFrame(rows, schema={"schedule_key": pl.UInt32, **PERIOD_SCHEMA}, orient="row")
    return (
        keyed.join(keys, on=list(SPAN_SCHEMA), nulls_equal=True, how="inner")
        .select("schedule_key", *others)
        .join(table, on="schedule_key", how="inner")
        .drop("schedule_key")
    )


def _each(
    spans: pl.DataFrame,
    others: list[str],
    calendars: Sequence[tuple[BillingDay, ...]],
    codes: Mapping[int, int],
) -> pl.DataFrame:
    """As `periods`, one span after the other: a page asks for those of a few subscriptions."""
    places: list[int] = []
    rows: list[tuple[Any, ...]] = []
    for place, key in enumerate(spans.select(list(SPAN_SCHEMA)).iter_rows(named=True)):
        found = _periods_of({**key, "billing_days": codes[key["billing_days"]]}, calendars)
        places += [place] * len(found)
        rows += found
    table = pl.DataFrame(rows, schema=PERIOD_SCHEMA, orient="row")
    of_them = pl.col(others).gather(pl.Series(places, dtype=pl.UInt32))
    return spans.select(of_them).hstack(table)


def runs(phases: pl.DataFrame) -> pl.DataFrame:
    """Active phases with consecutive ones of one plan version joined, whatever their quantity.

    Prices that do not look at the quantity, and usage, are charged over runs. `quantity` is that
    of the first phase.
    """
    order = phases.filter(pl.col("state") == "active").sort("subscription_id", "start_at")
    if not order["subscription_id"].is_duplicated().any():  # nothing to join, as of most
        return order
    begins = (
        (pl.col("plan_version_id") != pl.col("plan_version_id").shift(1))
        | (pl.col("start_at") != pl.col("end_at").shift(1)).fill_null(True)
        | (pl.col("subscription_id") != pl.col("subscription_id").shift(1))
    ).fill_null(True)
    return (
        order.with_columns(run=begins.cum_sum())
        .group_by("run", maintain_order=True)
        .agg(pl.all().exclude("end_at").first(), pl.col("end_at").last())
        .drop("run")
        .select(phases.columns)
    )


def _intern_days(
    billing_days: BillingDays,
) -> tuple[list[tuple[BillingDay, ...]], dict[int, int]]:
    distinct: dict[tuple[BillingDay, ...], int] = {}
    codes = {
        account: distinct.setdefault(tuple(days), len(distinct))
        for account, days in billing_days.items()
    }
    return list(distinct), codes


def _periods_of(
    key: dict[str, Any], calendars: Sequence[tuple[BillingDay, ...]]
) -> list[tuple[Any, ...]]:
    zone = _zone(key["timezone"])
    days = calendars[key["billing_days"]]
    first = key["first"]
    if key["anchor"] is not None:
        first = key["anchor"]
        days = (
            BillingDay(_FIRST_DAY, None),
            *(entry for entry in days if entry.since >= first),
        )
    schedule = Schedule(Interval.parse(key["interval"]), days, first, cast(Align, key["align"]))
    start, end = key["start_at"], key["end_at"]
    if end is not None and end <= start:
        return []
    offset = time(0)
    if key["day_count"] == "seconds" and days[-1].day is None:
        offset = key["day_start"] or time(0)
    clock = _Clock(zone, offset)
    before, found = periods_since(
        schedule,
        clock.day_of(start),
        None if end is None else clock.day_after(end),
        clock.day_of(key["until_at"]),
        clock.day_of(key["since_at"]) - _DAY,
    )
    rows = []
    for ordinal, period in enumerate(found, before):
        row = _row(period, ordinal, key, clock, schedule.interval)
        if row[1] > key["since_at"] and row[0] <= key["until_at"] and row[0] < row[1]:
            rows.append(row)
    return rows


def _row(
    period: ChargePeriod,
    ordinal: int,
    key: dict[str, Any],
    clock: _Clock,
    interval: Interval,
) -> tuple[Any, ...]:
    start_at = max(clock.instant(period.start), key["start_at"])
    end_at = clock.instant(period.end)
    if key["end_at"] is not None:
        end_at = min(end_at, key["end_at"])
    cycle = (period.cycle_start, period.cycle_end)
    day_count = cast(DayCount, key["day_count"])
    if day_count == "seconds":
        cycle_start, cycle_end = clock.instant(cycle[0]), clock.instant(cycle[1])
        part = Fraction(_microseconds(end_at - start_at), _microseconds(cycle_end - cycle_start))
    else:
        part = share(period.start, period.end, cycle, interval, day_count)
    days = (period.end - period.start).days
    return (
        start_at, end_at, period.start, period.end, *cycle, days, part.numerator, part.denominator,
        ordinal,
        key["end_at"] is not None or end_at <= key["until_at"],
    )  # fmt: skip


class _Clock:
    """Local days of a zone that begin at `offset` (midnight, or the hour of the anniversary)."""

    def __init__(self, zone: ZoneInfo, offset: time) -> None:
        self.zone = zone
        self.offset = timedelta(
            hours=offset.hour, minutes=offset.minute, seconds=offset.second,
            microseconds=offset.microsecond,
        )  # fmt: skip

    def day_of(self, instant: datetime) -> date:
        return (instant.astimezone(self.zone).replace(tzinfo=None) - self.offset).date()

    def day_after(self, instant: datetime) -> date:
        """The first day that begins at or after an instant."""
        day = self.day_of(instant)
        return day if self.instant(day) >= instant else day + timedelta(days=1)

    def instant(self, day: date) -> datetime:
        return _instant(day, self.zone, self.offset)


@lru_cache(maxsize=20_000)
def _instant(day: date, zone: ZoneInfo, offset: timedelta) -> datetime:
    local = datetime.combine(day, time(0)) + offset
    return local.replace(tzinfo=zone).astimezone(UTC)


def _microseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
