"""What a document shows, whatever its format: the parties, blocks of lines, taxes, what to pay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from meterline.kernel.explain import number
from meterline.kernel.words import Told
from meterline.kernel.words import gettext_noop as _

_REGISTERS_MOST = 4
_CERTAINTY = {  # the least certain last
    "actual": Told(_("read")), "final": Told(_("read")),
    "customer": Told(_("as you have read it")), "substituted": Told(_("read, corrected")),
    "interpolated": Told(_("calculated between two reads")), "estimated": Told(_("estimated")),
}  # fmt: skip
METER = _("meter %(name)s from %(first)s to %(last)s, %(clause)s")
REGISTERS = _("%(count)s registers, %(clause)s")
REGISTER = _("%(name)s, %(clause)s")


@dataclass(frozen=True, kw_only=True)
class Address:
    """A seller or a customer as the document names it."""

    name: str
    lines: tuple[str, ...]
    country: str
    tax_id: str
    email: str
    phone: str = ""
    website: str = ""


@dataclass(frozen=True, kw_only=True)
class Covered:
    """What an allowance covered: units of the line, or money."""

    allowance: str
    money: bool
    amount: Fraction


@dataclass(frozen=True, kw_only=True)
class DocumentLine:
    """A charge. `start` and `last` are local days, both within the period; None: no period."""

    position: int
    name: str
    kind: str
    details: tuple[str | Told, ...]  # what tells it from others: plan, band, season, value, credit
    start: date | None
    last: date | None
    quantity: Decimal | None
    unit: str
    amount: Decimal
    tax_percent: Decimal | None
    covered: tuple[Covered, ...] = ()  # what allowances covered of the period, beside the quantity

    @property
    def detail(self) -> str:
        """What tells it from others, in English."""
        return ", ".join(map(str, self.details))


@dataclass(frozen=True, kw_only=True)
class Block:
    """The lines of one subscription: the plan, and what identifies it."""

    title: str  # empty: charges of the account itself
    subtitle: str
    lines: tuple[DocumentLine, ...]

    @property
    def total(self) -> Decimal:
        """The sum of the lines, before tax."""
        return sum((line.amount for line in self.lines), Decimal(0))


@dataclass(frozen=True, kw_only=True)
class DocumentTax:
    """The tax of a document at one rate."""

    code: str
    percent: Decimal
    base: Decimal
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class UsageRecord:
    """A rated record, for the usage detail."""

    price: str
    identifier: str
    start: datetime  # local
    quantity: Decimal
    covered: Decimal  # so much of it by allowances
    unit: str
    band: str
    amount: Decimal | None  # None: the period is priced, not the record


@dataclass(frozen=True, kw_only=True)
class CreditUse:
    """What a document used of a grant of credit; `reason` is why it was granted, else its code."""

    reason: str
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class InvoiceDocument:
    """One document, whole."""

    number: str
    kind: str
    account: str
    currency: str
    decimals: int
    language: str
    colour: str
    iban: str
    bic: str
    issue_date: date
    due_date: date
    seller: Address
    customer: Address
    blocks: tuple[Block, ...]
    taxes: tuple[DocumentTax, ...]
    net: Decimal
    tax: Decimal
    total: Decimal
    credit_applied: Decimal
    due: Decimal
    credits: tuple[CreditUse, ...] = ()  # what of credit_applied was granted; the rest was paid in
    usage: tuple[UsageRecord, ...] = ()


def blocks(lines: list[dict[str, Any]], zone: str) -> tuple[Block, ...]:
    """Lines (rows of reading.lines, in order) gathered by subscription."""
    grouped: dict[Any, list[dict[str, Any]]] = {}
    for row in lines:
        grouped.setdefault(row["subscription_id"], []).append(row)
    return tuple(_block(rows, ZoneInfo(zone)) for rows in grouped.values())


def _block(rows: list[dict[str, Any]], zone: ZoneInfo) -> Block:
    plan = _last(rows, "plan_name")
    return Block(
        title=plan or "",
        subtitle=_last(rows, "identifiers") or "",
        lines=tuple(_line(row, plan, zone) for row in rows),
    )


def _last(rows: list[dict[str, Any]], name: str) -> str | None:
    return next((row[name] for row in reversed(rows) if row[name]), None)


def _line(row: dict[str, Any], plan: str | None, zone: ZoneInfo) -> DocumentLine:
    """A row of reading.lines as it is shown in the block of a plan."""
    start, last = _days(row["start_at"], row["end_at"], zone)
    told = [
        row["plan_name"] if row["plan_name"] != plan else None,
        *(text and text.replace("_", " ") for text in (row["band"], row["season"])),
        _value(row["by_value"]),
        _turn(row),
        *metered(row["inputs"]),
    ]
    return DocumentLine(
        position=row["position"],
        name=row["name"],
        kind=row["kind"],
        details=tuple(text for text in told if text),
        start=start,
        last=last,
        quantity=row["quantity"],
        unit=row["unit"] or "",
        amount=row["amount"],
        tax_percent=row["tax_percent"],
        covered=covered(row["inputs"]),
    )


def metered(inputs: Mapping[str, Any] | None) -> list[Told]:
    """What meters showed, of the inputs of a line, a text a register; of many only how certain it
    is that they showed it."""
    found = (inputs or {}).get("reads") or ()
    worst = [word for word in _CERTAINTY if word in {one["quality"] for one in found}][-1:]
    if len(found) > _REGISTERS_MOST:
        return [Told(REGISTERS, count=len(found), clause=_CERTAINTY[word]) for word in worst]
    return [_register(one, alone=len(found) == 1) for one in found]


def _register(one: Mapping[str, Any], *, alone: bool) -> Told:
    """ "meter S1 from 1000 to 1310, estimated"."""
    certain = _CERTAINTY[one["quality"]]
    if one["from_value"] is None:
        return Told(REGISTER, name=one["code"], clause=certain)
    name = one["serial"] if alone else f"{one['serial']} {one['code']}"
    first, last = (number(Decimal(one[value])) for value in ("from_value", "to_value"))
    return Told(METER, name=name, first=first, last=last, clause=certain)


def covered(inputs: Mapping[str, Any] | None) -> tuple[Covered, ...]:
    """What allowances covered, of the inputs of a line: each code's together, units first."""
    sums: dict[tuple[bool, str], Fraction] = {}
    for one in (inputs or {}).get("covered") or ():
        key = one["money"], one["allowance"]
        sums[key] = sums.get(key, Fraction(0)) + Fraction(one["amount"]) / int(one["denominator"])
    return tuple(
        Covered(allowance=code, money=money, amount=amount)
        for (money, code), amount in sorted(sums.items())
        if amount
    )


def _turn(row: dict[str, Any]) -> Told | None:
    """Whether a line takes back or corrects what was billed before."""
    inputs = row["inputs"] or {}
    if "invoice" in inputs:  # of a credit note by hand
        return Told(_("credit of %(invoice)s"), invoice=inputs["invoice"])
    if row["kind"] == "adjustment" or "credit_of" in inputs:
        return Told(_("credit"))
    return Told(_("correction")) if "before" in inputs else None


def _value(by_value: str | None) -> str | None:
    """The values of the fields that a price goes by, of their JSON array."""
    return by_value and ", ".join(str(value or "\N{EN DASH}") for value in json.loads(by_value))


def _days(
    start: datetime | None, end: datetime | None, zone: ZoneInfo
) -> tuple[date | None, date | None]:
    """The local days that a half-open period touches."""
    if start is None or end is None:
        return None, None
    first = start.astimezone(zone).date()
    last = (end.astimezone(zone) - timedelta(microseconds=1)).date()
    return first, max(first, last)
