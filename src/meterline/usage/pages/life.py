"""The life of usage data: how long records stay, packing, archives, erasing one person's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.customers.lookup import account_by_code
from meterline.kernel.errors import MeterlineError
from meterline.usage import archive as archives
from meterline.usage import erase as erasing
from meterline.usage import pack, retention
from meterline.usage.models import Batch, Erasure, Source
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.page import act, done, page
from meterline.web.rows import Column, Number, Rows, When, Who

WHERE = {"here": later("here"), "archived": later("archived"), "erased": later("erased")}
AFTERWARDS = {"archive": later("archived"), "erase": later("erased")}


class RetentionForm(forms.Form):
    """How long the records of a source stay."""

    keep_months = forms.IntegerField(
        label=later("Months"), required=False, min_value=1, max_value=1200,
        help_text=later("Whole months after the month of a batch's last record. Empty: for ever."),
    )  # fmt: skip
    afterwards = forms.ChoiceField(label=later("Then they are"), choices=list(AFTERWARDS.items()))
    archive = forms.CharField(
        label=later("Archive"), required=False, max_length=1000,
        help_text=later("A folder or URL such as s3://bucket/usage. Empty: in the data folder."),
    )  # fmt: skip


class ErasureForm(forms.Form):
    """Whose records."""

    account = forms.CharField(label=later("Account"), max_length=100)


@page("usage/life", title=later("Life of data"), permission="usage.view", menu="usage", order=50)
def life(request: HttpRequest) -> HttpResponse:
    """How many records are here, archived and erased; the rule of each source."""
    small = pack.small().count()
    context = {
        "places": _places(), "sources": _sources(), "erasures": _erasures(),
        "form": ErasureForm(), "small": small if small > 1 else 0,
        "due": len(retention.due()),
    }  # fmt: skip
    return render(request, "usage/life.html", context)


def _places() -> Rows:
    rows = Batch.objects.filter(state="committed").exclude(path="").values("records_at")
    columns = [Column("where", _("Records are")), Number("batches", _("Batches")),
               Number("records", _("Records"))]  # fmt: skip
    found = rows.annotate(batches=Count("pk"), records=Sum("rated")).order_by("records_at")
    return Rows(columns, [{**row, "where": WHERE[row["records_at"]]} for row in found],
                caption=_("Where records are"))  # fmt: skip


def _sources() -> Rows:
    columns = [
        Column("code", _("Source"),
               link=lambda row: reverse("usage.retention_rule", args=[row["pk"]])),
        Column("kept", _("Records stay")), Column("then", _("Then they are")),
        Column("archive", _("Archive")),
    ]  # fmt: skip
    rows = [
        {**row, "kept": _("for ever") if row["keep_months"] is None
         else _("%(months)s months") % {"months": row["keep_months"]},
         "then": "" if row["keep_months"] is None else AFTERWARDS[row["afterwards"]]}
        for row in Source.objects.order_by("code").values(
            "pk", "code", "keep_months", "afterwards", "archive")
    ]  # fmt: skip
    return Rows(columns, rows, caption=_("How long records stay, by source"))


def _erasures() -> Rows:
    columns = [Column("account_id", _("Account's number")), Number("records", _("Records")),
               Who("by", _("By")), When("at", _("When"))]  # fmt: skip
    rows = Erasure.objects.order_by("-pk").values("account_id", "records", "by", "at")[:10]
    return Rows(columns, list(rows), caption=_("Erased"))


@page(
    "usage/life/<int:source>", title=later("How long records stay"), permission="usage.view",
    write="usage.correct",
)  # fmt: skip
def retention_rule(request: HttpRequest, source: int) -> HttpResponse:
    """Say how long the records of a source stay."""
    one = get_object_or_404(Source, pk=source)
    names = ("keep_months", "afterwards", "archive")
    initial = {name: getattr(one, name) for name in names}
    form = RetentionForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        retention.set_retention(one.code, **form.cleaned_data)
        return done(request, _("It is kept to from tonight on."), "usage.life")
    return render(request, "usage/retention_rule.html", {"source": one, "form": form})


@act("usage/life/run", permission="usage.correct")
def keep_to_it(request: HttpRequest) -> HttpResponse:
    """Archive and erase what is due, now."""
    if not confirmed(request):
        found = retention.due()
        counts = {
            words: [one.batch.rated for one in found if one.afterwards == key]
            for key, words in AFTERWARDS.items()
        }
        return confirm(
            request, _("Keep to the rules now"), danger=True, back=reverse("usage.life"),
            verb=_("Do it for %(count)s batches") % {"count": written.number(len(found))},
            effects=[
                (words, _("%(records)s records of %(batches)s batches")
                 % {"records": written.number(sum(many)), "batches": written.number(len(many))})
                for words, many in counts.items()
            ],
            note=_("Totals and invoices stay. Archived records can be brought back; erased ones"
                   " cannot, and cannot be rated anew."),
        )  # fmt: skip
    many = len(retention.keep_to_it())
    words = _("%(count)s batches are done.") % {"count": written.number(many)}
    return done(request, words, "usage.life")


@act("usage/life/compact", permission="usage.correct")
def compact(request: HttpRequest) -> HttpResponse:
    """Pack small batches, now."""
    packed = pack.compact()
    words = _("%(batches)s batches are packed, in %(packs)s folders; totals are as they were.")
    told = {"batches": written.number(packed.batches), "packs": written.number(packed.packs)}
    return done(request, words % told, "usage.life")


@act("usage/life/erase", permission="usage.correct")
def erase(request: HttpRequest) -> HttpResponse:
    """Erase the usage records of an account, after it was seen how many."""
    form = ErasureForm(request.POST)
    if not form.is_valid():
        return done(request, _("Say whose records are to be erased."), "usage.life")
    try:
        account = account_by_code(form.cleaned_data["account"])
    except MeterlineError as error:
        return done(request, sentence(error), "usage.life")
    if not confirmed(request):
        records, batches = erasing.concerned([account.pk])
        return confirm(
            request, _("Erase usage records"), danger=True, back=reverse("usage.life"),
            verb=_("Erase them for good"),
            effects=[(_("Account"), account.code), (_("Records"), written.number(records)),
                     (_("Batches"), written.number(batches))],
            note=_("This cannot be undone: also in archives, the records are gone. Totals, invoices"
                   " and their amounts stay; usage that is erased cannot be rated anew."),
        )  # fmt: skip
    count = erasing.erase([account.pk])
    words = _("%(count)s records are erased.") % {"count": written.number(count)}
    return done(request, words, "usage.life")


@act("usage/batches/<int:batch>/archive", permission="usage.correct")
def archive(request: HttpRequest, batch: int) -> HttpResponse:
    """Put the records of a batch into the archive of its source."""
    one = get_object_or_404(Batch, pk=batch)
    rule = Source.objects.filter(code=one.source).first()
    made = archives.archive(batch, rule.archive if rule else "")
    words = _("The records are archived: %(url)s") % {"url": made.archive}
    return done(request, words, "usage.batch", batch)


@act("usage/batches/<int:batch>/restore", permission="usage.correct")
def restore(request: HttpRequest, batch: int) -> HttpResponse:
    """Bring the records of an archived batch back."""
    archives.restore(batch)
    return done(request, _("The records are back."), "usage.batch", batch)


def facts_of(one: Batch) -> list[tuple[str, Any]]:
    """Where the records of a batch are, if not here."""
    if one.records_at == "here" or not one.path:
        return []
    return [(_("Its records are"), WHERE[one.records_at]), (_("Archive"), one.archive or None)]
