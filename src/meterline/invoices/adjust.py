"""Crediting part of an issued line by hand: a credit note against it."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
from django.db import transaction
from django.db.models import Q

from meterline.access import approvals, limits
from meterline.access.models import Approval
from meterline.customers.models import Account
from meterline.invoices import services
from meterline.invoices.credit_note import credit_note
from meterline.invoices.errors import AdjustedTooMuch, NoAmountToCredit, NothingToAdjust
from meterline.invoices.models import Invoice, Line
from meterline.kernel.money import decimals, round_amount
from meterline.ledger import posting
from meterline.ledger import services as ledger
from meterline.payments import services as payments
from meterline.payments.credit import USES
from meterline.platform import audit, events

KIND = "credit.note"


@transaction.atomic
def adjust(
    account_id: int, *, price: str, from_: datetime | None, amount: Decimal, at: datetime
) -> Invoice:
    """A credit note of `amount`, before tax, against the account's newest line of a price (that
    begins at `from_`). Raises NothingToAdjust, and what `adjust_line` raises."""
    account = Account.objects.select_for_update().get(pk=account_id)
    _check(account, amount)
    return _credit(account, _line(account, price, from_), amount, at)


@transaction.atomic
def adjust_line(line_id: int, amount: Decimal, at: datetime) -> Invoice:
    """A credit note of `amount`, before tax, against one line. Above the limit (access.limits),
    together with what the actor gave the account within a day, it uses the approval of a second
    person.

    Raises NoAmountToCredit, AdjustedTooMuch, ApprovalNeeded, ApprovalMoved.
    """
    line = Line.objects.select_related("invoice").get(pk=line_id)
    account = Account.objects.select_for_update().get(pk=line.account_id)
    _check(account, amount)
    return _credit(account, line, amount, at)


def ask(line_id: int, amount: Decimal) -> Approval:
    """Ask a second person for a credit note; asking again for the same gives what was asked."""
    line = Line.objects.select_related("invoice").get(pk=line_id)
    currency = line.invoice.currency
    return approvals.ask(
        KIND, _subject(line), permission="payments.approve", payload=_payload(line, amount),
        summary=f"Credit note of {amount:.{decimals(currency)}f} {currency} before tax"
        f" on {line.invoice.number}",
    )  # fmt: skip


def giving(account: Account) -> str:
    """To whom a credit note gives, for the limit of what one person may give away alone."""
    return f"account:{account.code}"


def _subject(line: Line) -> str:
    return f"invoice_line:{line.pk}"


def _payload(line: Line, amount: Decimal) -> dict[str, Any]:
    currency = line.invoice.currency
    return {
        "invoice": line.invoice.number, "line": line.pk, "name": line.name,
        "amount": f"{amount:.{decimals(currency)}f}", "currency": currency,
    }  # fmt: skip


def _check(account: Account, amount: Decimal) -> None:
    places = decimals(account.currency)
    if amount <= 0 or amount != round_amount(amount, account.currency):
        raise NoAmountToCredit(amount=f"{amount:f}", currency=account.currency, places=places)


def _credit(account: Account, line: Line, amount: Decimal, at: datetime) -> Invoice:
    places = decimals(account.currency)
    left = line.amount - _taken(line)
    if amount > left:
        raise AdjustedTooMuch(
            left=f"{left:.{places}f}", currency=account.currency, amount=f"{amount:f}"
        )
    if limits.above(amount, account.currency, giving(account)):
        approvals.use(KIND, _subject(line), _payload(line, amount))
    else:
        limits.note(amount, account.currency, giving(account))
    note = credit_note(_facts(line, account), amount, at)
    made = services.record(note.documents, note.lines, note.taxes, issued_at=at)
    ledger.post(*posting.invoice_postings(made, note.lines, note.taxes))
    payments.open_documents(made, at, pl.DataFrame(schema=USES))
    invoice = Invoice.objects.get(pk=made["id"][0])
    told = {"line": line.pk, "amount": str(amount), "number": invoice.number}
    events.emit("invoice.issued", f"invoice:{invoice.pk}", told)
    audit.record("invoice.adjusted", f"invoice_line:{line.pk}", after=told)
    return invoice


def _line(account: Account, price: str, from_: datetime | None) -> Line:
    rows = Line.objects.filter(account_id=account.pk, price_code=price, amount__gt=0)
    if from_ is not None:
        rows = rows.filter(start_at=from_)
    found = rows.exclude(kind="adjustment").order_by("-id").first()
    if found is None:
        raise NothingToAdjust(account=account.code, price=price)
    return found


def _taken(line: Line) -> Decimal:
    """What discounts, credit notes, and bill runs since have taken from a line already."""
    notes = Q(track=f"adjustment|{line.pk}")
    same = Q(
        subscription_id=line.subscription_id,
        start_at__gte=line.start_at, end_at__lte=line.end_at,
    )  # fmt: skip
    since = Q(invoice_id=line.invoice_id) | Q(id__gt=line.pk)
    billed = same & Q(track=line.track, id__gt=line.pk, amount__lt=0)
    discounts = same & since & Q(track__startswith="discount|", track__endswith=f"|{line.track}")
    rows = Line.objects.filter(notes | billed | discounts, account_id=line.account_id)
    return -sum(rows.values_list("amount", flat=True), Decimal(0))


def _facts(line: Line, account: Account) -> dict[str, Any]:
    names = ("subscription_id", "price_id", "price_code", "name", "start_at", "end_at",
             "tax_code", "tax_percent", "season", "band", "by_value")  # fmt: skip
    return {
        **{name: getattr(line, name) for name in names},
        "account_id": account.pk, "seller_id": account.seller_id, "currency": account.currency,
        "timezone": account.timezone, "track": f"adjustment|{line.pk}",
        "inputs": json.dumps({"adjusts": line.pk, "invoice": line.invoice.number}),
    }  # fmt: skip
