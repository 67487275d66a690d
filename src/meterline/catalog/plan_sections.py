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
    Validated,
)
from meterline.catalog.sections import PolicySection, RoundSection
from meterline.pricing.parameters import Exact, NotNegative, Parameters, Positive
from meterline.pricing.registry import all_models, model
from meterline.rating.allowance import Shared

_RIDER = "percent_of"


class IndexSection(Validated):
    """Prices are raised by a percentage from a day on, each time on what they are then."""

    from_: Day = Field(alias="from", description="The first day with raised amounts.")
    percent: Exact = Field(description="By how much; below 0 lowers.")
    prices: tuple[Text, ...] = Field((), description="Codes; all recurring prices if left out.")
    round: RoundSection | None = Field(None, description="Of the raised amounts; default: exact.")

    def check(self) -> None:
        if self.percent <= -100:
            raise ValueError("percent: expected above -100")


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
    indexation: tuple[IndexSection, ...] | None = Field(
        None, description="Instead of the plan's; an empty list leaves the price as it is."
    )
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
    meter: Text | None = Field(None, description="The meter whose usage it covers.")
    meters: tuple[Text, ...] = Field((), description="Or several meters.")
    amount: Positive = Field(description="So many units, or so much money, an interval.")
    interval: IntervalText = "month"
    unit: Literal["money"] | None = Field(None, description="money: an amount instead of units.")
    prices: tuple[Text, ...] = Field(
        (), description="Prices it covers; default: all of the meters."
    )
    prorate: bool = Field(False, description="Whether stubs get a part of it.")
    rollover: int = Field(0, ge=0, le=120, description="Intervals for which the rest stands over.")
    shared: Shared = Field("subscription", description="Who may use it.")
    priority: int = Field(100, description="Lower numbers are used first.")
    bands: tuple[Text, ...] = Field((), description="Only events that start in these bands.")
    increment: Positive | None = Field(None, description="Only whole increments are covered.")
    valid: IntervalText | None = Field(
        None, description="Granted once, when the plan is taken, and usable for so long."
    )

    @property
    def all_meters(self) -> tuple[str, ...]:
        """`meter` and `meters`."""
        return (*([self.meter] if self.meter else []), *self.meters)

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Fields that do not go together, and what was expected."""
        if self.valid is not None and self.rollover:
            yield "rollover", "expected none with `valid`: it is granted once"
        if self.valid is not None and self.prorate:
            yield "prorate", "expected none with `valid`: it is granted once, whole"
        if self.unit is None and not self.all_meters and not self.prices:
            yield "meter", "expected the meter or the prices that it covers"


class MinimumSection(Section):
    """A least spend an interval, made up for by a line in arrears."""

    amount: NotNegative
    interval: IntervalText = "month"
    of: tuple[Text, ...] = ()
    shared: Literal["subscription", "account"] = Field(
        "subscription", description="account: one, however many subscriptions carry it."
    )


class ShortfallSection(Section):
    """What is paid for each unit that was promised and not used."""

    unit_amount: NotNegative


class CommitmentSection(Section):
    """A volume promised an interval; what is used less is paid for at its end."""

    code: Code
    name: Name | None = None
    meter: Text | None = Field(None, description="All that the plan's price of this meter counts.")
    prices: tuple[Text, ...] = Field((), description="Or what these prices count, together.")
    quantity: Positive
    interval: IntervalText = "month"
    shortfall: ShortfallSection


class PhaseSection(Section):
    """A stretch of the plan's beginning with other prices."""

    for_: IntervalText = Field(alias="for")
    prices: dict[str, dict[str, Any]] = Field(default_factory=dict)


class EarlyFeeSection(Validated):
    """What is due when a subscription is cancelled inside its term."""

    amount: NotNegative | None = Field(None, description="So much.")
    per_month: NotNegative | None = Field(None, description="For each started month that is left.")
    percent: NotNegative | None = Field(None, description="Of the recurring charges to the end.")
    name: Name | None = None
    tax: Text | None = None

    def check(self) -> None:
        given = [one for one in (self.amount, self.per_month, self.percent) if one is not None]
        if len(given) != 1:
            raise ValueError("expected one of amount, per_month and percent")
        if self.percent is not None and self.percent > 100:
            raise ValueError("percent is at most 100")


class TermSection(Section):
    """A minimum duration, and what follows it."""

    for_: IntervalText = Field(alias="for", description="The minimum duration.")
    renewal: Literal["automatic", "open", "none"] = Field(
        "automatic",
        description="automatic: another term follows; open: it goes on without one; none: it ends.",
    )
    renew_for: IntervalText | None = Field(None, description="Of the terms that follow; as `for`.")
    notice: IntervalText | None = Field(
        None, description="A later cancellation is for the end of the next term."
    )
    early_fee: EarlyFeeSection | None = None

    @model_validator(mode="after")
    def _renewed(self) -> TermSection:
        for name in ("renew_for", "notice"):
            if getattr(self, name) is not None and self.renewal != "automatic":
                raise ValueError(f"{name} is for `renewal: automatic` alone")
        return self


class IncludeSection(Section):
    """An add-on that a bundle brings along."""

    plan: Text
    quantity: Positive = Decimal(1)


class PlanSection(Section):
    """A plan: what is sold under one name."""

    name: Name | None = Field(None, description="As people read it; default: from the code.")
    effective: Day | None = None
    existing: Literal["keep", "move", "move_at_renewal"] = "keep"
    policy: PolicySection | None = None
    trial: IntervalText | None = None
    term: TermSection | None = None
    addon_to: tuple[Text, ...] = Field((), description="Taken only beside one of these plans.")
    addon_quantity: Literal["own", "base"] = Field(
        "own", description="Of an add-on: whether it has as many units as its base."
    )
    includes: tuple[IncludeSection, ...] = Field((), description="Add-ons that come along.")
    indexation: tuple[IndexSection, ...] = ()
    phases: tuple[PhaseSection, ...] = ()
    minimum: MinimumSection | None = None
    commitments: tuple[CommitmentSection, ...] = ()
    allowances: tuple[AllowanceSection, ...] = ()
    prices: dict[Code, PriceSection] = Field(default_factory=dict)
