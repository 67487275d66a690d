"""Billing cycles: where the periods of a price begin and end.

Cycles lie on a grid: one boundary date and every interval before and after it. A billing day of
29..31 means the last day of shorter months and does not drift. When an account's billing day
changes, the period that has started keeps its end and the next one is a stub on the new grid.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from meterline.kernel.interval import Interval

Align = Literal["subscription", "calendar"]


@dataclass(frozen=True, order=True)
class BillingDay:
    """The billing day of an account from `since` on: 1..31, or None for the anniversary."""

    since: date
    day: int | None


@dataclass(frozen=True)
class ChargePeriod:
    """`[start, end)` is charged; it lies in the whole cycle `[cycle_start, cycle_end)`."""

    start: date
    end: date
    cycle_start: date
    cycle_end: date

    @property
    def whole(self) -> bool:
        """Whether all of the cycle is charged."""
        return self.start == self.cycle_start and self.end == self.cycle_end


@lru_cache(maxsize=10_000)
def clamped(year: int, month: int, day: int) -> date:
    """The `day` of a month, or its last day where it is shorter; month may be any integer."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, min(day, monthrange(year, month)[1]))


@dataclass(frozen=True)
class Grid:
    """All boundaries `origin + k x interval`; month steps fall on `day` (clamped)."""

    origin: date
    day: int
    interval: Interval

    def boundary(self, k: int) -> date:
        """The k-th boundary (0 is the origin)."""
        if self.interval.days:
            return self.origin + timedelta(days=k * self.interval.days)
        months = k * self.interval.months
        return clamped(self.origin.year, self.origin.month + months, self.day)

    def index(self, on: date) -> int:
        """k of the cycle `[boundary(k), boundary(k + 1))` that contains `on`."""
        if self.interval.days:
            return (on - self.origin).days // self.interval.days
        months = (on.year - self.origin.year) * 12 + on.month - self.origin.month
        k = months // self.interval.months
        return k if self.boundary(k) <= on else k - 1

    def cycle(self, on: date) -> tuple[date, date]:
        """The cycle that contains `on`."""
        k = self.index(on)
        return self.boundary(k), self.boundary(k + 1)


def grid(
    interval: Interval,
    billing_day: int | None,
    first: date,
    align: Align = "subscription",
) -> Grid:
    """The grid of a subscription that is charged from `first` on.

    `align: subscription`: boundaries count from its first billing day (on or after `first`);
    `calendar`: weeks begin on Monday, other intervals of months in January, on the billing day.
    """
    day = billing_day or first.day
    if interval.days:
        if align == "calendar" and interval.days % 7 == 0:
            return Grid(date(1970, 1, 5), day, interval)
        return Grid(first if billing_day is None else _next_day(first, day), day, interval)
    if align == "calendar" and interval.months > 1:
        return Grid(clamped(first.year, 1, day), day, interval)
    return Grid(first if billing_day is None else _next_day(first, day), day, interval)


def _next_day(first: date, day: int) -> date:
    this_month = clamped(first.year, first.month, day)
    return this_month if this_month >= first else clamped(first.year, first.month + 1, day)


@dataclass(frozen=True)
class Schedule:
    """What places the cycles of a price: interval, billing days, where anniversaries begin."""

    interval: Interval
    billing_days: tuple[BillingDay, ...]
    first: date
    align: Align = "subscription"

    def grid_at(self, place: int) -> Grid:
        """The grid for periods that start while the billing day at a place holds."""
        return grid(self.interval, self.billing_days[place].day, self.first, self.align)

    def place(self, on: date) -> int:
        """The place of the billing day that was set before a day, or of the first one."""
        return max(bisect_left(self.billing_days, on, key=lambda entry: entry.since) - 1, 0)


def charge_periods(
    schedule: Schedule, start: date, end: date | None, until: date
) -> list[ChargePeriod]:
    """The periods of `[start, end)` that begin on or before `until`, in order.

    The first may be a leading stub (it sits in the cycle that would have ended at its end), the
    last a trailing one. A period on whose days a new billing day is set keeps its end; the next
    one begins there, on the new grid.
    """
    return periods_since(schedule, start, end, until, start)[1]


def periods_since(
    schedule: Schedule, start: date, end: date | None, until: date, since: date
) -> tuple[int, list[ChargePeriod]]:
    """As charge_periods, without those that end on or before `since`; and how many these are."""
    periods: list[ChargePeriod] = []
    at, before, known = start, 0, -1
    while at <= until and (end is None or at < end):
        if (place := schedule.place(at)) != known:
            here, known = schedule.grid_at(place), place
        k = here.index(at)
        cycle_start, cycle_end = here.boundary(k), here.boundary(k + 1)
        steps = here.index(since) - k if at < since else 0
        if steps > 1 and at == cycle_start and place == schedule.place(since):
            at, before = here.boundary(k + steps), before + steps
            continue
        stop = cycle_end if end is None else min(cycle_end, end)
        if stop <= since:
            before += 1
        else:
            periods.append(ChargePeriod(at, stop, cycle_start, cycle_end))
        at = stop
    return before, periods


def period_end(schedule: Schedule, start: date, on: date) -> date:
    """The end of the period that contains `on`, of a price that is charged from `start`."""
    if on < start:
        return start
    return charge_periods(schedule, start, None, on)[-1].end


def first_charged(start: date, trial_end: date | None) -> date:
    """The first day with recurring charges."""
    return start if trial_end is None or trial_end < start else trial_end


def sorted_days(days: Sequence[BillingDay]) -> tuple[BillingDay, ...]:
    """Billing days in order; of several set on one day the last one counts."""
    latest = {entry.since: entry for entry in days}
    return tuple(latest[since] for since in sorted(latest))
