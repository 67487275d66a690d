"""Types of price models' parameters: exact decimals, tiers, limits by day or unit of demand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

PLACES = 10  # decimals of prices and quantities


def _exact(value: Any) -> Decimal:
    if isinstance(value, bool | float) or not isinstance(value, int | str | Decimal):
        raise ValueError("expected a decimal number, written as text or as a whole number")
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"expected a decimal number, not {value!r}") from error
    if not number.is_finite():
        raise ValueError(f"expected a finite number, not {value!r}")
    exponent = number.normalize().as_tuple().exponent
    if isinstance(exponent, int) and (exponent < -PLACES or number.adjusted() > 15):
        raise ValueError(f"expected at most {PLACES} decimals and 16 digits before them")
    return number


Exact = Annotated[
    Decimal,
    BeforeValidator(_exact),
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
    Field(json_schema_extra={"type": ["string", "number"]}),
]
Positive = Annotated[Exact, Field(gt=0)]
NotNegative = Annotated[Exact, Field(ge=0)]


def _values(value: Any) -> Any:
    listed = value if isinstance(value, list | tuple) else [value]
    if not listed:
        raise ValueError("expected at least one value")
    for one in listed:
        if isinstance(one, bool) or not isinstance(one, str | int | Decimal):
            raise ValueError(f"expected text, or a list of texts, not {one!r}")
    return tuple(f"{one:f}" if isinstance(one, Decimal) else str(one) for one in listed)


Value = Annotated[  # a property's value, or several of which it may have any
    tuple[str, ...],
    BeforeValidator(_values),
    Field(json_schema_extra={"type": ["string", "number", "array"]}),
]

_PER = re.compile(r"([0-9]+(?:\.[0-9]+)?)/(day|demand)")


class Parameters(BaseModel):
    """Base of all models' parameters: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UpTo(BaseModel):
    """The upper end of a tier, included: fixed, per day billed, or per unit of billed demand."""

    model_config = ConfigDict(frozen=True)
    amount: Exact
    per: Literal["day", "demand"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, dict | UpTo):
            return value
        match = _PER.fullmatch(value) if isinstance(value, str) else None
        if match:
            return {"amount": match[1], "per": match[2]}
        return {"amount": value}

    def __str__(self) -> str:
        return f"{self.amount:f}" + (f"/{self.per}" if self.per else "")


UpToField = Annotated[
    UpTo,
    PlainSerializer(str, return_type=str),
    Field(json_schema_extra={"type": ["string", "number"]}),
]


class Tier(Parameters):
    """One tier: units up to and including `up_to`, the last one without end."""

    up_to: UpToField | None = Field(None, description='Upper end, included; also "12/day".')
    unit_amount: Exact = Field(Decimal(0), description="Price of a unit in this tier.")
    flat_amount: Exact = Field(Decimal(0), description="Due once the tier is reached.")
    size: Positive | None = Field(None, description="unit_amount is per started block of it.")


class PercentTier(Parameters):
    """One tier of percentages."""

    up_to: UpToField | None = Field(None, description="Upper end, included.")
    percent: Exact = Field(description="Percent of the amount in this tier.")
    flat_amount: Exact = Field(Decimal(0), description="Due once the tier is reached.")


def check_tiers(tiers: Sequence[Tier | PercentTier]) -> None:
    """Tiers ascend, and only the last one is open."""
    if not tiers:
        raise ValueError("expected at least one tier")
    for number, tier in enumerate(tiers[:-1], start=1):
        if tier.up_to is None:
            raise ValueError(f"tier {number} has no up_to: only the last tier may be open")
    if tiers[-1].up_to is not None:
        raise ValueError(
            "the last tier must be open (no up_to), so that every quantity has a price"
        )
    limits = [tier.up_to for tier in tiers[:-1] if tier.up_to is not None]
    for number, (low, high) in enumerate(pairwise(limits), start=2):
        if low.per == high.per and high.amount <= low.amount:
            raise ValueError(f"tier {number} overlaps tier {number - 1}: up_to {high} <= {low}")
    if limits and limits[0].amount < 0:
        raise ValueError("up_to must not be negative")


class Rate(Parameters):
    """A price for a unit, or tiers."""

    unit_amount: Exact | None = Field(None, description="Price of a unit.")
    tiers: tuple[Tier, ...] | None = Field(None, description="Tiers instead of one price.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.unit_amount is None) == (self.tiers is None):
            raise ValueError("expected either unit_amount or tiers")
        if self.tiers is not None:
            check_tiers(self.tiers)
        return self

    @property
    def as_tiers(self) -> tuple[Tier, ...]:
        """The rate as tiers; a single price is one open tier."""
        return self.tiers or (Tier(unit_amount=self.unit_amount or Decimal(0)),)
