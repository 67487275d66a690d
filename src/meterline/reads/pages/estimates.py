"""Estimating what nobody has read by the end of a period, and bringing usage up to contracts."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.catalog import services as catalog
from meterline.customers import validate
from meterline.customers.errors import InvalidField
from meterline.platform import clock
from meterline.reads import services
from meterline.reads.estimates import Estimated
from meterline.reads.models import Meter, Piece
from meterline.reads.pages.effects import effects, largest, rehearsed, told
from meterline.usage.rehearsal import rehearsal
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.forms import DayField
from meterline.web.page import act, done, page


class EstimateForm(forms.Form):
    """Which registers, and by when."""

    last = DayField(
        label=later("Last day of the period"),
        help_text=later("What was not read by its end is estimated up to there."),
    )
    zone = forms.CharField(
        label=later("Time zone"), max_length=64, help_text=later("In which that day ends."),
    )  # fmt: skip
    usage_meter = forms.ChoiceField(
        label=later("Usage of"), required=False,
        choices=lambda: [("", _("all meters of the catalogue")),
                         *((code, code) for code in sorted(catalog.meters()))],
    )  # fmt: skip
    places = forms.CharField(
        label=later("Places of supply"), required=False, max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=later("One a line. Empty: all."),
    )  # fmt: skip

    def clean_zone(self) -> str:
        """A time zone that there is."""
        try:
            return validate.timezone(self.cleaned_data["zone"])
        except InvalidField as error:
            raise forms.ValidationError(sentence(error)) from error

    def asked(self) -> dict[str, Any]:
        """What `services.estimate` is asked for."""
        given = self.cleaned_data
        end = given["last"] + timedelta(days=1)
        at = datetime.combine(end, time(0), ZoneInfo(given["zone"])).astimezone(UTC)
        places = [line.strip() for line in given["places"].splitlines() if line.strip()]
        return {"at": at, "identifiers": places or None,
                "usage_meter": given["usage_meter"] or None}  # fmt: skip


@page("usage/estimates", title=later("Estimates"), permission="usage.view", write="usage.load",
      menu="usage", order=27)  # fmt: skip
def estimates(request: HttpRequest) -> HttpResponse:
    """Say by when what is not read is estimated; the effect first."""
    form = EstimateForm(request.POST or None, initial=_usual(request))
    if request.method == "POST" and form.is_valid():
        asked = form.asked()
        if not confirmed(request):
            with rehearsal():
                made = services.estimate(**asked)
            return _shown(request, made)
        made = services.estimate(**asked)
        return done(request, told(made.followed), "reads.estimates")
    standing = Piece.objects.filter(quality="estimated", gone_at=None)[:10_000].count()
    return render(request, "reads/estimates.html", {"form": form, "standing": standing})


@act("usage/estimates/refresh", permission="usage.load")
def refresh(request: HttpRequest) -> HttpResponse:
    """Bring usage up to contracts that began, ended or moved between two reads, now."""
    if not confirmed(request):
        return rehearsed(
            request, _("Bring usage up to contracts"), services.refresh,
            verb=_("Bring it up"), back=reverse("reads.estimates"),
        )  # fmt: skip
    return done(request, told(services.refresh()), "reads.estimates")


def _usual(request: HttpRequest) -> dict[str, Any]:
    """The month before this one, in the zone of most of us; other pages name a place."""
    zones = Meter.objects.order_by("-pk").values_list("timezone", flat=True)[:1]
    zone = next(iter(zones), "UTC")
    today = clock.now().astimezone(ZoneInfo(zone)).date()
    last = today.replace(day=1) - timedelta(days=1)
    return {"last": last, "zone": zone, "places": request.GET.get("place", "")}


def _shown(request: HttpRequest, made: Estimated) -> HttpResponse:
    count = written.number(made.registers)
    if not made.registers:
        words = _("All registers were read by then; there is nothing to estimate.")
        return done(request, words, "reads.estimates")
    return confirm(
        request, _("Estimate what was not read"), back=reverse("reads.estimates"),
        largest=largest(made.followed),
        verb=_("Estimate %(count)s registers") % {"count": count},
        effects=[(_("Registers that were not read"), count), *effects(made.followed)],
        note=_("Reads that come later take the place of estimates by themselves, and the next"
               " bill corrects what was invoiced."),
    )  # fmt: skip
