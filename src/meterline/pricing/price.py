"""Prices and meters as the engines see them (TMF620 ProductOfferingPrice)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

from meterline.kernel.interval import Interval
from meterline.kernel.policy import DEFAULT_POLICY, Policy

Kind = Literal["recurring", "one_time", "usage"]
Aggregation = Literal["count", "sum", "max", "latest", "unique", "weighted_sum", "average"]


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A least or greatest amount of a price's line: for the period, or for each of its days."""

    amount: Decimal
    per_day: bool = False


@dataclass(frozen=True, kw_only=True)
class Meter:
    """What of an event is counted, and how a period's events come together."""

    code: str
    aggregation: Aggregation
    value: str | None = None  # the property that holds the quantity; None: each event counts 1
    unit: str | None = None
    carry: bool = False
    filter: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    factor: Decimal | None = None  # the period's total is multiplied by it
    round: int | None = None  # and rounded to so many decimals


@dataclass(frozen=True, kw_only=True)
class Price:
    """One price of one plan version, with everything resolved that decides its amount."""

    id: int
    plan_version_id: int
    plan: str = ""  # code of the plan
    code: str
    name: str
    kind: Kind
    model: str
    parameters: BaseModel
    interval: Interval = Interval(months=1)
    timing: Literal["advance", "arrears"] = "arrears"
    prorate: bool = False
    due: str | None = None
    tax: str | None = None
    meter: str | None = None
    by: tuple[str, ...] = ()
    minimum_amount: Limit | None = None
    maximum_amount: Limit | None = None
    policy: Policy = DEFAULT_POLICY
    currency: str = "EUR"
    timezone: str = "UTC"
    aggregation: Aggregation = "sum"  # of its meter
    factor: Decimal | None = None
    factor_places: int | None = None

    def parameter(self, name: str) -> Any:
        """A parameter of the model, None where the model has no such parameter."""
        return getattr(self.parameters, name, None)
