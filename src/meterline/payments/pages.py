"""Money on pages: payments, what is open, who owes, granted credit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.access.models import Approval
from meterline.customers.models import Account
from meterline.invoices.links import invoice_url
from meterline.payments import ageing
from meterline.payments.models import Allocation, Grant, GrantUse, OpenItem, Payment
from meterline.platform import clock
from meterline.web.filters import Choice, Days, Filter, Flag, Search
from meterline.web.find import Hit, finder
from meterline.web.page import page
from meterline.web.rows import Chip, Column, Day, Money, Number, Row, Rows, When, Word
from meterline.web.table import Table

KINDS = {
    "payment": _("payment"), "refund": _("refund"), "chargeback": _("chargeback"),
    "credit": _("credit granted"), "void": _("credit taken back"), "expiry": _("credit expired"),
}  # fmt: skip
TONES = {"payment": "good", "chargeback": "bad", "refund": "warning", "expiry": "warning"}
AGES = {"1": (1, 30), "31": (31, 60), "61": (61, 90), "91": (91, None)}


def account_url(row: Row) -> str:
    """The account of a row."""
    return reverse("console.account", args=[row["account_id"]])


def payment_url(row: Row) -> str:
    """The payment of a row."""
    return reverse("payments.payment", args=[row["pk"]])


def with_accounts(rows: list[dict[str, Any]]) -> None:
    """Add `account` and `customer` to rows with an `account_id`."""
    ids = {row["account_id"] for row in rows}
    found = Account.objects.filter(pk__in=ids).values_list("pk", "code", "customer__party__name")
    named = {pk: (code, name) for pk, code, name in found}
    for row in rows:
        row["account"], row["customer"] = named.get(row["account_id"], ("", ""))


METHODS = {
    "bank_transfer": _("Bank transfer"), "card": _("Card"), "cash": _("Cash"),
    "direct_debit": _("Direct debit"), "cheque": _("Cheque"), "other": _("Other"),
}  # fmt: skip
PAYMENTS = Table(
    "payments",
    columns=[
        Column("code", _("Payment"), link=payment_url),
        Column("account__code", _("Account"), link=account_url),
        Column("account__customer__party__name", _("Customer")),
        Chip("kind", _("Kind"), labels=KINDS, tones=TONES),
        Money("amount", _("Amount")),
        Column("reference", _("Reference")),
        Word("method", _("Method"), labels=METHODS, hidden=True),
        When("at", _("When"), sort=True),
    ],
    filters=[
        Search(label=_("Payment"), find=lambda rows, text: [rows.filter(code__startswith=text)]),
        Filter("account", _("Account"), field="account__code"),
        Choice("kind", _("Kind"), choices=tuple(KINDS.items())),
        Days("at", _("Days")),
    ],
    order="-at",
    needs=("account_id",),
)


@page("money/payments", title=_("Payments"), permission="payments.view", menu="money", order=10)
def payments(request: HttpRequest) -> HttpResponse:
    """Payments, refunds and granted credit, the newest first."""
    return PAYMENTS.respond(request, Payment.objects.all(), "payments/payments.html")


@page("money/payments/<int:payment>", title=_("Payment"), permission="payments.view")
def payment(request: HttpRequest, payment: int) -> HttpResponse:
    """One payment: what it settled, and what is left of it where it is granted credit."""
    one = get_object_or_404(Payment.objects.select_related("account__customer__party"), pk=payment)
    parts = Allocation.objects.filter(payment=one).order_by("pk")
    grant = Grant.objects.filter(pk=one.pk).first()
    context = {
        "payment": one, "kind": KINDS[one.kind], "tone": TONES.get(one.kind, "neutral"),
        "allocated": allocated_rows(parts, one.currency), "settles": parts.exists(),
        "method": METHODS.get(one.method, one.method), "grant": grant,
        "uses": None if grant is None else _uses(grant),
    }  # fmt: skip
    return render(request, "payments/payment.html", context)


def allocated_rows(parts: Iterable[Allocation] | QuerySet[Allocation], currency: str) -> Rows:
    """A table of what went to which invoices."""
    rows = [
        {
            "pk": part.invoice_id,
            "number": part.invoice.number,
            "amount": part.amount,
            "currency": currency,
        }
        for part in parts
    ]
    return Rows(
        [Column("number", _("Invoice"), link=lambda row: invoice_url(row["pk"])),
         Money("amount", _("Amount"))],
        rows, caption=_("Settled"),
    )  # fmt: skip


def _uses(grant: Grant) -> Rows:
    uses = GrantUse.objects.filter(grant=grant).order_by("pk")
    columns = [
        When("at", _("When")), Chip("kind", _("Kind"), labels={**KINDS, "used": _("used")}),
        Column("invoice__number", _("Invoice"), link=_of_invoice), Money("amount", _("Amount")),
    ]  # fmt: skip
    rows = uses.values("at", "kind", "invoice_id", "invoice__number", "amount")
    return Rows(columns, [{**row, "currency": grant.currency} for row in rows], caption=_("Uses"))


def _of_invoice(row: Row) -> str:
    return invoice_url(row["invoice_id"]) if row["invoice_id"] else ""


class Overdue(Flag):
    """Only what was due before today."""

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        return queryset.filter(due_date__lt=_today()) if self.value(params) else queryset


class Age(Choice):
    """Only what has been due for so many days."""

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        value = self.value(params)
        if not value:
            return queryset
        youngest, oldest = AGES[value]
        late = queryset.filter(due_date__lte=_today() - timedelta(days=youngest))
        if oldest is None:
            return late
        return late.filter(due_date__gte=_today() - timedelta(days=oldest))


def _with_lateness(rows: list[dict[str, Any]]) -> None:
    with_accounts(rows)
    for row in rows:
        row["late"] = max((_today() - row["due_date"]).days, 0) or None


OPEN_ITEMS = Table(
    "open_items",
    columns=[
        Column("invoice__number", _("Invoice"), link=_of_invoice),
        Column("account", _("Account"), link=account_url),
        Column("customer", _("Customer")),
        Day("due_date", _("Due"), sort=True),
        Number("late", _("Days late")),
        Money("amount", _("Was due")),
        Money("open", _("Open")),
    ],
    filters=[
        Age("age", _("Late"), choices=(
            ("1", _("1 to 30 days")), ("31", _("31 to 60 days")), ("61", _("61 to 90 days")),
            ("91", _("more than 90 days")))),
        Overdue("overdue", _("Overdue")),
        Filter("currency", _("Currency")),
    ],
    order="due_date",
    needs=("account_id", "invoice_id"),
    enrich=_with_lateness,
    enriched=frozenset({"account", "customer", "late"}),
)  # fmt: skip


@page("money/open", title=_("Open invoices"), permission="payments.view", menu="money", order=20)
def open_items(request: HttpRequest) -> HttpResponse:
    """What is still to be paid, the oldest first."""
    return OPEN_ITEMS.respond(
        request, OpenItem.objects.filter(open__gt=0), "payments/open_items.html"
    )


class Late(Flag):
    """Only accounts with something overdue."""

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        if not self.value(params):
            return queryset
        return queryset.filter(Exists(_items().filter(due_date__lt=_today())))


def _items() -> QuerySet[OpenItem]:
    return OpenItem.objects.filter(account_id=OuterRef("pk"), open__gt=0)


def _with_ages(rows: list[dict[str, Any]]) -> None:
    owed = ageing.of([row["pk"] for row in rows], clock.now())
    for row in rows:
        mine = owed[row["pk"]]
        row.update(vars(mine), overdue=mine.overdue, total=mine.total)


AGEING = Table(
    "ageing",
    columns=[
        Column("code", _("Account"), sort=True,
               link=lambda row: reverse("console.account", args=[row["pk"]])),
        Column("customer__party__name", _("Customer")),
        Money("not_due", _("Not due yet")),
        Money("days_1_30", _("1 to 30 days")),
        Money("days_31_60", _("31 to 60")),
        Money("days_61_90", _("61 to 90")),
        Money("days_91", _("over 90")),
        Money("overdue", _("Overdue"), hidden=True),
        Money("total", _("Owes")),
    ],
    filters=[
        Search(label=_("Account"), find=lambda rows, text: [rows.filter(code__startswith=text)]),
        Late("overdue", _("Overdue")),
        Filter("currency", _("Currency")),
    ],
    order="code",
    enrich=_with_ages,
    enriched=frozenset({"not_due", "days_1_30", "days_31_60", "days_61_90", "days_91", "overdue",
                        "total"}),
)  # fmt: skip


@page("money/ageing", title=_("Who owes"), permission="payments.view", menu="money", order=30)
def owing(request: HttpRequest) -> HttpResponse:
    """Accounts that owe something, and for how long."""
    return AGEING.respond(request, Account.objects.filter(Exists(_items())), "payments/ageing.html")


GRANTS = Table(
    "grants",
    columns=[
        Column("payment__code", _("Grant"), link=payment_url),
        Column("account", _("Account"), link=account_url),
        Column("customer", _("Customer")),
        Column("payment__reference", _("Why")),
        Money("amount", _("Granted")),
        Money("remaining", _("Left")),
        Number("priority", _("Priority"), hidden=True),
        When("expires_at", _("Expires")),
        When("payment__at", _("When")),
    ],
    filters=[Flag("left", _("With something left"), only=Q(remaining__gt=0))],
    order="-pk",
    empty=_("Credit granted to accounts, for goodwill or in advance, pays their next invoices."),
    needs=("account_id",),
    enrich=with_accounts,
    enriched=frozenset({"account", "customer"}),
)


@page("money/credit", title=_("Credit"), permission="payments.view", menu="money", order=40)
def credit(request: HttpRequest) -> HttpResponse:
    """Credit that was granted, and what is left of it."""
    waiting = Approval.objects.filter(kind="credit.grant", state__in=("awaiting", "approved"))
    return GRANTS.respond(
        request, Grant.objects.all(), "payments/credit.html", waiting=waiting.order_by("pk")[:50]
    )


@finder("payments", _("Payments"), permission="payments.view")
def find(text: str, limit: int) -> list[Hit]:
    """Payments by the beginning of their code."""
    if not text:
        return []
    found = Payment.objects.filter(code__startswith=text.upper())
    return [
        Hit(title=one.code, note=str(KINDS[one.kind]), icon="coins", value=one.code,
            url=reverse("payments.payment", args=[one.pk]))
        for one in sorted(found[:limit], key=lambda one: one.code)
    ]  # fmt: skip


def _today() -> date:
    return clock.now().date()
