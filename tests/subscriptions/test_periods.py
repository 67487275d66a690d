"""Charge periods on columns: instants, zones, shares, windows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from meterline.kernel.cycle import BillingDay
from meterline.subscriptions.periods import SPAN_SCHEMA, periods

FIRST = date(1, 1, 1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(**changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "interval": "month",
        "align": "subscription",
        "day_count": "actual",
        "timezone": "UTC",
        "billing_days": 1,
        "first": date(2024, 1, 1),
        "anchor": None,
        "day_start": None,
        "start_at": at("2024-01-01"),
        "end_at": None,
        "since_at": at("2000-01-01"),
        "until_at": at("2024-02-15"),
        **changes,
    }


def found(*spans: dict[str, Any], day: int | None = 1) -> list[dict[str, Any]]:
    frame = pl.DataFrame(list(spans), schema={"id": pl.Int64, **SPAN_SCHEMA})
    return periods(frame, {1: [BillingDay(FIRST, day)]}).sort("id", "start_at").to_dicts()


def test_midnights_are_those_of_the_zone() -> None:
    rows = found(
        span(
            timezone="America/Chicago",
            start_at=at("2025-03-01T06:00:00"),
            until_at=at("2025-03-01T06:00:00"),
            first=date(2025, 3, 1),
        )
    )
    assert [(row["start_at"], row["end_at"]) for row in rows] == [
        (at("2025-03-01T06:00:00"), at("2025-04-01T05:00:00"))
    ]
    assert rows[0]["days"] == 31


def test_only_periods_that_begin_until_then_are_made() -> None:
    assert [row["start_date"] for row in found(span(until_at=at("2024-02-01")))] == [
        date(2024, 1, 1),
        date(2024, 2, 1),
    ]
    assert len(found(span(until_at=at("2024-01-31T23:59:59")))) == 1


def test_only_periods_that_end_after_the_horizon_are_made() -> None:
    rows = found(span(since_at=at("2024-02-01")))
    assert [row["start_date"] for row in rows] == [date(2024, 2, 1)]
    assert rows[0]["ordinal"] == 1, "counted from the span's start, not from the window's"


def test_an_ended_span_gives_a_trailing_stub() -> None:
    rows = found(span(end_at=at("2024-02-11"), until_at=at("2024-12-31")))
    last = rows[-1]
    assert (last["start_date"], last["end_date"]) == (date(2024, 2, 1), date(2024, 2, 11))
    assert Fraction(last["share_numerator"], last["share_denominator"]) == Fraction(10, 29)
    assert last["period_closed"]


def test_a_span_without_length_has_no_period() -> None:
    assert found(span(end_at=at("2024-01-01"))) == []


def test_seconds_keep_the_hour_of_the_anniversary() -> None:
    rows = found(
        span(
            day_count="seconds",
            start_at=at("2024-01-10T10:30:00"),
            first=date(2024, 1, 10),
            day_start=time(10, 30),
            end_at=at("2024-02-20T22:30:00"),
            until_at=at("2024-03-01"),
        ),
        day=None,
    )
    assert [row["start_at"] for row in rows] == [
        at("2024-01-10T10:30:00"),
        at("2024-02-10T10:30:00"),
    ]
    share = Fraction(rows[1]["share_numerator"], rows[1]["share_denominator"])
    assert share == Fraction(21, 58), "10.5 of 29 days"


def test_a_reset_anchor_begins_a_cycle_of_its_own() -> None:
    rows = found(span(interval="year", start_at=at("2024-01-20"), anchor=date(2024, 1, 20)), day=1)
    assert (rows[0]["start_date"], rows[0]["end_date"]) == (date(2024, 1, 20), date(2025, 1, 20))
    assert (rows[0]["share_numerator"], rows[0]["share_denominator"]) == (1, 1)


@pytest.mark.parametrize("count", [1, 3])
def test_other_columns_are_kept(count: int) -> None:
    rows = found(*(span(id=i) for i in range(count)))
    assert sorted({row["id"] for row in rows}) == list(range(count))


def test_few_spans_have_the_periods_that_they_have_among_many() -> None:
    some = [
        span(id=1), span(id=2, interval="year"), span(id=3, timezone="Europe/Rome"),
        span(id=4, end_at=at("2024-02-10")), span(id=5, end_at=at("2024-01-01")),
        span(id=6, anchor=date(2024, 1, 20), start_at=at("2024-01-20")), span(id=7),
    ]  # fmt: skip
    few = found(*some)
    many = found(*some, *(span(id=100 + i) for i in range(50)))
    assert few
    assert few == [row for row in many if row["id"] < 100]
    assert found(span(end_at=at("2024-01-01"))) == []
