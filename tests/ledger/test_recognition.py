"""Advance billing is earned day by day, once, and to the cent."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.ledger import services
from meterline.ledger.models import Entry
from meterline.ledger.recognition import ADVANCE_LINES, earned

PLACES = {"EUR": 2, "JPY": 0}


def earned_of(amount: str, start: date, end: date, until: date, currency: str = "EUR") -> Decimal:
    row = (1, currency, start, end, Decimal(amount))
    lines = pl.DataFrame([row], schema=ADVANCE_LINES, orient="row")
    return earned(lines, until, PLACES)["earned"][0]


@pytest.mark.parametrize(
    ("amount", "until", "expected"),
    [
        ("30.00", date(2026, 3, 31), "0"),
        ("30.00", date(2026, 4, 1), "0"),
        ("30.00", date(2026, 4, 2), "1.00"),
        ("30.00", date(2026, 4, 16), "15.00"),
        ("30.00", date(2026, 5, 1), "30.00"),
        ("30.00", date(2027, 1, 1), "30.00"),
        ("10.00", date(2026, 4, 2), "0.33"),
        ("-10.00", date(2026, 4, 2), "-0.33"),
        ("30000000.00", date(2026, 4, 11), "10000000.00"),  # a third, exactly
    ],
)
def test_share_of_days(amount: str, until: date, expected: str) -> None:
    april = (date(2026, 4, 1), date(2026, 5, 1))
    assert earned_of(amount, *april, until) == Decimal(expected)


def test_decimals_of_the_currency() -> None:
    first, last = date(2026, 4, 1), date(2026, 5, 1)
    assert earned_of("1000", first, last, date(2026, 4, 2), "JPY") == 33


def test_a_period_within_a_day_is_earned_on_it() -> None:
    day = date(2026, 4, 1)
    assert earned_of("5", day, day, day) == 0
    assert earned_of("5", day, day, day + timedelta(days=1)) == 5


@given(
    cents=st.integers(1, 10**10),
    days=st.integers(1, 400),
    stops=st.lists(st.integers(0, 450), min_size=1, max_size=6),
)
def test_never_less_on_a_later_day_and_all_at_the_end(
    cents: int, days: int, stops: list[int]
) -> None:
    amount, start = f"{Decimal(cents) / 100:f}", date(2026, 1, 1)
    end = start + timedelta(days=days)
    so_far = [earned_of(amount, start, end, start + timedelta(days=stop)) for stop in sorted(stops)]
    assert so_far == sorted(so_far)
    assert all(0 <= part <= Decimal(amount) for part in so_far)
    assert earned_of(amount, start, end, end) == Decimal(amount)


def balance(name: str, at: date | None = None) -> Decimal:
    rows = services.trial_balance(at).filter(pl.col("ledger_account") == name)
    return rows["balance"].sum() if rows.height else Decimal(0)


@pytest.mark.django_db
def test_recognised_once(advance: Any) -> None:
    advance("31.00", date(2026, 1, 1), date(2026, 2, 1))
    assert balance("deferred_revenue") == -31
    assert services.recognise(date(2026, 1, 11)) == 1
    assert services.recognise(date(2026, 1, 11)) == 0
    assert (balance("deferred_revenue"), balance("revenue:recurring")) == (-21, -10)
    assert services.recognise(date(2026, 2, 1)) == 1
    assert services.recognise(date(2026, 9, 1)) == 0
    assert (balance("deferred_revenue"), balance("revenue:recurring")) == (0, -31)


@pytest.mark.django_db
def test_revenue_of_a_month_is_in_its_books(advance: Any) -> None:
    advance("31.00", date(2026, 1, 1), date(2026, 2, 1))
    services.recognise(date(2026, 2, 1))
    assert Entry.objects.get(kind="recognition").date == date(2026, 1, 31)
    assert balance("revenue:recurring", date(2026, 1, 31)) == -31


@pytest.mark.django_db
@pytest.mark.parametrize("earlier", [date(2026, 1, 20), date(2026, 1, 11), date(2025, 12, 1)])
def test_an_earlier_day_takes_nothing_back(advance: Any, earlier: date) -> None:
    advance("31.00", date(2026, 1, 1), date(2026, 2, 1))
    services.recognise(date(2026, 1, 21))
    assert services.recognise(earlier) == 0
    assert balance("revenue:recurring") == -20


@pytest.mark.django_db
def test_what_is_credited_is_not_earned(advance: Any) -> None:
    advance("31.00", date(2026, 1, 1), date(2026, 2, 1))
    advance("-21.00", date(2026, 1, 11), date(2026, 2, 1), issued=date(2026, 1, 11))
    services.recognise(date(2026, 1, 21))
    assert (balance("deferred_revenue"), balance("revenue:recurring")) == (0, -10)
    assert services.recognise(date(2026, 2, 1)) == 0


@pytest.mark.django_db
def test_nothing_is_earned_before_it_is_billed(advance: Any) -> None:
    advance("31.00", date(2026, 1, 1), date(2026, 2, 1), issued=date(2026, 1, 20))
    assert services.recognise(date(2026, 1, 20)) == 0
    assert services.recognise(date(2026, 1, 21)) == 1
    assert balance("revenue:recurring") == -20
