"""Rejects: the work list by reason; mending, recycling and discarding, one or all that match."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.usage import services, worklist
from meterline.usage.batch_words import File, file_words
from meterline.usage.models import Batch, Reject
from meterline.usage.pages.worklist import work
from meterline.usage.process import TOO_LATE
from meterline.usage.record_words import editable, fields, in_order, label
from meterline.usage.rehearsal import rehearsal
from meterline.usage.reject_words import ADVICE, REASONS, detail
from meterline.usage.reject_words import reason as reason_words
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.filters import Choice, Filter
from meterline.web.page import act, done, page
from meterline.web.rows import Chip, Column, Number, Row, Word
from meterline.web.sound import whole
from meterline.web.table import Bulk, Table

STATES = {
    "open": later("open"), "recycled": later("recycled"), "discarded": later("discarded"),
}  # fmt: skip
TONES = {"open": "warning", "recycled": "good"}


class ReasonFilter(Filter):
    """Those of one reason."""

    def told(self, params: Any) -> str:
        value = self.value(params)
        return f"{self.label}: {reason_words(value)}" if value else ""


class BatchFilter(Filter):
    """Those of a batch, by its number."""

    def narrow(self, queryset: Any, params: Any) -> Any:
        number = whole(self.value(params))
        return queryset if number is None else queryset.filter(batch_id=number)


def _link(row: Row) -> str:
    return reverse("usage.reject", args=[row["pk"]])


class Detail(Column):
    """Why, in the language of the page."""

    def value(self, row: Row) -> Any:
        return detail(row[self.name], row["reason"]) or super().value(row)


REJECTS = Table(
    "rejects",
    columns=[
        Word("reason", later("Reason"), link=_link, labels=REASONS),
        Detail("detail", later("Detail")),
        File("file_name", later("File")),
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
        Bulk(act="usage.accept", label=later("Accept late ones"), permission="usage.correct"),
        Bulk(act="usage.discard", label=later("Discard"), permission="usage.load", danger=True),
    ],
    order="-pk",
)


@page("usage/rejects", title=later("Rejects"), permission="usage.view", menu="usage", order=20)
def rejects(request: HttpRequest) -> HttpResponse:
    """Records that could not be rated: what is missing, with what is at stake; then all."""
    return REJECTS.respond(request, Reject.objects.all(), "usage/rejects.html", work=work())


@page(
    "usage/rejects/<int:reject>", title=later("Reject"), permission="usage.view",
    write="usage.load",
)  # fmt: skip
def reject(request: HttpRequest, reject: int) -> HttpResponse:
    """A record as it came, and why it was refused; its fields can be mended and tried again."""
    one = get_object_or_404(Reject, pk=reject)
    came = {name: editable(value) for name, value in in_order(one.record).items()}
    form = _form(came, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        changes = {
            name: form.cleaned_data[name] for name in came if form.cleaned_data[name] != came[name]
        }
        if "keep" in request.POST:
            services.edit_reject(one.pk, changes)
            return done(
                request, _("The record is changed, and still open."), "usage.reject", one.pk
            )
        return try_again(request, [one.pk], changes, reverse("usage.reject", args=[one.pk]))
    context = {
        "reject": one, "reason": reason_words(one.reason), "form": form,
        "detail": detail(one.detail, one.reason), "advice": ADVICE.get(one.reason, ""),
        "late": one.reason == TOO_LATE, "state": STATES[one.state],
        "tone": TONES.get(one.state, "neutral"), "fields": fields(one.record),
        "file": file_words(one.file_name),
    }  # fmt: skip
    return render(request, "usage/reject.html", context)


@act("usage/rejects/recycle", permission="usage.load")
def recycle(request: HttpRequest) -> HttpResponse:
    """Try the chosen rejects again, as they are: after their cause was mended elsewhere."""
    chosen = REJECTS.chosen(request, Reject.objects.filter(state="open"))
    late = list(chosen.filter(reason=TOO_LATE).values_list("pk", flat=True))
    ids = list(chosen.exclude(pk__in=late).order_by("pk").values_list("pk", flat=True))
    return try_again(request, ids or late, {}, reverse("usage.rejects"))


@act("usage/rejects/accept", permission="usage.correct")
def accept(request: HttpRequest) -> HttpResponse:
    """Rate the chosen records that came too late, after their effect was seen."""
    chosen = REJECTS.chosen(request, Reject.objects.filter(state="open", reason=TOO_LATE))
    ids = list(chosen.order_by("pk").values_list("pk", flat=True))
    back = reverse("usage.rejects")
    if not ids:
        return done(request, _("None of them came too late; nothing was done."), back)
    if not confirmed(request):
        with rehearsal():
            made = services.accept_late(ids)
            reasons = _why(made)
        return confirm(
            request, _("Accept late records"), effects=_outcome(made, {}, reasons), back=back,
            verb=_("Accept %(count)s") % {"count": written.number(len(ids))},
            note=_("What was billed for their time is corrected by the next bill."),
        )  # fmt: skip
    accepted = services.accept_late(ids)
    assert accepted is not None
    return done(request, _("They are accepted; this is their batch."), "usage.batch", accepted.pk)


@act("usage/rejects/discard", permission="usage.load")
def discard(request: HttpRequest) -> HttpResponse:
    """Give up the chosen rejects."""
    chosen = REJECTS.chosen(request, Reject.objects.filter(state="open"))
    return _given_up(request, chosen)


@act("usage/rejects/group/recycle", permission="usage.load")
def reject_group_recycle(request: HttpRequest) -> HttpResponse:
    """Try a group again, after its cause was mended."""
    ids = sorted(_group(request))
    return try_again(request, ids, {}, reverse("usage.rejects"))


@act("usage/rejects/group/discard", permission="usage.load")
def reject_group_discard(request: HttpRequest) -> HttpResponse:
    """Give up a group."""
    return _given_up(request, Reject.objects.filter(state="open", pk__in=_group(request)))


def _group(request: HttpRequest) -> list[int]:
    return worklist.ids_of(request.POST.get("reason", ""), request.POST.get("missing", ""))


def _given_up(request: HttpRequest, chosen: QuerySet[Reject]) -> HttpResponse:
    if not confirmed(request):
        count = written.number(chosen.count())
        reasons = chosen.order_by().values_list("reason").annotate(count=Count("pk"))
        return confirm(
            request, _("Discard rejects"), danger=True, back=reverse("usage.rejects"),
            verb=_("Discard %(count)s rejects") % {"count": count},
            effects=[(reason_words(reason), written.number(many)) for reason, many in reasons],
            note=_("They are never billed. They stay on record as discarded."),
        )  # fmt: skip
    given_up = services.discard(list(chosen.values_list("pk", flat=True)))
    words = _("%(count)s rejects are discarded.") % {"count": written.number(given_up)}
    return done(request, words, "usage.rejects")


def try_again(
    request: HttpRequest, ids: list[int], changes: dict[str, str], back: str
) -> HttpResponse:
    """Try rejects again, with some fields changed, after it was seen what they would become."""
    if not ids:
        return done(request, _("None of them is open; nothing was done."), back)
    if not confirmed(request):
        with rehearsal():
            made = services.recycle(ids, changes=changes)
            reasons = _why(made)
        return confirm(
            request, _("Try rejects again"), effects=_outcome(made, changes, reasons), back=back,
            verb=_("Try %(count)s again") % {"count": written.number(len(ids))},
            note=_("What is refused again is a new reject. Back out the batch to undo it."),
        )  # fmt: skip
    made = services.recycle(ids, changes=changes)
    assert made is not None
    return done(request, _("They were tried again; this is their batch."), "usage.batch", made.pk)


def _why(made: Batch | None) -> list[tuple[str, str]]:
    """Why the first few are refused."""
    rows = Reject.objects.filter(batch=made).values_list("reason", "detail")[:3]
    return [(reason_words(code), detail(text, code)) for code, text in rows]


def _outcome(
    made: Batch | None, changes: dict[str, str], reasons: list[tuple[str, str]]
) -> list[tuple[str, Any]]:
    assert made is not None
    return [
        *((_("%(field)s becomes") % {"field": label(name)}, value)
          for name, value in changes.items()),
        (_("Will be rated"), written.number(made.rated)),
        (_("Refused again"), written.number(made.rejected)),
        (_("Duplicates"), written.number(made.duplicates)),
        *reasons,
    ]  # fmt: skip


def _form(came: dict[str, str], data: Any) -> forms.Form:
    """A field for each field of the record."""
    made = forms.Form(data)
    for name, value in came.items():
        made.fields[name] = forms.CharField(
            label=label(name), initial=value, required=False, max_length=1000
        )
    return made
