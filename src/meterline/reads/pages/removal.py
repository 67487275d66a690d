"""A meter that leaves its place, and none takes its place."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.reads import services
from meterline.reads.models import Installation, Meter, Piece
from meterline.reads.pages.changes import codes, form_page, instant
from meterline.reads.words import QUALITIES
from meterline.usage.rehearsal import rehearsal
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.forms import DayField
from meterline.web.page import done, page


@page("usage/meters/<int:meter>/remove", title=later("Remove a meter"), permission="usage.load",
      write="usage.load")  # fmt: skip
def meter_remove(request: HttpRequest, meter: int) -> HttpResponse:
    """A form for what it showed last; what was used until then is shown first."""
    one = get_object_or_404(Meter, pk=meter)
    form = _form(request, one)
    back = reverse("reads.meter", args=[one.pk])
    if request.method == "POST" and form.is_valid():
        try:
            if not confirmed(request):
                with rehearsal():
                    effects = _effects(_removed(one, form.cleaned_data))
                return confirm(
                    request, _("Remove meter %(serial)s") % {"serial": one.serial}, danger=True,
                    verb=_("Remove it"), effects=effects, back=back,
                    note=_("Nothing is used there from then on. What it is not read of is"
                           " estimated; the meter can be installed again, here or elsewhere."),
                )  # fmt: skip
            _removed(one, form.cleaned_data)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The meter is removed."), "reads.meter", one.pk)
    return form_page(request, form, _("See what it does"), back, one.serial)


def _form(request: HttpRequest, one: Meter) -> forms.Form:
    """The day; for each register, what it shows."""
    now = clock.now().astimezone(ZoneInfo(one.timezone))
    form = forms.Form(request.POST or None)
    form.fields["day"] = DayField(label=_("Removed on"), initial=now.date())
    form.fields["hour"] = forms.TimeField(
        label=_("At"), required=False, help_text=_("Default: midnight.")
    )
    for code in codes(one):
        form.fields[f"final {code}"] = forms.DecimalField(
            label=_("%(register)s: it shows") % {"register": code}, min_value=0, max_digits=18,
            required=False, help_text=_("Empty: it is estimated."),
        )  # fmt: skip
    return form


def _removed(one: Meter, given: dict[str, Any]) -> Installation:
    values = {code: given[f"final {code}"] for code in codes(one)}
    shown = {code: value for code, value in values.items() if value is not None}
    at = instant(given["day"], one.timezone, given["hour"])
    return services.remove(one.serial, at, shown)


def _effects(ended: Installation) -> list[tuple[str, Any]]:
    """What was used last, of each register."""
    last = Piece.objects.filter(
        identifier=ended.identifier, end_at=ended.end_at, gone_at=None, register__meter=ended.meter
    ).order_by("code")  # fmt: skip
    pieces = [
        (_("Register %(code)s, used last") % {"code": one.code},
         f"{written.number(one.quantity.normalize())} ({QUALITIES[one.quality]})")
        for one in last
    ]  # fmt: skip
    return [(_("Place of supply"), ended.identifier), *pieces]
