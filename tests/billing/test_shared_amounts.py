"""An amount off that lines share comes to the same whenever bills are made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from billing.quarters import few
from billing.world import bill, check_books, rows, undone
from hypothesis import given
from hypothesis import strategies as st

from meterline.catalog import services as catalog
from meterline.catalog.files import parse_data
from meterline.catalog.yaml import load_all
from meterline.customers import services as customers
from meterline.platform import clock
from meterline.subscriptions import discounts
from meterline.subscriptions import services as subscriptions

pytestmark = pytest.mark.django_db

CATALOGUE = """
currency: EUR
timezone: UTC
discounts: [{code: off, amount: "9.30"}]
plans:
  plan:
    prices:
      base: {kind: recurring, model: flat, amount: "31.00"}
      seats: {kind: recurring, model: per_unit, unit_amount: "15.50", timing: arrears}
      lines: {kind: recurring, model: per_unit, unit_amount: "6.20"}
"""
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
MARCH, END = 31, 61
Story = list[tuple[int, str, str]]  # on a day: a subscription, what is done with it


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Up to three subscriptions that begin, get other quantities and end in March and April."""
    story = []
    for code in draw(st.sampled_from([["s"], ["s", "t"], ["s", "t", "u"]])):
        days = draw(st.lists(st.integers(0, END - 1), min_size=1, max_size=4, unique=True))
        ends = draw(st.booleans())
        for turn, day in enumerate(sorted(days)):
            last = ends and turn == len(days) - 1
            what = "begin" if turn == 0 else "end" if last else "quantity"
            story.append((day, code, what))
    return sorted(story)


def play(story: Story, bills: Sequence[int], *, of_account: bool, billing_day: int | None) -> None:
    """The story, with bills on days."""
    clock.move_to(FIRST)
    document = load_all(CATALOGUE, "test.yaml")[0]
    catalog.apply(parse_data(document.data, lines=document.lines, file="test.yaml", at=()))
    owner = customers.create_account(
        code="a", currency="EUR", timezone="UTC", billing_day=billing_day, region="IT"
    ).pk
    if of_account:
        discounts.give("off", discounts.holder(account="a"))
    for day in range(END + 1):
        at = FIRST + timedelta(days=day)
        clock.move_to(at)
        for _, code, what in (one for one in story if one[0] == day):
            if what == "begin":
                subscriptions.subscribe(
                    account_id=owner, plan="plan", at=at, code=code, quantity=1,
                    discounts=[] if of_account else ["off"],
                )  # fmt: skip
            elif what == "end":
                subscriptions.cancel(code, at)
            else:
                subscriptions.set_quantity(code, 1 + day % 3, at)
        if day in bills or day == END:
            bill(at.date())
    check_books()


def off(until: date) -> Decimal:
    """What was taken off for the days before one, in all."""
    found = rows(
        "SELECT coalesce(sum(amount), 0) FROM invoices_line WHERE kind = 'discount'"
        f" AND start_at < '{until}'"
    )
    return Decimal(found[0][0])


def days_used(story: Story) -> set[int]:
    """The days of March and April on which a subscription stands."""
    standing: set[int] = set()
    for code in {code for _, code, _ in story}:
        days = {what: day for day, one, what in story if one == code}
        standing |= set(range(days["begin"], days.get("end", END)))
    return standing


@few
@given(
    story=stories(),
    bills=st.lists(st.integers(0, END - 1), max_size=4),
    of_account=st.booleans(),
    billing_day=st.sampled_from([1, None]),
)
def test_it_comes_to_the_same_whenever_bills_are_made(
    home: Path, story: Story, bills: list[int], of_account: bool, billing_day: int | None
) -> None:
    found = []
    for days in ([], bills):
        with undone():
            play(story, days, of_account=of_account, billing_day=billing_day)
            found.append(off(date(2026, 5, 1)))
    assert found[0] == found[1]


@few
@given(story=stories(), bills=st.lists(st.integers(0, END - 1), max_size=4))
def test_of_an_account_it_is_taken_once_a_day(home: Path, story: Story, bills: list[int]) -> None:
    with undone():
        play(story, bills, of_account=True, billing_day=1)
        cents = sum(30 if day < MARCH else 31 for day in days_used(story))  # 9.30 a month
        assert off(date(2026, 5, 1)) == -Decimal(cents) / 100


def test_another_amount_in_the_catalogue_leaves_what_was_billed(home: Path) -> None:
    with undone():
        play([(0, "s", "begin"), (40, "t", "begin")], [0, 31, 40], of_account=True, billing_day=1)
        billed = off(date(2026, 5, 1))
        document = load_all(CATALOGUE.replace("9.30", "3.00"), "test.yaml")[0]
        catalog.apply(parse_data(document.data, lines=document.lines, file="test.yaml", at=()))
        assert bill(date(2026, 5, 31)) == []
        bill(date(2026, 6, 1))
        assert off(date(2026, 5, 1)) == billed
        assert off(date(2026, 6, 2)) - off(date(2026, 6, 1)) == Decimal("-3.00")
