"""One document: what its PDF shows, why each line is what it is, what came of it since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.invoices import reports
from meterline.invoices.formats import document_format
from meterline.invoices.letter import last_before
from meterline.invoices.models import Invoice, Line
from meterline.invoices.pages.list import STATES, TONES, state
from meterline.invoices.pages.parts import change, trees
from meterline.invoices.pages.sending import sendings_of
from meterline.invoices.spoken import spoken
from meterline.payments.models import Allocation, OpenItem
from meterline.payments.pages import METHODS
from meterline.subscriptions.models import Subscription
from meterline.web import format as written
from meterline.web.page import fragment, link, page
from meterline.web.rows import Chip, Column, Day, Money, Rows, When, Word

TYPES = {"pdf": "application/pdf", "html": "text/html", "json": "application/json"}


def _one(invoice: int) -> Invoice:
    wanted = Invoice.objects.select_related("account__customer__party", "seller")
    return get_object_or_404(wanted, pk=invoice)


def _common(one: Invoice) -> dict[str, Any]:
    """What the pages of a document show at their head."""
    item = OpenItem.objects.filter(pk=one.pk).first()
    held = item.open if item else Decimal(0)
    code = state(one.kind, held, one.due_date)
    tabs = [
        (_("Document"), reverse("invoices.invoice", args=[one.pk]), None),
        (_("Explanation"), reverse("invoices.explained", args=[one.pk]), None),
    ]
    if one.kind == "invoice":
        tabs.append((_("Against the last bill"), reverse("invoices.against", args=[one.pk]), None))
    return {"invoice": one, "open": held, "state": STATES[code], "tone": TONES[code], "tabs": tabs}


@page("billing/invoices/<int:invoice>", title=later("Invoice"), permission="invoices.view")
def invoice(request: HttpRequest, invoice: int) -> HttpResponse:
    """A document as its PDF shows it, with what was paid and what corrects it."""
    one = _one(invoice)
    shown = replace(reports.document(one.number), language=get_language() or "en")
    context = _common(one) | {
        "shown": spoken(shown),
        "facts": _facts(one),
        "payments": _payments(one),
        "related": _related(one),
        "sendings": sendings_of(invoice=one),
    }
    return render(request, "invoices/invoice.html", context)


@page(
    "billing/invoices/<int:invoice>/explained", title=later("Explanation"),
    permission="invoices.view",
)  # fmt: skip
def explained(request: HttpRequest, invoice: int) -> HttpResponse:
    """Why each line is what it is."""
    one = _one(invoice)
    held = Subscription.objects.filter(pk__in=one.lines.values("subscription_id"))
    codes = dict(held.values_list("pk", "code"))

    def records(line: Mapping[str, Any]) -> str:
        start, end = line["start_at"].isoformat(), line["end_at"].isoformat()
        of, price = codes[line["subscription_id"]], line["price_id"]
        wanted = {"of": of, "price": price, "from": start, "to": end}
        return link("usage.records", urlencode(wanted))

    shown = _common(one) | {"trees": trees(one, records)}
    return render(request, "invoices/explained.html", shown)


@page(
    "billing/invoices/<int:invoice>/against", title=later("Against the last bill"),
    permission="invoices.view",
)  # fmt: skip
def against(request: HttpRequest, invoice: int) -> HttpResponse:
    """Why this bill differs from the one before it."""
    one = _one(invoice)
    last = last_before(one)
    context = _common(one) | {"last": last}
    if last is not None:
        context |= change(last, one)
    return render(request, "invoices/against.html", context)


@fragment("billing/invoices/<int:invoice>/as/<str:format>", permission="invoices.view")
def download(request: HttpRequest, invoice: int, format: str) -> HttpResponse:
    """The document as a file; with `?usage=1` the records behind it too."""
    chosen = document_format(format)
    number = _one(invoice).number
    document = reports.document(number, usage_detail=bool(request.GET.get("usage")))
    name = f"{number.replace('/', '-')}{chosen.SUFFIX}"
    content = chosen.render(document)
    answer = HttpResponse(content, content_type=TYPES.get(format, "application/octet-stream"))
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _facts(one: Invoice) -> list[tuple[str, Any]]:
    run = one.bill_run_id
    return [
        (_("Account"), one.account.code), (_("Seller"), one.seller.name),
        (_("Issued"), written.day(one.issue_date)), (_("Due"), written.day(one.due_date)),
        (_("Net"), written.money(one.net, one.currency)),
        (_("Tax"), written.money(one.tax, one.currency)),
        (_("Total"), written.money(one.total, one.currency)),
        *([(_("Credit used"), written.money(-one.credit_applied, one.currency))]
          if one.credit_applied else []),
        *([(_("Bill run"), format_html('<a href="{}">{}</a>', reverse("billing.run", args=[run]),
                                       run))] if run else []),
    ]  # fmt: skip


def _payments(one: Invoice) -> Rows:
    rows = Allocation.objects.filter(invoice=one).order_by("-id").values(
        "at", "amount", "payment__code", "payment__method", "payment__currency"
    )[:50]  # fmt: skip
    columns = [
        When("at", _("When")), Column("payment__code", _("Payment")),
        Word("payment__method", _("Way"), labels=METHODS),
        Money("amount", _("Amount"), currency="payment__currency"),
    ]  # fmt: skip
    return Rows(columns, list(rows), caption=_("Payments"))


def _related(one: Invoice) -> Rows:
    """Documents that credit or correct lines of this one, or whose lines this one corrects."""
    rows = list(
        Invoice.objects.filter(pk__in=_corrections(one)).order_by("pk")
        .values("pk", "number", "kind", "issue_date", "total", "currency")[:50]
    )  # fmt: skip
    labels = {"invoice": _("invoice"), "credit_note": _("credit note")}
    columns = [
        Column("number", _("Number"), link=lambda row: reverse("invoices.invoice",
                                                               args=[row["pk"]])),
        Chip("kind", _("Kind"), labels=labels), Day("issue_date", _("Issued")),
        Money("total", _("Total")),
    ]  # fmt: skip
    return Rows(columns, rows, caption=_("Corrections"))


def _corrections(one: Invoice) -> QuerySet[Line, dict[str, Any]]:
    own = Line.objects.filter(invoice=one)
    tracks = set(own.values_list("track", flat=True))
    notes = {f"adjustment|{pk}" for pk in own.values_list("pk", flat=True)}
    adjusted = {int(track.split("|")[1]) for track in tracks if track.startswith("adjustment|")}
    ends = own.order_by("end_at").values_list("end_at", flat=True)
    first = next((end for end in ends if end is not None), one.issued_at) - timedelta(days=366)
    wanted = (
        Q(track__in=notes)
        | Q(pk__in=adjusted)
        | (Q(track__in=tracks) & (Q(inputs__has_key="before") | Q(inputs__has_key="credit_of")))
    )  # fmt: skip
    rows = Line.objects.filter(wanted, account_id=one.account_id, end_at__gte=first)
    return rows.exclude(invoice=one).values("invoice_id")
