"""Proration: which share of a cycle a stub is, by each way of counting days.

Sources: ISDA day-count conventions (30/360), and the practice of subscription billing.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from meterline.kernel.interval import Interval
from meterline.kernel.policy import DayCount


def days_30_360(start: date, end: date) -> int:
    """Days between two dates when every month has 30."""
    days = min(end.day, 30) - min(start.day, 30)
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + days


def counted_days(start: date, end: date, day_count: DayCount) -> int:
    """The length of `[start, end)` in the days that `day_count` counts."""
    return days_30_360(start, end) if day_count == "30_360" else (end - start).days


def share(
    start: date,
    end: date,
    cycle: tuple[date, date],
    interval: Interval,
    day_count: DayCount,
) -> Fraction:
    """The share of `cycle` that `[start, end)` is; 1 for the whole cycle.

    `seconds` is not decided here: it needs instants (see subscriptions.periods).
    """
    if (start, end) == cycle:
        return Fraction(1)
    days = counted_days(start, end, day_count)
    if interval.months and day_count in ("fixed_30", "30_360"):
        return Fraction(days, 30 * interval.months)
    if interval.months and day_count == "mean_month":
        return Fraction(days * 12, 365 * interval.months)
    return Fraction(days, counted_days(cycle[0], cycle[1], day_count))
