"""Reads that wait for somebody: the work list; one, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.kernel.errors import MeterlineError
from meterline.reads import services
from meterline.reads.models import Piece, Read
from meterline.reads.pages.meters import Value, local
from meterline.reads.words import QUALITIES, QUALITY_TONES, REASONS, STATE_TONES, STATES
from meterline.usage.rehearsal import rehearsal
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.figures import Work, work
from meterline.web.filters import Choice, Filter
from meterline.web.page import act, done, link, page
from meterline.web.rows import Chip, Column, Row, Rows
from meterline.web.table import COUNTED, Bulk, Table

BESIDE = 8


def _link(row: Row) -> str:
    return reverse("reads.read", args=[row["pk"]])


def _shown(rows: list[dict[str, Any]]) -> None:
    """When and what, as the meter says it."""
    found = Read.objects.filter(pk__in=[row["pk"] for row in rows])
    reads = {one.pk: one for one in found.select_related("register__meter")}
    for row in rows:
        one = reads[row["pk"]]
        row["at"] = local(one.at, one.register.meter)
        row["shows"] = f"{one.value.normalize():f} {one.register.unit}"


READS = Table(
    "reads",
    columns=[
        Column("register__meter__serial", later("Meter"), link=_link),
        Column("register__code", later("Register")),
        Column("at", later("When")),
        Value("shows", later("Shows")),
        Chip("quality", later("Quality"), labels=QUALITIES, tones=QUALITY_TONES),
        Chip("reason", later("Why it is held"), labels=REASONS),
        Chip("state", later("State"), labels=STATES, tones=STATE_TONES),
        Column("source", later("Source"), hidden=True),
    ],
    filters=[
        Choice("state", later("State"), choices=tuple(STATES.items())),
        Choice("reason", later("Why it is held"), choices=tuple(REASONS.items())),
        Filter("meter", later("Meter"), field="register__meter__serial"),
    ],
    bulk=[
        Bulk(act="reads.accept", label=later("Accept"), permission="usage.load"),
        Bulk(act="reads.dismiss", label=later("Dismiss"), permission="usage.load", danger=True),
    ],
    order="-pk",
    enrich=_shown,
    enriched=frozenset({"at", "shows"}),
)


class ReplaceForm(forms.Form):
    """Another value in the place of a read."""

    value = forms.DecimalField(label=later("What counts instead"), min_value=0, max_digits=18)
    note = forms.CharField(label=later("Why"), max_length=500, required=False)


@page("usage/reads", title=later("Meter reads"), permission="usage.view", menu="usage", order=26)
def reads(request: HttpRequest) -> HttpResponse:
    """Reads; those held for review by reason first."""
    rows = (
        Read.objects.filter(state="held").values("reason").annotate(count=Count("pk"))
        .order_by("-count")
    )  # fmt: skip
    url = reverse("reads.reads")
    columns = [
        Chip("reason", _("Why"), labels=REASONS),
        Column("count", _("Held"), link=lambda row: f"{url}?state=held&reason={row['reason']}"),
    ]
    held = Rows(columns, list(rows), caption=_("Held for review"))
    return READS.respond(request, Read.objects.all(), "reads/reads.html", held=held)


@page("usage/reads/<int:read>", title=later("Meter read"), permission="usage.view",
      write="usage.load")  # fmt: skip
def read(request: HttpRequest, read: int) -> HttpResponse:
    """A read beside those before and after it; another value can be put in its place."""
    one = get_object_or_404(Read.objects.select_related("register__meter"), pk=read)
    form = ReplaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        value, note = form.cleaned_data["value"], form.cleaned_data["note"]
        try:
            if not confirmed(request):
                return _rehearsed(
                    request, [one], _("Replace a read"), _("Replace it"),
                    lambda: services.replace(one.pk, value, note=note),
                )  # fmt: skip
            made = services.replace(one.pk, value, note=note)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The other value counts."), "reads.read", made.pk)
    context = {
        "read": one, "meter": one.register.meter, "form": form, 
        "shown": f"{one.value.normalize():f}",
        "at": local(one.at, one.register.meter), "state": STATES[one.state],
        "tone": STATE_TONES.get(one.state, "neutral"), "quality": QUALITIES[one.quality],
        "reason": REASONS.get(one.reason, ""), "beside": _beside(one),
    }  # fmt: skip
    return render(request, "reads/read.html", context)


@act("usage/reads/accept", permission="usage.load")
def accept(request: HttpRequest) -> HttpResponse:
    """The chosen held reads are right."""
    chosen = list(READS.chosen(request, Read.objects.filter(state="held")).order_by("pk"))
    ids = [one.pk for one in chosen]
    if not ids:
        return done(request, _("None of them is held; nothing was done."), "reads.reads")
    if not confirmed(request):
        return _rehearsed(
            request, chosen, _("Accept reads"),
            _("Accept %(count)s reads") % {"count": written.number(len(ids))},
            lambda: services.accept(ids),
        )  # fmt: skip
    services.accept(ids)
    return done(request, _("They count from now on."), "reads.reads")


@act("usage/reads/dismiss", permission="usage.load")
def dismiss(request: HttpRequest) -> HttpResponse:
    """The chosen reads never count."""
    open_ones = Read.objects.filter(state__in=("held", "accepted"))
    chosen = list(READS.chosen(request, open_ones).order_by("pk"))
    ids = [one.pk for one in chosen]
    if not ids:
        return done(request, _("None of them counts; nothing was done."), "reads.reads")
    if not confirmed(request):
        return _rehearsed(
            request, chosen, _("Dismiss reads"),
            _("Dismiss %(count)s reads") % {"count": written.number(len(ids))},
            lambda: services.dismiss(ids), danger=True,
        )  # fmt: skip
    services.dismiss(ids)
    return done(request, _("They are dismissed; they stay on record."), "reads.reads")


@work("held_reads", permission="usage.view")
def held_reads() -> list[Work]:
    """Reads that are held for review."""
    count = Read.objects.filter(state="held")[:COUNTED].count()
    note = _("to be accepted, replaced or dismissed")
    url = link("reads.reads", "state=held")
    return [Work(title=_("Meter reads held for review"), url=url, count=count, note=note)]


def _rehearsed(
    request: HttpRequest, chosen: list[Read], title: str, verb: str, act: Callable[[], object],
    *, danger: bool = False,
) -> HttpResponse:  # fmt: skip
    """The page that shows how usage would change."""
    before = _used(chosen)
    with rehearsal():
        act()
        after = _used(chosen)
    effects = [
        (_("Usage of %(meter)s") % {"meter": code},
         _("%(before)s becomes %(after)s") % {
             "before": written.number(before.get(code, Decimal(0)).normalize()),
             "after": written.number(after.get(code, Decimal(0)).normalize())})
        for code in sorted({*before, *after})
        if before.get(code) != after.get(code)
    ]  # fmt: skip
    return confirm(
        request, title, verb=verb, danger=danger, back=reverse("reads.reads"),
        effects=[(_("Reads"), written.number(len(chosen))),
                 *(effects or [(_("Usage"), _("stays as it is"))])],
        note=_("What was billed otherwise is corrected by the next bill."),
    )  # fmt: skip


def _used(chosen: list[Read]) -> dict[str, Decimal]:
    """The usage that stands at the places of the meters of reads, by meter of the catalogue."""
    places = services.places_of([one.register_id for one in chosen])
    rows = Piece.objects.filter(identifier__in=places, gone_at=None).values("usage_meter")
    return {row["usage_meter"]: row["sum"] for row in rows.annotate(sum=Sum("quantity"))}


def _beside(one: Read) -> Rows:
    """The reads of the register around one."""
    mine = Read.objects.filter(register=one.register).exclude(state="backed_out")
    earlier = list(mine.filter(at__lt=one.at).order_by("-at", "-pk")[:BESIDE])
    later_ones = list(mine.filter(at__gte=one.at).order_by("at", "pk")[:BESIDE])
    meter = one.register.meter
    rows = [
        {
            "pk": row.pk, "at": local(row.at, meter), "shows": f"{row.value.normalize():f}",
            "quality": row.quality, "state": row.state,
        }
        for row in [*reversed(later_ones), *earlier]
    ]  # fmt: skip
    columns = [
        Column("at", _("When")), Value("shows", _("Shows"), link=_link),
        Chip("quality", _("Quality"), labels=QUALITIES, tones=QUALITY_TONES),
        Chip("state", _("State"), labels=STATES, tones=STATE_TONES),
    ]  # fmt: skip
    return Rows(columns, rows, caption=_("Reads before and after it"))
