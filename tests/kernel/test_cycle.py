"""Billing cycles: a table a rule, and properties over random schedules."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.kernel.cycle import BillingDay, Schedule, charge_periods, period_end, periods_since
from meterline.kernel.interval import Interval, InvalidInterval

FIRST = date(1, 1, 1)


def d(text: str) -> date:
    return date.fromisoformat(text)


def schedule(
    interval: str = "month",
    day: int | None = 1,
    first: str = "2024-01-01",
    align: str = "subscription",
    *changes: tuple[str, int | None],
) -> Schedule:
    days = (BillingDay(FIRST, day), *(BillingDay(d(since), new) for since, new in changes))
    return Schedule(Interval.parse(interval), days, d(first), align)  # type: ignore[arg-type]


CASES = [
    # what, schedule, start, end, until, boundaries
    ("a leading stub", schedule(day=15, first="2011-09-01"), "2011-09-01", None, "2011-10-03",
     ["2011-09-01", "2011-09-15", "2011-10-15"]),
    ("31 does not drift", schedule(day=31, first="2017-01-31"), "2017-01-31", None, "2017-04-30",
     ["2017-01-31", "2017-02-28", "2017-03-31", "2017-04-30", "2017-05-31"]),
    ("30 in a leap year", schedule(day=30, first="2024-01-30"), "2024-01-30", None, "2024-03-01",
     ["2024-01-30", "2024-02-29", "2024-03-30"]),
    ("anniversary", schedule(day=None, first="2023-06-29"), "2023-06-29", None, "2023-08-29",
     ["2023-06-29", "2023-07-29", "2023-08-29", "2023-09-29"]),
    ("a week from the anniversary", schedule("week", None, "2015-05-01"), "2015-05-01", None,
     "2015-05-16", ["2015-05-01", "2015-05-08", "2015-05-15", "2015-05-22"]),
    ("weeks of the calendar begin on Monday", schedule("week", 1, "2024-01-03", "calendar"),
     "2024-01-03", None, "2024-01-10", ["2024-01-03", "2024-01-08", "2024-01-15"]),
    ("quarters of the calendar", schedule("quarter", 1, "2024-02-10", "calendar"), "2024-02-10",
     None, "2024-04-01", ["2024-02-10", "2024-04-01", "2024-07-01"]),
    ("quarters of the subscription", schedule("quarter", 1, "2024-02-10"), "2024-02-10", None,
     "2024-04-01", ["2024-02-10", "2024-03-01", "2024-06-01"]),
    ("a year to the first billing day", schedule("year", 15, "2024-02-10"), "2024-02-10", None,
     "2024-02-15", ["2024-02-10", "2024-02-15", "2025-02-15"]),
    ("30 days", schedule("30 days", None, "2025-01-01"), "2025-01-01", None, "2025-01-31",
     ["2025-01-01", "2025-01-31", "2025-03-02"]),
    ("two years", schedule("2 years", None, "2024-02-29"), "2024-02-29", None, "2026-03-01",
     ["2024-02-29", "2026-02-28", "2028-02-29"]),
    ("a trailing stub", schedule(), "2024-01-01", "2024-02-10", "2024-12-31",
     ["2024-01-01", "2024-02-01", "2024-02-10"]),
    ("a new billing day leaves the started period its end",
     schedule("month", 1, "2016-05-01", "subscription", ("2016-05-02", 15)), "2016-05-01", None,
     "2016-06-15", ["2016-05-01", "2016-06-01", "2016-06-15", "2016-07-15"]),
    ("a new billing day set during the trial",
     schedule("month", 1, "2016-05-01", "subscription", ("2016-04-04", 15)), "2016-05-01", None,
     "2016-05-15", ["2016-05-01", "2016-05-15", "2016-06-15"]),
    ("a phase that starts after the change sees the new day",
     schedule("month", 1, "2016-05-01", "subscription", ("2016-05-01", 10)), "2016-05-05", None,
     "2016-05-10", ["2016-05-05", "2016-05-10", "2016-06-10"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("plan", "start", "end", "until", "boundaries"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_boundaries(
    plan: Schedule, start: str, end: str | None, until: str, boundaries: list[str]
) -> None:
    found = charge_periods(plan, d(start), d(end) if end else None, d(until))
    assert [found[0].start, *(period.end for period in found)] == [d(b) for b in boundaries]


def test_a_stub_knows_the_cycle_in_which_it_sits() -> None:
    (period,) = charge_periods(schedule(day=15), d("2024-03-01"), d("2024-03-10"), d("2024-12-31"))
    assert (period.cycle_start, period.cycle_end) == (d("2024-02-15"), d("2024-03-15"))
    assert not period.whole


def test_period_end() -> None:
    assert period_end(schedule(day=10), d("2024-01-01"), d("2024-01-10")) == d("2024-02-10")


@pytest.mark.parametrize("text", ["", "0 days", "fortnight", "1.5 months", "-1 day", "99999 days"])
def test_an_unknown_interval_is_refused(text: str) -> None:
    with pytest.raises(InvalidInterval):
        Interval.parse(text)


@pytest.mark.parametrize("text", ["day", "week", "month", "quarter", "year", "5 months", "28 days"])
def test_intervals_are_written_as_they_are_read(text: str) -> None:
    assert str(Interval.parse(text)) == text


dates = st.dates(min_value=date(2000, 1, 1), max_value=date(2030, 12, 31))


@given(
    st.sampled_from(["day", "week", "28 days", "month", "quarter", "year", "2 years"]),
    st.one_of(st.none(), st.integers(1, 31)),
    dates,
    st.sampled_from(["subscription", "calendar"]),
    st.integers(0, 500),
    st.lists(st.tuples(st.integers(1, 300), st.integers(1, 31)), max_size=3),
    st.integers(-40, 600),
    st.one_of(st.none(), st.integers(1, 520)),
)
def test_periods_follow_each_other_without_gap(
    interval: str,
    day: int | None,
    first: date,
    align: str,
    length: int,
    changes: list[tuple[int, int]],
    later: int,
    lasting: int | None,
) -> None:
    days = [BillingDay(FIRST, day)]
    for offset, new in sorted(dict(changes).items()):
        days.append(BillingDay(first + timedelta(days=offset), new))
    plan = Schedule(Interval.parse(interval), tuple(days), first, align)  # type: ignore[arg-type]
    until = first + timedelta(days=length)
    periods = charge_periods(plan, first, None, until)
    assert periods[0].start == first
    assert periods[-1].start <= until < periods[-1].end
    for before, after in itertools.pairwise(periods):
        assert before.end == after.start
    for period in periods:
        assert period.cycle_start <= period.start < period.end <= period.cycle_end
    since, end = first + timedelta(days=later), lasting and first + timedelta(days=lasting)
    whole = charge_periods(plan, first, end, until)
    over, found = periods_since(plan, first, end, until, since)
    assert found == [period for period in whole if period.end > since]
    assert not found or over == len(whole) - len(found)
