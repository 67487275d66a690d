"""Allowances: free units or money of a period, and which usage they may cover. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

from meterline.kernel.interval import Interval
from meterline.pricing.price import Meter, Price

Shared = Literal["subscription", "account", "pool"]

BY_QUANTITY = (
    "rate_card", "per_unit", "graduated", "volume", "package", "time_of_use",
    "graduated_percentage", "matrix",
)  # fmt: skip
"""Price models of which an allowance of units can take quantity away."""

BY_AMOUNT = ("rate_card", "dynamic", "per_unit")
"""Price models whose events have an amount, from which an allowance of money can be taken."""

AGGREGATIONS = ("count", "sum")


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """Free units, or money, as a plan grants them each interval (or once, for `valid`)."""

    code: str
    plan: str  # code of the plan; "" where it is shared: then it is the same from whatever plan
    amount: Decimal
    interval: Interval
    money: bool = False
    meters: tuple[str, ...] = ()  # empty: any
    prices: tuple[str, ...] = ()  # empty: any
    prorate: bool = False
    rollover: int = 0
    shared: Shared = "subscription"
    priority: int = 100
    bands: tuple[str, ...] = ()
    increment: Decimal | None = None
    valid: Interval | None = None
    align: str = "subscription"
    day_count: str = "actual"

    @cached_property
    def digest(self) -> str:
        """What tells it from others of the same code."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:16]

    def names(self, price: Price) -> bool:
        """Whether it is meant for a price."""
        return (
            price.kind == "usage"
            and (not self.meters or price.meter in self.meters)
            and (not self.prices or price.code in self.prices)
        )

    def unfit(self, price: Price, meter: Meter) -> str | None:
        """Why usage of a price that it is meant for cannot draw on it; None: it can."""
        return unfit(
            price.model, meter.aggregation, money=self.money, converted=meter.factor is not None,
            free_units=bool(price.parameter("free_units")), banded=bool(self.bands),
            calendar=True,
        )  # fmt: skip


def unfit(
    model: str, aggregation: str, *, money: bool, converted: bool, free_units: bool,
    banded: bool, calendar: bool,
) -> str | None:  # fmt: skip
    """Why usage of a price cannot draw on an allowance: what is expected; None: it can."""
    models = BY_AMOUNT if money else BY_QUANTITY
    if model not in models:
        what = "of money" if money else "of units"
        return f"an allowance {what} covers prices of model {', '.join(models)}, not {model}"
    if aggregation not in AGGREGATIONS:
        return f"an allowance covers meters that count or sum, not {aggregation}"
    if converted:
        return "an allowance covers no meter with a factor: its units are known at the period's end"
    if money and free_units:
        return "an allowance of money covers no price with free_units"
    if banded and not calendar:
        return "an allowance with bands covers prices with a calendar"
    return None
