"""The books on pages: entries, trial balance, export, recognition of revenue."""

from __future__ import annotations

from typing import Any

import polars as pl
from django import forms
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from meterline.customers.models import Account
from meterline.ledger import exports, jobs, services
from meterline.ledger.models import Entry, Line
from meterline.platform import audit, clock
from meterline.platform.trial import trial
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.filters import Choice, Days, Search
from meterline.web.forms import DayField
from meterline.web.live import Progress, follow
from meterline.web.page import act, done, fragment, page
from meterline.web.rows import Column, Day, Money, Row, Rows, When, Word
from meterline.web.table import Table

KINDS = {
    "invoice": _("invoice"), "credit_note": _("credit note"), "payment": _("payment"),
    "refund": _("refund"), "chargeback": _("chargeback"), "credit": _("credit granted"),
    "void": _("credit taken back"), "expiry": _("credit expired"),
    "recognition": _("revenue earned"),
}  # fmt: skip


def _with_sums(rows: list[dict[str, Any]]) -> None:
    """Add account and what was debited to the entries of one page."""
    ids = [row["pk"] for row in rows]
    debits = Line.objects.filter(entry_id__in=ids, amount__gt=0).values_list("entry_id", "currency")
    sums = {entry: (currency, debit) for entry, currency, debit in debits.annotate(Sum("amount"))}
    accounts = {row["account_id"] for row in rows if row["account_id"]}
    codes = dict(Account.objects.filter(pk__in=accounts).values_list("pk", "code"))
    for row in rows:
        row["currency"], row["debit"] = sums.get(row["pk"], ("", None))
        row["account"] = codes.get(row["account_id"], "")


def _account(row: Row) -> str:
    return reverse("console.account", args=[row["account_id"]]) if row["account_id"] else ""


ENTRIES = Table(
    "entries",
    columns=[
        Column("pk", _("Entry"), link=lambda row: reverse("ledger.entry", args=[row["pk"]])),
        Day("date", _("Day"), sort=True),
        Word("kind", _("Kind"), labels=KINDS),
        Column("reference", _("Reference")),
        Column("account", _("Account"), link=_account),
        Money("debit", _("Debit")),
        When("posted_at", _("Posted"), hidden=True),
    ],
    filters=[
        Search("account", _("Account"), find=lambda rows, text: [rows.filter(
            account_id__in=Account.objects.filter(code=text).values("pk"))]),
        Choice("kind", _("Kind"), choices=tuple(KINDS.items())),
        Days("date", _("Days")),
    ],
    order="-date",
    needs=("account_id",),
    enrich=_with_sums,
    enriched=frozenset({"account", "debit", "currency"}),
)  # fmt: skip


@page("money/ledger", title=_("Ledger"), permission="ledger.view", menu="money", order=60)
def entries(request: HttpRequest) -> HttpResponse:
    """The entries of the books, the newest first."""
    return ENTRIES.respond(request, Entry.objects.all(), "ledger/entries.html")


@page("money/ledger/<int:entry>", title=_("Entry"), permission="ledger.view")
def entry(request: HttpRequest, entry: int) -> HttpResponse:
    """One entry and its lines."""
    one = get_object_or_404(Entry, pk=entry)
    lines = [
        {"account": line.ledger_account, "currency": line.currency,
         "debit": line.amount if line.amount > 0 else None,
         "credit": -line.amount if line.amount < 0 else None}
        for line in Line.objects.filter(entry=one).order_by("pk")
    ]  # fmt: skip
    context = {
        "entry": one, "kind": KINDS.get(one.kind, one.kind),
        "lines": Rows(_COLUMNS, lines, caption=_("Lines")),
        "account": Account.objects.filter(pk=one.account_id).first(),
    }  # fmt: skip
    return render(request, "ledger/entry.html", context)


_COLUMNS = [
    Column("account", _("Ledger account")), Money("debit", _("Debit")),
    Money("credit", pgettext_lazy("side of the ledger", "Credit")),
]  # fmt: skip


class TrialForm(forms.Form):
    """Up to which day."""

    at = DayField(label=_("Up to"), required=False, help_text=_("Left empty: everything."))


@page("money/trial-balance", title=_("Trial balance"), permission="ledger.view", menu="money",
      order=70)  # fmt: skip
