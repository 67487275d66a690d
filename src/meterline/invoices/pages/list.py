"""The list of invoices and credit notes, and finding them by number."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.invoices.models import Invoice
from meterline.payments.models import OpenItem
from meterline.platform import clock
from meterline.web import format as written
from meterline.web.filters import Choice, Days, Filter, Search
from meterline.web.find import Hit, finder
from meterline.web.page import page
from meterline.web.rows import Chip, Column, Day, Money, Row
from meterline.web.sound import whole
from meterline.web.table import Bulk, Table

STATES = {
    "open": _("open"), "overdue": _("overdue"), "paid": _("paid"), "credit": _("credit note"),
}  # fmt: skip
TONES = {"open": "warning", "overdue": "bad", "paid": "good", "credit": "neutral"}


class StateFilter(Choice):
    """Open, overdue, paid, or a credit note: by what is still to be paid."""

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        owed = OpenItem.objects.filter(invoice=OuterRef("pk"), open__gt=0)
        match self.value(params):
            case "open":
                return queryset.filter(Exists(owed), kind="invoice")
            case (
                "overdue"
            ):  # its own day, which is that of the item: which is then found by its key
                late = queryset.filter(due_date__lt=clock.now().date())
                return late.filter(Exists(owed), kind="invoice")
            case "paid":
                return queryset.filter(~Exists(owed), kind="invoice")
            case "credit":
                return queryset.filter(kind="credit_note")
        return queryset

    def alike(self, params: QueryDict) -> QuerySet[Any] | None:
        """What is owed stands in an index by itself; only invoices are owed."""
        owed = OpenItem.objects.filter(open__gt=0)
        match self.value(params):
            case "open":
                return owed
            case "overdue":
                return owed.filter(due_date__lt=clock.now().date())
        return None


class LeastFilter(Filter):
    """Documents of an amount and more, whichever their currency."""

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        try:
            least = Decimal(self.value(params))
        except InvalidOperation:
            return queryset
        return queryset.filter(total__gte=least) if least.is_finite() else queryset


class RunFilter(Filter):
    """Those of a bill run, by its number."""

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        number = whole(self.value(params))
        return queryset if number is None else queryset.filter(bill_run_id=number)


def matching(invoices: QuerySet[Invoice], text: str) -> list[QuerySet[Invoice]]:
    """Documents whose number begins so, as typed or in capitals, or of the account of this code."""
    typed = list(dict.fromkeys([text, text.upper()]))
    begins = [invoices.filter(number__startswith=one) for one in typed]
    return [*begins, invoices.filter(account__code__in=typed)]


def state(kind: str, open_amount: Decimal, due_date: Any) -> str:
    """What state a document is in: a code of STATES."""
    if kind == "credit_note":
        return "credit"
    if not open_amount:
        return "paid"
    return "overdue" if due_date < clock.now().date() else "open"


def _open(rows: list[dict[str, Any]]) -> None:
    """Add what is open of the documents of one page, and the state that follows."""
    ids = [row["pk"] for row in rows]
    held = dict(OpenItem.objects.filter(invoice_id__in=ids).values_list("invoice_id", "open"))
    for row in rows:
        row["open"] = held.get(row["pk"], Decimal(0))
        row["state"] = state(row["kind"], row["open"], row["due_date"])


def _link(row: Row) -> str:
    return reverse("invoices.invoice", args=[row["pk"]])


INVOICES = Table(
    "invoices",
    columns=[
        Column("number", _("Number"), link=_link),
        Column("account__customer__party__name", _("Customer")),
        Column("account__code", _("Account")),
        Day("issue_date", _("Issued"), sort=True),
        Day("due_date", _("Due")),
        Money("total", _("Total")),
        Money("open", _("Open")),
        Chip("state", _("State"), labels=STATES, tones=TONES),
        Money("net", _("Net"), hidden=True),
        Money("tax", _("Tax"), hidden=True),
    ],
    filters=[
        Search(label=_("Number or account"), find=matching),
        StateFilter("state", _("State"), choices=tuple(STATES.items())),
        Days("issue_date", _("Issued")),
        LeastFilter("least", _("Amount from")),
        Filter("currency", _("Currency")),
        RunFilter("run", _("Bill run")),
    ],
    bulk=[
        Bulk(act="invoices.send", label=_("Send by e-mail"), permission="invoices.send"),
        Bulk(act="invoices.send_paper", label=_("Send on paper"), permission="invoices.send"),
    ],
    needs=("kind", "currency"),
    order="-issue_date",
    enrich=_open,
    enriched=frozenset({"open", "state"}),
)


@page("billing/invoices", title=_("Invoices"), permission="invoices.view", menu="billing", order=20)
def invoices(request: HttpRequest) -> HttpResponse:
    """All invoices and credit notes, the newest first."""
    return INVOICES.respond(request, Invoice.objects.all(), "invoices/invoices.html")


@finder("invoices", _("Invoices"), permission="invoices.view")
def find(text: str, limit: int) -> list[Hit]:
    """Invoices and credit notes by the beginning of their number."""
    if len(text) < 2:
        return []
    hits: dict[int, Invoice] = {}
    for way in matching(Invoice.objects.all(), text)[:-1]:
        hits |= {one.pk: one for one in way[:limit]}  # by the index of beginnings, unsorted
    found = sorted(hits.values(), key=lambda one: one.number)[:limit]
    return [
        Hit(title=one.number, note=written.amount(one.total, one.currency), icon="receipt",
            url=reverse("invoices.invoice", args=[one.pk]))
        for one in found
    ]  # fmt: skip
