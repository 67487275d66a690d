"""What-if: a draft, or a file, over the bills that the base had; asked, watched, reported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.access.gate import allowed, refuse
from meterline.authoring.upload import laid_out
from meterline.catalog.models import Draft
from meterline.insight import what_ifs as services
from meterline.insight.jobs import simulating
from meterline.insight.models import WhatIf
from meterline.insight.segment import COLUMNS
from meterline.insight.what_if_words import currencies, facts, largest, revenues
from meterline.kernel.errors import MeterlineError
from meterline.web import format as written
from meterline.web.errors import sentence
from meterline.web.filters import Choice
from meterline.web.forms import SeveralFiles
from meterline.web.live import Progress, follow
from meterline.web.page import act, done, fragment, page
from meterline.web.rows import Chip, Column, Number, Row, When, Who
from meterline.web.table import Table

STATES = {
    "waiting": _("waiting"), "working": _("under way"), "done": _("done"), "failed": _("failed"),
}  # fmt: skip
TONES = {"working": "busy", "done": "good", "failed": "bad"}
MONTHS = {
    1: _("the last month"), 2: _("the last 2 months"), 3: _("the last 3 months"),
    6: _("the last 6 months"), 12: _("the last 12 months"), 24: _("the last 24 months"),
}  # fmt: skip
PARTS = {
    "plan": _("Plans"), "region": _("Tax regions"), "currency": _("Currencies"),
    "seller": _("Sellers"), "segment": _("Customer segments"), "country": _("Countries"),
    "language": _("Languages"), "kind": _("Person or organisation"),
}  # fmt: skip


def _link(row: Row) -> str:
    return reverse("authoring.what_if", args=[row["pk"]])


WHAT_IFS = Table(
    "what-ifs",
    columns=[
        Number("pk", _("Number"), link=_link), Column("name", _("File"), link=_link),
        Number("draft_id", _("Draft")), Number("months", _("Months")),
        Number("total", _("Accounts")), Chip("state", _("State"), labels=STATES, tones=TONES),
        Who("asked_by", _("Asked by")), When("asked_at", _("When")),
    ],
    filters=[Choice("state", _("State"), choices=tuple(STATES.items()))],
    order="-pk",
)  # fmt: skip


class WhatIfForm(forms.Form):
    """What is tried, against which months, on whom."""

    draft = forms.ChoiceField(label=_("Draft"), required=False)
    catalogue = forms.FileField(
        label=_("Or a catalogue file"), required=False,
        help_text=_("YAML; it is not kept as a draft."),
    )  # fmt: skip
    decks = SeveralFiles(
        label=_("Its decks"), required=False, help_text=_("CSV files that the catalogue names.")
    )
    months = forms.TypedChoiceField(
        label=_("Against the bills of"), coerce=int, choices=tuple(MONTHS.items())
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        opened = Draft.objects.filter(state__in=("draft", "approved")).order_by("-pk")[:100]
        self.fields["draft"].choices = [("", written.DASH), *((one.pk, str(one)) for one in opened)]
        for key in COLUMNS:
            self.fields[key] = forms.CharField(
                label=PARTS[key], required=False, help_text=_("Several are separated by commas.")
            )

    def clean(self) -> dict[str, Any]:
        """One of both is tried."""
        given: dict[str, Any] = super().clean()
        if bool(given.get("draft")) == bool(given.get("catalogue")):
            raise forms.ValidationError(_("Choose a draft, or give a catalogue file."))
        return given

    def segment(self) -> list[str]:
        """The conditions, as KEY=VALUE texts."""
        return [
            f"{key}={value.strip()}"
            for key in COLUMNS
            for value in self.cleaned_data[key].split(",")
            if value.strip()
        ]

    def parts(self) -> Iterator[Any]:
        """The fields of the conditions."""
        return (self[key] for key in COLUMNS)

    def first(self) -> Iterator[Any]:
        """The other fields."""
        return (self[key] for key in self.fields if key not in COLUMNS)


@page("insight/what-ifs", title=_("What-if"), permission="insight.view", menu="insight", order=5)
def what_ifs(request: HttpRequest) -> HttpResponse:
    """All that were asked, the newest first."""
    return WHAT_IFS.respond(request, WhatIf.objects.all(), "authoring/what_ifs.html")


@page(
    "insight/what-ifs/new", title=_("What if"), permission="insight.simulate",
    write="insight.simulate",
)  # fmt: skip
def what_if_new(request: HttpRequest) -> HttpResponse:
    """Ask; a job works it out."""
    form = WhatIfForm(
        request.POST or None, request.FILES or None,
        initial={"draft": request.GET.get("draft", ""), "months": 1},
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            made = _asked(form)
        except MeterlineError as error:
            for text in sentence(error).splitlines():
                form.add_error("catalogue", text)
        else:
            return done(request, _("It is being worked out."), "authoring.what_if", made.pk)
    return render(request, "authoring/what_if_new.html", {"form": form})


def _asked(form: WhatIfForm) -> WhatIf:
    given, segment = form.cleaned_data, form.segment()
    if given["draft"]:
        draft = get_object_or_404(Draft, pk=given["draft"])
        return services.ask_draft(draft, months=given["months"], segment=segment)
    name, kept = laid_out(given["catalogue"], [], given["decks"])
    return services.ask_files(name, kept, months=given["months"], segment=segment)


@page("insight/what-ifs/<int:what_if>", title=_("What if"), permission="insight.view")
def what_if(request: HttpRequest, what_if: int) -> HttpResponse:
    """How far it is; then who would pay less, who more, and what it does to revenue."""
    one = get_object_or_404(WhatIf.objects.select_related("draft"), pk=what_if)
    working = one.state in ("waiting", "working")
    context: dict[str, Any] = {
        "one": one, "state": STATES[one.state], "tone": TONES.get(one.state, "neutral"),
        "months": MONTHS.get(one.months, one.months), "working": working, "far": _far(one),
        "interrupted": working and not simulating(one.pk),
    }  # fmt: skip
    if one.report is not None:
        context |= {
            "facts": facts(one), "currencies": currencies(one.report),
            "revenues": revenues(one.report), "empty": not one.report["affected"],
            "ends": [(_("The ten largest rises"), largest(one.report["largest_rises"])),
                     (_("The ten largest falls"), largest(one.report["largest_falls"]))],
        }  # fmt: skip
    return render(request, "authoring/what_if.html", context)


@fragment("insight/what-ifs/<int:what_if>/progress", permission="insight.view")
def what_if_progress(request: HttpRequest, what_if: int) -> HttpResponseBase:
    """How far it is."""
    get_object_or_404(WhatIf, pk=what_if)
    return follow(request, lambda: _far(WhatIf.objects.get(pk=what_if)))


def _far(one: WhatIf) -> Progress:
    if not one.total:
        words = _("Waiting for a worker") if one.state == "waiting" else _("Rating usage anew")
        return Progress(done=0, total=0, label=words, over=one.state in ("done", "failed"))
    over = one.state in ("done", "failed")
    shown = one.done if over else min(one.done, one.total - 1)
    return Progress(done=shown, total=one.total, label=_("Accounts billed twice"), over=over)


@fragment("insight/what-ifs/<int:what_if>/bills", permission="lists.export")
def what_if_bills(request: HttpRequest, what_if: int) -> HttpResponseBase:
    """All bills, now and then, as CSV."""
    if not allowed(request, "insight.view"):
        return refuse(request, "insight.view")
    one = get_object_or_404(WhatIf, pk=what_if, state="done")
    file = services.bills_file(one)
    if not file.is_file():
        raise Http404
    return FileResponse(file.open("rb"), as_attachment=True, filename=f"what-if-{one.pk}.csv")


@act("insight/what-ifs/<int:what_if>/again", permission="insight.simulate")
def what_if_again(request: HttpRequest, what_if: int) -> HttpResponse:
    """Begin anew with one that was interrupted."""
    one = get_object_or_404(WhatIf, pk=what_if, state__in=("waiting", "working"))
    if not simulating(one.pk):
        services.again(one)
    return done(request, _("It is being worked out."), "authoring.what_if", what_if)
