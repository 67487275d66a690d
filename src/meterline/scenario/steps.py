"""The steps of a scenario: one model for each word after `do`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from meterline.scenario.expect import (
    ExpectedCredit,
    ExpectedGrant,
    ExpectedInvoice,
    ExpectedRate,
    ExpectedState,
    Part,
)
from meterline.scenario.values import At, Moment, Number, Text, read_moment

When = Literal["policy", "now", "end_of_period", "end_of_term"] | At


class _Step(Part):
    at: At | None = Field(None, description="when it happens; the clock's time if left out")


class Subscribe(_Step):
    """A new subscription; `as` names it for later steps."""

    do: Literal["subscribe"]
    account: Text
    plan: Text
    name: Text | None = Field(None, alias="as")
    quantity: Number | None = None
    overrides: dict[Text, dict[str, Any]] | None = None
    discounts: tuple[Text, ...] = ()
    promotion: Text | None = None
    identifiers: dict[Text, Text] = Field(default_factory=dict)
    base: Text | None = Field(None, description="of an add-on: the subscription it is beside")


class Change(_Step):
    """A subscription moves to another plan."""

    do: Literal["change"]
    subscription: Text
    plan: Text
    when: When = "policy"


class SetState(_Step):
    """A subscription ends, lives on, pauses or resumes."""

    do: Literal["cancel", "uncancel", "pause", "resume"]
    subscription: Text
    when: When | None = None


class SetQuantity(_Step):
    """A subscription's quantity (seats, lines) changes."""

    do: Literal["set_quantity"]
    subscription: Text
    quantity: Number
    when: When = "now"


class GiveDiscount(_Step):
    """A discount is given to a subscription or account, or ends."""

    do: Literal["give_discount", "end_discount"]
    discount: Text
    subscription: Text | None = None
    account: Text | None = None

    @model_validator(mode="after")
    def _whose(self) -> GiveDiscount:
        if (self.subscription is None) == (self.account is None):
            raise ValueError("expected either `subscription` or `account`")
        return self


class Redeem(_Step):
    """A promotion code is redeemed for a subscription; `refused`: the code of the error."""

    do: Literal["redeem"]
    subscription: Text
    promotion: Text
    refused: Text | None = None


class SetBillingDay(_Step):
    """An account's billing day moves."""

    do: Literal["set_billing_day"]
    account: Text
    day: Annotated[int, Field(ge=1, le=31)] | Literal["anniversary"]


class Usage(_Step):
    """An event; `at` is when it was used, `count` repeats it."""

    do: Literal["usage"]
    subscription: Text | None = None
    identifier: Text | None = None
    meter: Text
    id: Text | None = None
    properties: dict[Text, Text] = Field(default_factory=dict)
    count: int = Field(1, ge=1, le=1_000_000)
    end: At | None = None

    @model_validator(mode="after")
    def _whose(self) -> Usage:
        if (self.subscription is None) == (self.identifier is None):
            raise ValueError("expected either `subscription` or `identifier`")
        return self


class UsageFile(_Step):
    """A usage file arrives."""

    do: Literal["usage_file"]
    path: Annotated[str, Field(min_length=1)]
    format: Text | None = None


class ReverseUsage(_Step):
    """The event with this id did not happen."""

    do: Literal["reverse_usage"]
    id: Text


class RegisterSpec(Part):
    """A register of a meter; `meter` is the catalogue's that its consumption is usage of."""

    meter: Text | None = None
    dials: int = Field(6, ge=1, le=12)
    decimals: int = Field(0, ge=0, le=6)
    multiplier: Number = Field(Decimal(1))
    unit: Text = "kWh"
    direction: Literal["import", "export"] = "import"
    band: Text | None = None
    zone: Text | None = Field(None, description="of gas: whose factors make energy of volume")
    profile: Text | None = None
    annual: Number | None = Field(None, description="what is expected of a year")


class InstallMeter(_Step):
    """A meter comes to a place of supply, an identifier of contracts."""

    do: Literal["install_meter"]
    serial: Text
    identifier: Text
    registers: dict[Text, RegisterSpec] = Field(default_factory=dict)
    first: dict[Text, Number] = Field(default_factory=dict, description="register: what it shows")


class ExchangeMeter(_Step):
    """Another meter takes its place; its registers are the same unless it says others."""

    do: Literal["exchange_meter"]
    serial: Text
    new: Text
    registers: dict[Text, RegisterSpec] = Field(default_factory=dict)
    final: dict[Text, Number] = Field(default_factory=dict)
    first: dict[Text, Number] = Field(default_factory=dict)


class RemoveMeter(_Step):
    """A meter leaves; what is not read is estimated."""

    do: Literal["remove_meter"]
    serial: Text
    final: dict[Text, Number] = Field(default_factory=dict)


class ReadMeter(_Step):
    """A register is read; `held` is why the read must be held for review."""

    do: Literal["read"]
    serial: Text
    register_: Text | None = Field(None, alias="register")
    value: Number
    quality: Literal["actual", "customer", "substituted", "estimated", "final"] = "actual"
    held: Text | None = None


class EstimateReads(_Step):
    """What nobody has read by now is estimated."""

    do: Literal["estimate_reads"]


