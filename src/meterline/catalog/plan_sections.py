"""The catalogue file's plans: prices, allowances, minimum, phases."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from meterline.catalog.model_types import (
    Code,
    Day,
    IntervalText,
    LimitField,
    Name,
    Section,
    Text,
)
from meterline.catalog.sections import PolicySection
from meterline.pricing.parameters import NotNegative, Parameters, Positive
from meterline.pricing.registry import all_models, model

_RIDER = "percent_of"


class PriceSection(Section):
    """One price of a plan; what is not named here are parameters of its model."""

    kind: Literal["recurring", "one_time", "usage"]
    model: Text = Field(description="How it is priced.")
    name: Name | None = None
    interval: IntervalText = "month"
    timing: Literal["advance", "arrears"] | None = None
    prorate: bool | None = None
    due: Literal["activation", "cancellation"] | None = None
    meter: Text | None = None
    by: tuple[Text, ...] = ()
    tax: Text | None = None
    minimum_amount: LimitField | None = None
    maximum_amount: LimitField | None = None
    policy: PolicySection | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        own = {name for name in cls.model_fields if name != "parameters"}
        known = {name: value[name] for name in value if name in own}
        rest = {name: value[name] for name in value if name not in own}
        return {**known, "parameters": rest}

    @field_validator("model")
    @classmethod
    def _known_model(cls, name: str) -> str:
        if name not in all_models():
            raise ValueError(f"expected a price model: {', '.join(sorted(all_models()))}")
        return name

    def contradictions(self) -> Iterator[str]:
        """What does not go together."""
        known = all_models().get(self.model)
        if known is not None and self.kind not in known.kinds:
            yield f"model {self.model}: expected kind {' or '.join(known.kinds)}, not {self.kind}"
        if self.kind == "usage":
            if self.model != _RIDER and self.meter is None:
                yield "a usage price needs a `meter`"
            if self.timing == "advance":
                yield "usage is always billed in arrears"
        elif self.meter is not None:
            yield f"a {self.kind} price takes no meter"
        if self.by and (self.kind != "usage" or self.model == _RIDER):
            yield "only the price of a meter has `by`"
        if self.model == "matrix" and not self.by:
            yield "model matrix: expected `by` with the properties that its cells name"
        if self.due is not None and self.kind != "one_time":
            yield "only a one_time price has `due`"

    def model_parameters(self) -> Parameters:
        """The validated parameters.

        Raises pydantic's ValidationError with places below the price.
        """
        return model(self.model).parameters.model_validate(self.parameters)


class AllowanceSection(Section):
    """Free units, or money, of a period."""

    code: Code
    meter: Text | None = None
    meters: tuple[Text, ...] = ()
    amount: Positive
    interval: IntervalText = "month"
    unit: Literal["money"] | None = None
    prices: tuple[Text, ...] = ()
    prorate: bool = False
    rollover: int = Field(0, ge=0)
    shared: Literal["subscription", "account", "pool"] = "subscription"
    priority: int = 100
    bands: tuple[Text, ...] = ()
    increment: Positive = Decimal(1)
    valid: IntervalText | None = None


class MinimumSection(Section):
    """A least spend an interval, made up for by a line in arrears."""

    amount: NotNegative
    interval: IntervalText = "month"
    of: tuple[Text, ...] = ()


class PhaseSection(Section):
    """A stretch of the plan's beginning with other prices."""

    for_: IntervalText = Field(alias="for")
    prices: dict[str, dict[str, Any]] = Field(default_factory=dict)


class PlanSection(Section):
    """A plan: what is sold under one name."""

    name: Name | None = Field(None, description="As people read it; default: from the code.")
    effective: Day | None = None
    existing: Literal["keep", "move", "move_at_renewal"] = "keep"
    policy: PolicySection | None = None
    trial: IntervalText | None = None
    phases: tuple[PhaseSection, ...] = ()
    minimum: MinimumSection | None = None
    allowances: tuple[AllowanceSection, ...] = ()
    prices: dict[Code, PriceSection] = Field(default_factory=dict)
