"""My bills: the list, each explained down to the records, why it changed, asking about a line."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.care import services as care
from meterline.care.models import Question
from meterline.customers.models import Account
from meterline.invoices import reports
from meterline.invoices.formats import document_format
from meterline.invoices.letter import last_before
from meterline.invoices.models import Invoice, Line
from meterline.invoices.pages.list import STATES, TONES, state
from meterline.invoices.pages.parts import change, trees
from meterline.invoices.spoken import spoken
from meterline.kernel.errors import MeterlineError
from meterline.payments.models import Allocation, OpenItem
from meterline.portal import bill as bills_
from meterline.portal.scope import account_of, customer_of, invoice_of
from meterline.portal.services import PERMISSION
from meterline.portal.spread import parts
from meterline.portal.words import PARTS
from meterline.usage import services as usage
from meterline.web import charts
from meterline.web import format as written
from meterline.web.errors import sentence
from meterline.web.explained import line_title
from meterline.web.page import done, fragment, page
from meterline.web.rows import Column, Number, Rows
from meterline.web.sound import whole

MONTHS = 13
MOST = 60
RECORDS = [
    Column("at", _("When")), Column("identifier", _("Number or meter")),
    Number("quantity", _("Quantity")), Number("covered", _("Of that included")),
    Column("band", _("Band")), Column("price", _("Price")),
]  # fmt: skip
RECORDS_SHOWN = 100
PAGES_MOST = 1_000_000


@page("portal/bills", title=_("Bills"), permission=PERMISSION, menu="bills", surface="portal")
def bills(request: HttpRequest) -> HttpResponse:
    """Thirteen months of bills as a chart, and all of them as a list."""
    account = account_of(request)
    rows = Invoice.objects.filter(account=account).order_by("-issue_date", "-pk")
    shown: list[dict[str, Any]] = [{"one": one} for one in rows[:MOST]]
    open_ = dict(
        OpenItem.objects.filter(invoice_id__in=[row["one"].pk for row in shown])
        .values_list("invoice_id", "open")
    )  # fmt: skip
    for row in shown:
        one = row["one"]
        row["open"] = open_.get(one.pk, Decimal(0))
        row["code"] = state(one.kind, row["open"], one.due_date)
        row["state"], row["tone"] = STATES[row["code"]], TONES[row["code"]]
    context = {"account": account, "bills": shown, "chart": _course(account, shown)}
    return render(request, "portal/bills.html", context)


@page("portal/bills/<int:invoice>", title=_("Bill"), permission=PERMISSION, surface="portal")
def bill(request: HttpRequest, invoice: int) -> HttpResponse:
    """Your bill, explained: the total, what it is made of, each line down to its arithmetic."""
    one = invoice_of(request, invoice)
    item = OpenItem.objects.filter(pk=one.pk).first()
    held = item.open if item else Decimal(0)
    code = state(one.kind, held, one.due_date)
    last = last_before(one) if one.kind == "invoice" else None
    shown = bills_.issued(one)
    made = parts(shown.lines, one.tax)
    context = {
        "one": one, "account": one.account, "open": held, "state": STATES[code],
        "tone": TONES[code], "last": last,
        "parts": [(PARTS[part], amount) for part, amount in made.items()],
        "trees": trees(one, lambda line: reverse("portal.records", args=[one.pk, line["id"]])),
        "paid": Allocation.objects.filter(invoice=one).order_by("at").values("at", "amount"),
        "pay": spoken(reports.document(one.number)),
        "questions": Question.objects.filter(invoice=one).order_by("asked_at"),
        **(change(last, one) if last else {}),
    }  # fmt: skip
    return render(request, "portal/bill.html", context)


@fragment("portal/bills/<int:invoice>/pdf", permission=PERMISSION)
def pdf(request: HttpRequest, invoice: int) -> HttpResponse:
    """The document as a PDF; with `?usage=1` the records behind it too."""
    one = invoice_of(request, invoice)
    document = reports.document(one.number, usage_detail=bool(request.GET.get("usage")))
    answer = HttpResponse(document_format("pdf").render(document), content_type="application/pdf")
    name = one.number.replace("/", "-")
    answer["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return answer


@page("portal/bills/<int:invoice>/records/<int:line>", title=_("Records"), permission=PERMISSION,
      surface="portal")  # fmt: skip
def records(request: HttpRequest, invoice: int, line: int) -> HttpResponse:
    """The records of usage that one line charges for, the newest first."""
    one = invoice_of(request, invoice)
    charge = _line(one, line)
    if charge["kind"] != "usage":
        raise Http404
    found = usage.detail(
        [charge["subscription_id"]], [charge["price_id"]], charge["start_at"], charge["end_at"],
        ids=True,
    ).drop_nulls("quantity")  # fmt: skip
    for name in ("season", "band", "by_value"):
        if charge[name] is not None:
            found = found.filter(found[name] == charge[name])
    here = max(min(whole(request.GET.get("page", "")) or 1, PAGES_MOST), 1)
    first = (here - 1) * RECORDS_SHOWN
    shown = found.sort("start", descending=True).slice(first, RECORDS_SHOWN)
    zone = ZoneInfo(one.account.timezone)
    rows = [_record(row, zone, one.currency) for row in shown.iter_rows(named=True)]
    context = {
        "one": one, "title": line_title(charge, one.account.timezone), "count": found.height,
        "rows": Rows(RECORDS, rows, caption=_("Records")), "page_number": here,
        "before": here - 1, "after": here + 1 if first + RECORDS_SHOWN < found.height else 0,
    }  # fmt: skip
    return render(request, "portal/records.html", context)


class QuestionForm(forms.Form):
    """A question about a bill."""

    text = forms.CharField(
        label=_("Your question"),
        max_length=care.LONGEST,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("We answer here, beside the bill."),
    )


@page("portal/bills/<int:invoice>/ask", title=_("Ask about a bill"), permission=PERMISSION,
      write=PERMISSION, surface="portal")  # fmt: skip
def ask(request: HttpRequest, invoice: int) -> HttpResponse:
    """Ask about a bill, or one line of it (`?line=`)."""
    one = invoice_of(request, invoice)
    wanted = whole(request.GET.get("line", ""))
    charge = None if wanted is None else _line(one, wanted)
    form = QuestionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            care.ask(customer_of(request), one, form.cleaned_data["text"],
                     line=charge and charge["id"])  # fmt: skip
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("Your question is with us."), "portal.bill", one.pk)
    back = reverse("portal.bill", args=[one.pk])
    lead = line_title(charge, one.account.timezone) if charge else ""
    context = {"form": form, "back": back, "back_title": one.number, "note": lead,
               "verb": _("Ask")}  # fmt: skip
    return render(request, "console/act_form.html", context)


def _line(one: Invoice, line: int) -> Mapping[str, Any]:
    get_object_or_404(Line, pk=line, invoice=one)
    lines = {row["id"]: row for row in bills_.issued(one).lines}
    return lines[line]


def _record(row: dict[str, Any], zone: ZoneInfo, currency: str) -> dict[str, Any]:
    at = row["start"].astimezone(zone)
    exact = row["amount"] / row["denominator"] if row["amount"] else Decimal(0)
    priced = f"{written.number(round(exact, 6).normalize())} {currency}" if exact else ""
    return {
        "at": f"{written.day(at.date())}, {at:%H:%M:%S}", "identifier": row["identifier"] or "",
        "quantity": row["quantity"] + row["covered"], "covered": row["covered"],
        "band": (row["band"] or "").replace("_", " "), "price": priced,
    }  # fmt: skip


def _course(account: Account, shown: list[dict[str, Any]]) -> charts.Chart | None:
    mine = [row["one"] for row in shown if row["one"].kind == "invoice"][:MONTHS]
    if len(mine) < 2:
        return None
    points = [
        (str(format_skeleton("yyMMM", one.issue_date, locale=written.locale())), one.total)
        for one in reversed(mine)
    ]
    return charts.bars(str(_("Your bills")), points, unit=account.currency)