def trial_balance(request: HttpRequest) -> HttpResponse:
    """Debit, credit and balance of each ledger account, by currency, as last added up."""
    form = TrialForm(request.GET or None)
    at = form.cleaned_data["at"] if form.is_bound and form.is_valid() else None
    up_to = at.isoformat() if at else ""
    kept, far = services.kept_trial_balance(at), _far(up_to)
    context = {
        "form": form, "up_to": up_to, "working": not far.over, "far": far, "kept": kept is not None,
        "url": f"{reverse('ledger.trial_progress')}?up_to={up_to}",
    }  # fmt: skip
    if kept is not None:
        frame, context["computed_at"] = kept
        context["tables"] = _trial_tables(frame)
    return render(request, "ledger/trial_balance.html", context)


def _trial_tables(frame: pl.DataFrame) -> list[tuple[str, Any, Rows]]:
    differences = services.differences(frame)
    rows = frame.rename({"ledger_account": "account"}).to_dicts()
    columns = [*_COLUMNS, Money("balance", _("Balance"))]
    return [
        (currency, difference,
         Rows(columns, [row for row in rows if row["currency"] == currency], caption=currency))
        for currency, difference in differences.items()
    ]  # fmt: skip


@fragment("money/trial-balance/progress", permission="ledger.view")
def trial_progress(request: HttpRequest) -> HttpResponseBase:
    """Whether the books are still being added up."""
    up_to = request.GET.get("up_to", "")
    return follow(request, lambda: _far(up_to))


def _far(up_to: str) -> Progress:
    return Progress(done=0, total=0, label=_("Adding up"), over=not jobs.adding_up(up_to))


@act("money/trial-balance/add-up", permission="ledger.view")
def trial_add_up(request: HttpRequest) -> HttpResponse:
    """Let a job add the books up."""
    form = TrialForm(request.POST)
    up_to = str(form.cleaned_data["at"] or "") if form.is_valid() else ""
    if not jobs.adding_up(up_to):
        jobs.add_up.defer(up_to=up_to)
    back = reverse("ledger.trial_balance") + (f"?at={up_to}" if up_to else "")
    return done(request, _("The books are being added up."), back)


class ExportForm(forms.Form):
    """What of the journal, and how."""

    format = forms.ChoiceField(
        label=_("Format"), choices=lambda: [(name, name) for name in exports.known()]
    )
    since = DayField(label=_("From"), required=False, help_text=_("The first day."))
    until = DayField(label=_("Until"), required=False, help_text=_("The day after the last one."))


@page("money/export", title=_("Export the books"), permission="ledger.close", menu="money",
      order=80)  # fmt: skip
def export(request: HttpRequest) -> HttpResponse:
    """The journal for another program."""
    return render(request, "ledger/export.html", {"form": ExportForm(initial={"format": "csv"})})


@fragment("money/export/file", permission="ledger.close")
def export_file(request: HttpRequest) -> HttpResponse:
    """The file of an export."""
    form = ExportForm(request.GET)
    if not form.is_valid():
        return render(request, "ledger/export.html", {"form": form}, status=422)
    data = form.cleaned_data
    text = services.export(data["format"], since=data["since"], until=data["until"])
    told = {name: str(value or "") for name, value in data.items()}
    audit.record("ledger.exported", "ledger", after=told)
    answer = HttpResponse("".join(text), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="journal.{data["format"]}"'
    return answer


class RecogniseForm(forms.Form):
    """Earned until when."""

    until = DayField(label=_("Earned before"))


@page("money/recognise", title=_("Recognise revenue"), permission="ledger.close",
      write="ledger.close", menu="money", order=90)  # fmt: skip
def recognise(request: HttpRequest) -> HttpResponse:
    """Move what is earned of advance billing from deferred revenue to revenue."""
    form = RecogniseForm(request.POST or None, initial={"until": clock.now().date()})
    if request.method == "POST" and form.is_valid():
        until = form.cleaned_data["until"]
        if confirmed(request):
            made = services.recognise(until)
            audit.record("ledger.recognised", "ledger", after={"until": str(until)})
            text = _("%(count)s entries are made.") % {"count": written.number(made)}
            return done(request, text, f"{reverse('ledger.entries')}?kind=recognition")
        with trial():
            made = services.recognise(until)
        note = _("Entries are never changed: what is too much is corrected by later ones.")
        return confirm(
            request, _("Recognise revenue"), verb=_("Recognise it"), note=note,
            effects=[(_("Earned before"), written.day(until)),
                     (_("Entries"), written.number(made))],
        )  # fmt: skip
    return render(request, "ledger/recognise.html", {"form": form})
