"""What a scenario expects: invoices with lines, rated amounts, an account's state."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from meterline.scenario.values import At, Number, Text


class Part(BaseModel):
    """Base of every part of a scenario file: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


LineKind = Literal[
    "recurring", "one_time", "usage", "minimum", "commitment", "discount", "adjustment"
]


class ExpectedLine(Part):
    """A line that must have been made; it is compared on the keys that are given."""

    price: Text | None = None
    kind: LineKind | None = None
    subscription: Text | None = Field(None, description="name given with `as`")
    from_: At | None = Field(None, alias="from")
    to: At | None = None
    quantity: Number | None = None
    amount: Number | None = None
    band: Text | None = None
    allowance: Text | None = None


class ExpectedInvoice(Part):
    """A document that `bill` must make. Without `lines` only the figures are compared."""

    account: Text
    lines: tuple[ExpectedLine, ...] | None = None
    others: Literal["allowed"] | None = Field(None, description="more lines may have been made")
    net: Number | None = None
    tax: Number | None = None
    total: Number | None = None
    credit_applied: Number | None = None
    due: Number | None = None
    name: Text | None = Field(None, alias="as", description="name for pay, refund, chargeback")


class ExpectedRate(Part):
    """The exact amount of an event, or the reason why it is rejected."""

    amount: Number | None = None
    reject: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> ExpectedRate:
        if (self.amount is None) == (self.reject is None):
            raise ValueError("expected either `amount` or `reject`")
        return self


class ExpectedCredit(Part):
    """Figures of the credit note that `adjust` makes."""

    net: Number | None = None
    tax: Number | None = None
    total: Number | None = None


class ExpectedGrant(Part):
    """What an online charging request answers."""

    granted: Number | None = None
    balance: Number | None = None


class ExpectedState(BaseModel):
    """State of an account. Keys that this release cannot check make the scenario fail so."""

    model_config = ConfigDict(extra="allow", frozen=True)

    balance: Number | None = None
    receivable: Number | None = None
    credit: Number | None = None
    overdue: Number | None = None
    subscription_state: Text | dict[Text, Text] | None = Field(
        None, description="state of the account's subscriptions, or {name: state}"
    )
    allowances: dict[Text, Number] | None = None

    def unknown(self) -> dict[str, Any]:
        """Keys that are not one of the above."""
        return self.model_extra or {}
