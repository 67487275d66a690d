"""When changes take effect."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from meterline.kernel.cycle import BillingDay
from meterline.kernel.interval import Interval
from meterline.kernel.policy import Policy
from meterline.pricing.price import Price
from meterline.pricing.registry import model
from meterline.subscriptions import decide
from meterline.subscriptions.decide import Contract, PlanView
from meterline.subscriptions.log import Change
from meterline.subscriptions.terms import Stage, Terms
from meterline.subscriptions.timeline import phases

ROME = ZoneInfo("Europe/Rome")
FIRST = date(1, 1, 1)


def price(amount: str, interval: str = "month", kind: str = "recurring") -> Price:
    return Price(
        id=1, plan_version_id=1, code="base", name="Base", kind=kind, model="flat",
        parameters=model("flat").parameters(amount=Decimal(amount)),
        interval=Interval.parse(interval),
    )  # fmt: skip


def view(*prices: Price, **policy: str) -> PlanView:
    return PlanView(plan_version_id=1, policy=Policy(**policy), prices=prices)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ROME)


def contract(
    start: str, *days: tuple[date, int | None], trial: str | None = None, anchor: str | None = None
) -> Contract:
    begin = local(start).astimezone(UTC)
    terms = Terms(
        stages=(Stage(plan_version_id=1, length=None),),
        trial=Interval.parse(trial) if trial else None,
    )
    first = Change(
        number=1, kind="subscribe", effective_at=begin, requested_at=begin, terms=terms,
        quantity=Decimal(1), anchor=date.fromisoformat(anchor) if anchor else None,
    )  # fmt: skip
    return Contract(
        timeline=phases([first], ROME), zone=ROME, billing_days=tuple(BillingDay(*d) for d in days)
    )


NOW = [
    ("new", "actual", "2026-03-10T10:00", "2026-03-10T00:00"),
    ("old", "actual", "2026-03-10T10:00", "2026-03-11T00:00"),
    ("old", "fixed_30", "2026-03-10T00:00", "2026-03-11T00:00"),
    ("new", "seconds", "2026-03-10T10:00", "2026-03-10T10:00"),
    ("old", "seconds", "2026-03-10T10:00", "2026-03-10T10:00"),
    ("new", "actual", "2026-03-29T23:30", "2026-03-29T00:00"),
]


@pytest.mark.parametrize(("boundary", "day_count", "at", "expected"), NOW)
def test_the_day_belongs_to_the_new_state_or_to_the_old(
    boundary: str, day_count: str, at: str, expected: str
) -> None:
    policy = Policy(day_count=day_count)
    assert decide.effective_now(local(at), boundary, policy, ROME) == local(expected)


def test_nothing_takes_effect_before_the_start() -> None:
    held = contract("2026-03-10T00:00", (FIRST, 1))
    got = decide.effective_at(local("2026-03-01T00:00"), "now", "new", held, view(price("1")))
    assert got == (local("2026-03-10T00:00"), False)


END = {
    "of the month": ("2026-01-10", [(FIRST, 1)], None, "month", "2026-03-15", "2026-04-01"),
    "asked on the boundary": ("2026-01-10", [(FIRST, 1)], None, "month", "2026-03-01",
                              "2026-04-01"),
    "the last day": ("2026-01-10", [(FIRST, 31)], None, "month", "2026-02-28", "2026-03-31"),
    "anniversary": ("2026-01-10", [(FIRST, None)], None, "month", "2026-03-15", "2026-04-10"),
    "of the year": ("2026-01-10", [(FIRST, None)], None, "year", "2026-03-15", "2027-01-10"),
    "in the trial, its end": ("2026-01-10", [(FIRST, 1)], "30 days", "month", "2026-01-20",
                              "2026-02-09"),
    "anniversary after a trial": ("2026-01-10", [(FIRST, None)], "30 days", "month",
                                  "2026-02-20", "2026-03-09"),
    "a new billing day leaves the period": (
        "2026-01-01", [(FIRST, 1), (date(2026, 3, 5), 20)], None, "month", "2026-03-15",
        "2026-04-01"),
    "and the next one is a stub": (
        "2026-01-01", [(FIRST, 1), (date(2026, 3, 5), 20)], None, "month", "2026-04-02",
        "2026-04-20"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("start", "days", "trial", "interval", "at", "expected"), END.values(), ids=END.keys()
)
def test_end_of_the_period(
    start: str, days: list, trial: str | None, interval: str, at: str, expected: str
) -> None:
    held = contract(start, *days, trial=trial)
    plan = view(price("1", interval))
    got = decide.effective_at(local(at), "end_of_period", "old", held, plan)
    assert got == (local(expected), True)


def test_end_of_the_period_after_a_reset() -> None:
    held = contract("2026-01-10", (FIRST, 1), anchor="2026-01-10")
    end = decide.end_of_period(
        local("2026-03-15T00:00"), held, Interval.parse("month"), Policy(anchor="reset")
    )
    assert end == local("2026-04-10T00:00")


def test_seconds_keep_the_hour_of_the_anniversary() -> None:
    held = contract("2026-01-10T09:30", (FIRST, None))
    plan = view(price("1"), day_count="seconds")
    at, deferred = decide.effective_at(
        local("2026-03-10T09:00"), "end_of_period", "new", held, plan
    )
    assert (at, deferred) == (local("2026-03-10T09:30"), True)


def test_without_intervals_the_end_of_the_period_is_now() -> None:
    held = contract("2026-01-10", (FIRST, 1))
    got = decide.effective_at(local("2026-03-15"), "end_of_period", "new", held, view())
    assert got == (local("2026-03-15"), False)


UPGRADES = [
    ("10", "month", "20", "month", "now"),
    ("10", "month", "10", "month", "now"),
    ("10", "month", "9.99", "month", "end_of_period"),
    ("10", "month", "120", "year", "now"),
    ("10", "month", "119", "year", "end_of_period"),
    ("7", "week", "30", "month", "end_of_period"),
]


@pytest.mark.parametrize(("left", "left_interval", "taken", "interval", "expected"), UPGRADES)
def test_an_upgrade_costs_at_least_as_much_a_day(
    left: str, left_interval: str, taken: str, interval: str, expected: str
) -> None:
    old = view(price(left, left_interval), downgrade="end_of_period")
    new = view(price(taken, interval), price("1000", kind="usage"))
    assert decide.change_when("policy", old, new, Decimal(1)) == expected
    assert decide.change_when("now", old, new, Decimal(1)) == "now"


def test_cycles_are_reset_only_by_another_interval() -> None:
    month, year = view(price("1")), view(price("1", "year"), anchor="reset")
    at = local("2026-03-15T00:00")
    assert decide.anchor(at, month, year, ROME) == date(2026, 3, 15)
    assert decide.anchor(at, year, month, ROME) is None
    assert decide.anchor(at, year, year, ROME) is None
