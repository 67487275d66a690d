"""What was made, as the runner sees it, and the difference to what was expected, in text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from meterline.scenario.expect import ExpectedInvoice, ExpectedLine
from meterline.scenario.match import match
from meterline.scenario.values import instant


@dataclass(frozen=True, kw_only=True)
class MadeLine:
    """A line of a made document."""

    price: str
    kind: str
    subscription: str | None
    start: datetime | None
    end: datetime | None
    quantity: Decimal | None
    amount: Decimal
    band: str | None
    allowances: frozenset[str] = frozenset()  # that covered some of the usage


@dataclass(frozen=True, kw_only=True)
class MadeInvoice:
    """A document that a step made, or would make."""

    id: int | None
    account: str
    currency: str
    net: Decimal
    tax: Decimal
    total: Decimal
    credit_applied: Decimal
    due: Decimal
    lines: tuple[MadeLine, ...]


FIGURES = ("net", "tax", "total", "credit_applied", "due")


def fits(expected: ExpectedLine, made: MadeLine, zone: ZoneInfo) -> bool:
    """True if the made line has every value that the expected one gives."""
    return (
        expected.price in (None, made.price)
        and expected.kind in (None, made.kind)
        and expected.subscription in (None, made.subscription)
        and expected.band in (None, made.band)
        and (expected.allowance is None or expected.allowance in made.allowances)
        and expected.amount in (None, made.amount)
        and expected.quantity in (None, made.quantity)
        and (expected.from_ is None or instant(expected.from_, zone) == made.start)
        and (expected.to is None or instant(expected.to, zone) == made.end)
    )


def compare(
    expected: Sequence[ExpectedInvoice],
    made: Sequence[MadeInvoice],
    zone_of: Mapping[str, ZoneInfo],
) -> tuple[list[str], dict[str, MadeInvoice]]:
    """Differences as text (empty: all holds), and the made documents by the names given."""

    def same(one: ExpectedInvoice, other: MadeInvoice) -> bool:
        return one.account == other.account and not difference(one, other, zone_of[other.account])

    paired = match(expected, made, same)
    free = [j for j in range(len(made)) if j not in set(paired.values())]
    texts: list[str] = []
    for index, one in enumerate(expected):
        if index in paired:
            continue
        near = next((j for j in free if made[j].account == one.account), None)
        if near is None:
            texts.append(f"expected an invoice of account {one.account}, none was made")
            continue
        free.remove(near)
        paired[index] = near
        texts += difference(one, made[near], zone_of[one.account])
    for j in free:
        texts.append(f"an invoice too many: {describe(made[j], zone_of[made[j].account])}")
    names = {expected[i].name: made[j] for i, j in paired.items()}
    return texts, {name: invoice for name, invoice in names.items() if name is not None}


def difference(expected: ExpectedInvoice, made: MadeInvoice, zone: ZoneInfo) -> list[str]:
    """How a made document differs from the expected one of the same account."""
    texts = []
    for figure in FIGURES:
        wanted: Decimal | None = getattr(expected, figure)
        got: Decimal = getattr(made, figure)
        if wanted is not None and wanted != got:
            texts.append(f"{expected.account}: {figure} expected {wanted:f}, made {money(got)}")
    if expected.lines is None:
        return texts
    paired = match(expected.lines, made.lines, lambda one, other: fits(one, other, zone))
    missing = [one for i, one in enumerate(expected.lines) if i not in paired]
    left = [line for j, line in enumerate(made.lines) if j not in set(paired.values())]
    if missing or (left and expected.others is None):
        texts.append(f"{expected.account}: the lines differ\n" + _table(missing, left, zone))
    return texts


def _table(missing: Sequence[ExpectedLine], left: Sequence[MadeLine], zone: ZoneInfo) -> str:
    """Expected lines without a partner beside made lines without one."""
    wanted = [_expected_text(line, zone) for line in missing] or ["(nothing)"]
    got = [_made_text(line, zone) for line in left] or ["(nothing)"]
    width = max(len("expected"), *(len(text) for text in wanted))
    rows = [("expected", "made")]
    height = max(len(wanted), len(got))
    rows += zip(_padded(wanted, height), _padded(got, height), strict=True)
    return "\n".join(f"    {one:<{width}} | {other}".rstrip() for one, other in rows)


def _padded(texts: list[str], height: int) -> list[str]:
    return texts + [""] * (height - len(texts))


def describe(made: MadeInvoice, zone: ZoneInfo) -> str:
    """One made document on a few lines."""
    head = f"{made.account} {money(made.total)} {made.currency}"
    return "\n".join([head, *(f"    {_made_text(line, zone)}" for line in made.lines)])


def _expected_text(line: ExpectedLine, zone: ZoneInfo) -> str:
    begin = None if line.from_ is None else instant(line.from_, zone)
    end = None if line.to is None else instant(line.to, zone)
    words = [line.price, line.kind, line.subscription, line.band, line.allowance]
    return _words(words, begin, end, line.quantity, line.amount, zone)


def _made_text(line: MadeLine, zone: ZoneInfo) -> str:
    words = [line.price, line.kind, line.subscription, line.band, *sorted(line.allowances)]
    return _words(words, line.start, line.end, line.quantity, line.amount, zone)


def _words(
    words: Sequence[str | None],
    begin: datetime | None,
    end: datetime | None,
    quantity: Decimal | None,
    amount: Decimal | None,
    zone: ZoneInfo,
) -> str:
    parts = [word for word in words if word]
    if begin is not None or end is not None:
        parts.append(f"{_local(begin, zone)}..{_local(end, zone)}")
    if quantity is not None:
        parts.append(f"x {number(quantity)}")
    if amount is not None:
        parts.append(f"= {money(amount)}")
    return " ".join(parts)


def _local(moment: datetime | None, zone: ZoneInfo) -> str:
    if moment is None:
        return ""
    local = moment.astimezone(zone)
    midnight = (local.hour, local.minute, local.second, local.microsecond) == (
        0,
        0,
        0,
        0,
    )
    return local.date().isoformat() if midnight else local.isoformat()


def number(value: Decimal) -> str:
    """A decimal without superfluous zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: Decimal) -> str:
    """A decimal with its cents, and without superfluous zeros after them."""
    whole, _, fraction = number(value).partition(".")
    return f"{whole}.{fraction:0<2}"
