"""Rejects: the work list by reason; mending, recycling and discarding, one or all that match."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.usage import services
from meterline.usage.models import Batch, Reject
from meterline.usage.rehearsal import rehearsal
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.filters import Choice, Filter
from meterline.web.page import act, done, page
from meterline.web.rows import Chip, Column, Number, Row, Rows, Word
from meterline.web.table import Bulk, Table

STATES = {
    "open": later("open"), "recycled": later("recycled"), "discarded": later("discarded"),
}  # fmt: skip
REASONS = {
    "malformed": later("malformed"), "invalid_time": later("no valid time"),
    "invalid_quantity": later("no valid quantity"),
    "unknown_identifier": later("nobody holds the identifier"),
    "inactive_subscription": later("no active subscription"), "no_price": later("no price"),
    "unknown_destination": later("unknown destination"),
}  # fmt: skip
TONES = {"open": "warning", "recycled": "good"}


def _reason(code: str) -> str:
    return str(REASONS.get(code, code))


class ReasonFilter(Filter):
    """Those of one reason."""

    def told(self, params: Any) -> str:
        value = self.value(params)
        return f"{self.label}: {_reason(value)}" if value else ""


class BatchFilter(Filter):
    """Those of a batch, by its number."""

    def narrow(self, queryset: Any, params: Any) -> Any:
        number = self.value(params)
        return queryset.filter(batch_id=int(number)) if number.isdigit() else queryset


def _link(row: Row) -> str:
    return reverse("usage.reject", args=[row["pk"]])


REJECTS = Table(
    "rejects",
    columns=[
        Word("reason", later("Reason"), link=_link, labels=REASONS),
        Column("detail", later("Detail")),
        Column("file_name", later("File")),
        Number("line", later("Line")),
        Column("batch_id", later("Batch")),
        Chip("state", later("State"), labels=STATES, tones=TONES),
    ],
    filters=[
        Choice("state", later("State"), choices=tuple(STATES.items())),
        ReasonFilter("reason", later("Reason")),
        BatchFilter("batch", later("Batch")),
    ],
    bulk=[
        Bulk(act="usage.recycle", label=later("Try again"), permission="usage.load"),
        Bulk(act="usage.discard", label=later("Discard"), permission="usage.load", danger=True),
    ],
    order="-pk",
)


@page("usage/rejects", title=later("Rejects"), permission="usage.view", menu="usage", order=20)
def rejects(request: HttpRequest) -> HttpResponse:
    """Records that could not be rated: how many of each reason, with a sample; then all."""
    reasons = (
        Reject.objects.filter(state="open").values("reason")
        .annotate(count=Count("pk"), sample=Min("pk")).order_by("-count")
    )  # fmt: skip
    found = list(reasons)
    details = dict(
        Reject.objects.filter(pk__in=[row["sample"] for row in found]).values_list("pk", "detail")
    )
    for row in found:
        row["detail"] = details[row["sample"]]
    url = reverse("usage.rejects")
    columns = [
        Word("reason", _("Reason"), labels=REASONS,
             link=lambda row: f"{url}?state=open&reason={row['reason']}"),
        Number("count", _("Open")),
        Column("detail", _("For example"),
               link=lambda row: reverse("usage.reject", args=[row["sample"]])),
    ]  # fmt: skip
    return REJECTS.respond(
        request, Reject.objects.all(), "usage/rejects.html",
        reasons=Rows(columns, found, caption=_("Open, by reason")),
    )  # fmt: skip


@page(
    "usage/rejects/<int:reject>", title=later("Reject"), permission="usage.view",
    write="usage.load",
)  # fmt: skip
def reject(request: HttpRequest, reject: int) -> HttpResponse:
    """A record as it came, and why it was refused; its fields can be mended and tried again."""
    one = get_object_or_404(Reject, pk=reject)
    fields = {name: "" if value is None else str(value) for name, value in one.record.items()}
    form = _form(fields, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        changes = {
            name: form.cleaned_data[name]
            for name in fields
            if form.cleaned_data[name] != fields[name]
        }
        return _recycled(request, [one.pk], changes, reverse("usage.reject", args=[one.pk]))
    context = {
        "reject": one, "reason": _reason(one.reason), "form": form, "state": STATES[one.state],
        "tone": TONES.get(one.state, "neutral"), "fields": list(fields.items()),
    }  # fmt: skip
    return render(request, "usage/reject.html", context)


@act("usage/rejects/recycle", permission="usage.load")
def recycle(request: HttpRequest) -> HttpResponse:
    """Try the chosen rejects again, as they are: after their cause was mended elsewhere."""
    chosen = REJECTS.chosen(request, Reject.objects.filter(state="open"))
    ids = list(chosen.order_by("pk").values_list("pk", flat=True))
    return _recycled(request, ids, {}, reverse("usage.rejects"))


@act("usage/rejects/discard", permission="usage.load")
def discard(request: HttpRequest) -> HttpResponse:
    """Give up the chosen rejects."""
    chosen = REJECTS.chosen(request, Reject.objects.filter(state="open"))
    if not confirmed(request):
        count = written.number(chosen.count())
        reasons = chosen.order_by().values_list("reason").annotate(count=Count("pk"))
        return confirm(
            request, _("Discard rejects"), danger=True, back=reverse("usage.rejects"),
            verb=_("Discard %(count)s rejects") % {"count": count},
            effects=[(_reason(reason), written.number(many)) for reason, many in reasons],
            note=_("They are never billed. They stay on record as discarded."),
        )  # fmt: skip
    given_up = services.discard(list(chosen.values_list("pk", flat=True)))
    words = _("%(count)s rejects are discarded.") % {"count": written.number(given_up)}
    return done(request, words, "usage.rejects")


def _recycled(
    request: HttpRequest, ids: list[int], changes: dict[str, str], back: str
) -> HttpResponse:
    if not ids:
        return done(request, _("None of them is open; nothing was done."), back)
    if not confirmed(request):
        with rehearsal():
            made = services.recycle(ids, changes=changes)
            rows = Reject.objects.filter(batch=made).values_list("reason", "detail")[:3]
            reasons = [(_reason(code), detail) for code, detail in rows]
        return confirm(
            request, _("Try rejects again"), effects=_outcome(made, changes, reasons), back=back,
            verb=_("Try %(count)s again") % {"count": written.number(len(ids))},
            note=_("What is refused again is a new reject. Back out the batch to undo it."),
        )  # fmt: skip
    made = services.recycle(ids, changes=changes)
    assert made is not None
    return done(request, _("They were tried again; this is their batch."), "usage.batch", made.pk)


def _outcome(
    made: Batch | None, changes: dict[str, str], reasons: list[tuple[str, str]]
) -> list[tuple[str, Any]]:
    assert made is not None
    return [
        *((_("%(field)s becomes") % {"field": name}, value) for name, value in changes.items()),
        (_("Will be rated"), written.number(made.rated)),
        (_("Refused again"), written.number(made.rejected)),
        (_("Duplicates"), written.number(made.duplicates)),
        *reasons,
    ]


def _form(fields: dict[str, str], data: Any) -> forms.Form:
    """A field for each field of the record."""
    made = forms.Form(data)
    for name, value in fields.items():
        made.fields[name] = forms.CharField(
            label=name, initial=value, required=False, max_length=1000
        )
    return made
