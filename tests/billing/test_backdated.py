"""What is known too late corrects what was billed: it comes to the same as if known in time."""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from billing.world import FIRST, bill, rows, undone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from meterline.catalog import services as catalog
from meterline.catalog.files import parse_data
from meterline.catalog.yaml import load_all
from meterline.customers import services as customers
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.subscriptions import services

pytestmark = pytest.mark.django_db

# A month has 28, 30 or 31 days: whatever the day, its part of 13020.00 is whole cents, so that
# no rounding hides or makes a difference.
CATALOGUE = """
currency: EUR
timezone: UTC
policy: {downgrade: end_of_period}
plans:
  small:
    prices:
      base: {kind: recurring, model: flat, amount: "13020.00"}
      seats: {kind: recurring, timing: arrears, model: per_unit, unit_amount: "13020.00"}
  large:
    term: {for: 3 months, early_fee: {amount: "7.00"}}
    prices:
      base: {kind: recurring, model: flat, amount: "26040.00"}
      seats: {kind: recurring, model: per_unit, unit_amount: "13020.00"}
  fixed:
    term: {for: 2 months, renewal: none}
    prices: {base: {kind: recurring, model: flat, amount: "13020.00"}}
  extra:
    addon_to: [small, large]
    addon_quantity: base
    prices: {pack: {kind: recurring, model: per_unit, unit_amount: "13020.00"}}
"""
LAST = 100
BILLED = [
    date(2026, 1, 1),
    date(2026, 2, 1),
    date(2026, 2, 20),
    date(2026, 3, 10),
    date(2026, 4, 1),
]
END = date(2026, 4, 20)

Event = tuple[int, str, str]  # day, what, when

events = st.lists(
    st.tuples(
        st.integers(0, LAST),
        st.sampled_from(
            ["small", "large", "fixed", "three", "one", "pause", "resume", "cancel", "uncancel",
             "extra", "drop"]
        ),
        st.sampled_from(["policy", "now", "end_of_period", "end_of_term", "later"]),
    ),
    max_size=6,
).map(lambda found: sorted(found, key=lambda event: event[0]))  # fmt: skip


def set_up(billing_day: int | None) -> None:
    clock.move_to(FIRST)
    document = load_all(CATALOGUE, "test.yaml")[0]
    catalog.apply(parse_data(document.data, lines=document.lines, file="test.yaml", at=()))
    made = customers.create_account(
        code="a", currency="EUR", timezone="UTC", billing_day=billing_day
    )
    services.subscribe(account_id=made.pk, plan="small", at=FIRST, code="s", quantity=2)


def enter(event: Event) -> None:
    """Do it as of its day; what cannot be done then is left out."""
    number, what, when = event
    at = FIRST + timedelta(days=number)
    moment: Any = at.date() + timedelta(days=20) if when == "later" else when
    try:
        match what:
            case "three" | "one":
                services.set_quantity("s", 3 if what == "three" else 1, at, moment)
            case "pause":
                services.pause("s", at, moment)
            case "resume":
                services.resume("s", at, moment)
            case "cancel":
                services.cancel("s", at, moment)
            case "uncancel":
                services.uncancel("s", at)
            case "extra":
                owner = customers.account_by_code("a").pk
                services.subscribe(account_id=owner, plan="extra", at=at, code="x", base="s")
            case "drop":
                services.cancel("x", at, moment)
            case plan:
                services.change("s", plan, at, moment)
    except MeterlineError:
        return


def by_day() -> dict[tuple[Any, ...], Fraction]:
    """What was charged for each day (one-time lines: for the instant), over all documents."""
    found: dict[tuple[Any, ...], Fraction] = defaultdict(Fraction)
    lines = rows(
        "SELECT s.code, l.price_code, l.start_at, l.end_at, l.amount FROM invoices_line l"
        " JOIN subscriptions_subscription s ON s.id = l.subscription_id"
    )
    for code, price, start, end, amount in lines:
        days = (end - start).days
        for day in range(days):
            found[code, price, start + timedelta(days=day)] += Fraction(amount) / days
        if not days:
            found[code, price, start] += Fraction(amount)
    return {key: amount for key, amount in found.items() if amount}


def in_time(given_events: list[Event], billing_day: int | None) -> dict[tuple[Any, ...], Fraction]:
    with undone():
        set_up(billing_day)
        left = list(given_events)
        for day in [*BILLED, END]:
            while left and (FIRST + timedelta(days=left[0][0])).date() <= day:
                clock.move_to(FIRST + timedelta(days=left[0][0]))
                enter(left.pop(0))
            bill(day)
        return by_day()


def too_late(given_events: list[Event], billing_day: int | None) -> dict[tuple[Any, ...], Fraction]:
    with undone():
        set_up(billing_day)
        for day in BILLED:
            bill(day)
        clock.move_to(datetime.combine(END, datetime.min.time(), FIRST.tzinfo))
        for event in given_events:
            enter(event)
        bill(END)
        assert bill(END) == []
        return by_day()


@settings(
    max_examples=int(os.environ.get("METERLINE_EXAMPLES", "5")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(found=events, billing_day=st.sampled_from([None, 1, 10, 31]))
@example(found=[(5, "large", "now"), (40, "small", "policy")], billing_day=1)
@example(found=[(5, "extra", "now"), (33, "pause", "now"), (44, "resume", "now")], billing_day=10)
def test_what_is_known_too_late_comes_to_the_same(
    home: Path, found: list[Event], billing_day: int | None
) -> None:
    assert too_late(found, billing_day) == in_time(found, billing_day)
