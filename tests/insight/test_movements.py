"""Movements of recurring revenue against figures worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from meterline.insight.movements import Step, monthly, movements, worth
from meterline.kernel.interval import Interval
from meterline.pricing.price import Price
from meterline.pricing.registry import model

MARCH = date(2026, 3, 1)
SMALL, LARGE = (1, Decimal(1)), (2, Decimal(1))
WORTHS = {SMALL: Fraction(10), LARGE: Fraction(25)}


def step(before: Any, after: Any, count: int, *, returned: bool = True) -> Step:
    return Step(
        month=MARCH, currency="EUR", before=before, after=after, returned=returned, count=count
    )


def test_every_cause_and_the_bridge() -> None:
    (month,) = movements(
        [
            step(SMALL, SMALL, 100),  # 1,000 stays
            step(None, SMALL, 7, returned=False),  # + 70
            step(None, LARGE, 2),  # + 50, they had been there before
            step(SMALL, LARGE, 3),  # 3 x 15
            step(LARGE, SMALL, 1),  # - 15
            step(LARGE, None, 4),  # - 100
        ],
        WORTHS,
    )
    assert month.causes == {
        "new": 70, "back": 50, "expansion": 45, "contraction": -15, "churn": -100,
    }  # fmt: skip
    assert (month.opening, month.closing) == (1155, 1205)
    assert month.opening + sum(month.causes.values()) == month.closing
    assert (month.subscriptions, month.lost, month.churn_percent) == (108, 4, Decimal("3.70"))


def test_no_subscriptions_have_no_churn_rate() -> None:
    (month,) = movements([step(None, SMALL, 1, returned=False)], WORTHS)
    assert month.churn_percent is None


@pytest.mark.parametrize(
    ("interval", "amount", "expected"),
    [
        ("month", 10, Fraction(10)),
        ("year", 120, Fraction(10)),
        ("3 months", 10, Fraction(10, 3)),
        ("week", 7, Fraction(365, 12)),
        ("day", 1, Fraction(365, 12)),
    ],
)
def test_a_month_of_an_interval(interval: str, amount: int, expected: Fraction) -> None:
    assert monthly(Interval.parse(interval), Fraction(amount)) == expected


def price(code: str, kind: Any, name: str, parameters: dict[str, Any], every: str) -> Price:
    return Price(
        id=1, plan_version_id=1, code=code, name=code, kind=kind, model=name,
        parameters=model(name).parameters.model_validate(parameters),
        interval=Interval.parse(every),
    )  # fmt: skip


def test_only_recurring_prices_count_by_quantity() -> None:
    prices = [
        price("seats", "recurring", "per_unit", {"unit_amount": "4", "free_units": "1"}, "month"),
        price("support", "recurring", "flat", {"amount": "60"}, "year"),
        price("setup", "one_time", "flat", {"amount": "99"}, "month"),
        price("rider", "recurring", "percent_of", {"percent": "5", "of": ["seats"]}, "month"),
    ]
    assert worth(prices, Decimal(3)) == 8 + 5