class GasFactor(_Step):
    """The energy of a zone's gas from now on, in MJ a cubic metre."""

    do: Literal["gas_factor"]
    zone: Text
    calorific_value: Number
    correction_factor: Number = Field(Decimal(1))
    decimals: int = Field(0, ge=0, le=6)


class VirtualRegister(_Step):
    """A register made of others, each `+PLACE/REGISTER` or `-PLACE/REGISTER`."""

    do: Literal["virtual_register"]
    code: Text
    identifier: Text
    parts: tuple[Annotated[str, Field(pattern=r"^[+-].+/[^/]+$")], ...]
    meter: Text
    surplus: Text | None = Field(None, description="meter of what is below zero")


class Publish(_Step):
    """Catalogue entries that become effective now: inline, or a file."""

    do: Literal["publish"]
    catalog: dict[str, Any] | str


class Rate(_Step):
    """One event priced by a rate card, or by a plan's price; nothing is stored."""

    do: Literal["rate"]
    card: Text | None = None
    plan: Text | None = None
    price: Text | None = None
    event: dict[Text, Text]
    expect: ExpectedRate

    @model_validator(mode="after")
    def _what(self) -> Rate:
        plan = self.plan is not None and self.price is not None
        if plan == (self.card is not None) or (self.plan is None) != (self.price is None):
            raise ValueError("expected either `card`, or `plan` and `price`")
        if "start" in self.event:
            read_moment(self.event["start"])
        return self

    @property
    def start(self) -> Moment | None:
        """When the event starts; without `start` in the event, at the step's `at`."""
        return read_moment(self.event["start"]) if "start" in self.event else self.at

    @property
    def properties(self) -> dict[str, str]:
        """What the event carries beside its start."""
        return {name: value for name, value in self.event.items() if name != "start"}


class Bill(_Step):
    """A bill run; `preview` only looks, `progressive` bills usage in mid-period."""

    do: Literal["bill"]
    until: At | None = None
    accounts: tuple[Text, ...] | None = None
    preview: bool = False
    progressive: bool = False
    expect: tuple[ExpectedInvoice, ...] | None = None


class LineReference(Part):
    """The billed line of a price that begins at `from`."""

    price: Text
    from_: At | None = Field(None, alias="from")


class Adjust(_Step):
    """A credit note over part of a billed line."""

    do: Literal["adjust"]
    account: Text
    line: LineReference
    amount: Number
    expect: ExpectedCredit | None = None


class Money(_Step):
    """Credit granted, a payment, money sent back, a payment that the bank took back."""

    do: Literal["credit", "pay", "refund", "chargeback"]
    account: Text
    amount: Number
    invoice: Text | None = None
    priority: int = Field(100, description="of credit: lower ones are used first")
    expires: At | None = Field(None, description="of credit: not used then or later")
    for_: Literal["all", "usage"] | tuple[Text, ...] = Field(
        "all", alias="for", description="of credit: what it pays for, or codes of prices"
    )

    @model_validator(mode="after")
    def _terms(self) -> Money:
        terms = (self.priority, self.expires, self.for_)
        if self.do != "credit" and terms != (100, None, "all"):
            raise ValueError("only `credit` has `priority`, `expires` and `for`")
        return self


class Charging(_Step):
    """Online charging of a prepaid balance."""

    do: Literal["top_up", "reserve", "use", "release"]
    account: Text | None = None
    balance: Text | None = None
    amount: Number | None = None
    subscription: Text | None = None
    price: Text | None = None
    event: dict[Text, Text] | None = None
    units: Number | None = None
    session: Text | None = None
    expect: ExpectedGrant | None = None


class Collect(_Step):
    """An account's debt is reminded of, or given up."""

    do: Literal["write_off", "dun"]
    account: Text


class Check(_Step):
    """An account's state now."""

    do: Literal["check"]
    account: Text
    expect: ExpectedState


class Parallel(_Step):
    """These happen at once, in any order."""

    do: Literal["parallel"]
    steps: tuple[Step, ...]


Step = Annotated[
    Subscribe
    | Change
    | SetState
    | SetQuantity
    | GiveDiscount
    | Redeem
    | SetBillingDay
    | Usage
    | UsageFile
    | ReverseUsage
    | InstallMeter
    | ExchangeMeter
    | RemoveMeter
    | ReadMeter
    | EstimateReads
    | GasFactor
    | VirtualRegister
    | Publish
    | Rate
    | Bill
    | Adjust
    | Money
    | Charging
    | Collect
    | Check
    | Parallel,
    Field(discriminator="do"),
]
Parallel.model_rebuild()

Path = tuple[str | int, ...]


def walk(steps: tuple[Step, ...], at: Path = ("steps",)) -> Iterator[tuple[Path, Step]]:
    """Each step with its place in the document, those of `parallel` included."""
    for index, step in enumerate(steps):
        yield (*at, index), step
        if isinstance(step, Parallel):
            yield from walk(step.steps, (*at, index, "steps"))


def resolve(folder: PurePath, path: str) -> PurePath:
    """A path of a scenario file, relative to the file's folder."""
    return folder / path
