"""What is done with meters: installed, read, exchanged."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.catalog import services as catalog
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.reads import services
from meterline.reads.models import Installation, Meter, Piece, Register
from meterline.reads.words import QUALITIES as QUALITY_WORDS
from meterline.usage.rehearsal import rehearsal
from meterline.usage.units import names
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.forms import DayField
from meterline.web.page import done, page

QUALITIES = (("actual", later("read")), ("customer", later("told by the customer")))


class InstallForm(forms.Form):
    """A new device with one register; files bring those with several."""

    serial = forms.CharField(label=later("Serial number"), max_length=100)
    place = forms.CharField(
        label=later("Place of supply"), max_length=300,
        help_text=later("An identifier of contracts, such as a service point or meter number."),
    )  # fmt: skip
    day = DayField(label=later("Installed on"))
    usage_meter = forms.ChoiceField(
        label=later("Usage of"),
        choices=lambda: [(code, code) for code in sorted(catalog.meters())],
    )
    register = forms.CharField(label=later("Register"), max_length=50, initial="1")
    dials = forms.IntegerField(label=later("Dials"), min_value=1, max_value=12, initial=6)
    decimals = forms.IntegerField(label=later("Decimals"), min_value=0, max_value=6, initial=0)
    multiplier = forms.DecimalField(
        label=later("Multiplier"), min_value=Decimal("0.000001"), max_digits=12, decimal_places=6,
        initial=1,
    )  # fmt: skip
    unit = forms.ChoiceField(
        label=later("Unit"), choices=[(name, name) for name in names()], initial="kWh"
    )
    first = forms.DecimalField(label=later("It shows"), min_value=0, max_digits=18)


class ReadForm(forms.Form):
    """What a register shows."""

    register = forms.ChoiceField(label=later("Register"))
    day = DayField(label=later("Read on"))
    hour = forms.TimeField(label=later("At"), required=False, help_text=later("Default: midnight."))
    value = forms.DecimalField(label=later("It shows"), min_value=0, max_digits=18)
    quality = forms.ChoiceField(label=later("Who has read it"), choices=QUALITIES)


@page("usage/meters/new", title=later("Install a meter"), permission="usage.load",
      write="usage.load")  # fmt: skip
def meter_new(request: HttpRequest) -> HttpResponse:
    """A form for a device that comes to a place of supply."""
    form = InstallForm(request.POST or None, initial={"day": clock.now().date()})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        spec = services.RegisterSpec(
            code=given["register"], usage_meter=given["usage_meter"], unit=given["unit"],
            dials=given["dials"], decimals=given["decimals"], multiplier=given["multiplier"],
        )  # fmt: skip
        new = services.NewMeter(serial=given["serial"], registers=[spec])
        at = instant(given["day"], services.zone_of(given["place"]))
        try:
            made = services.install(new, given["place"], at, {spec.code: given["first"]})
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The meter is installed."), "reads.meter", made.meter_id)
    return form_page(request, form, _("Install it"), reverse("reads.meters"))


@page("usage/meters/<int:meter>/read", title=later("Enter a read"), permission="usage.load",
      write="usage.load")  # fmt: skip
def meter_read(request: HttpRequest, meter: int) -> HttpResponse:
    """A form for one read."""
    one = get_object_or_404(Meter, pk=meter)
    now = clock.now().astimezone(ZoneInfo(one.timezone))
    form = ReadForm(request.POST or None, initial={"day": now.date(), "quality": "actual"})
    codes = Register.objects.filter(meter=one).order_by("code").values_list("code", flat=True)
    form.fields["register"].choices = [(code, code) for code in codes]
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        at = instant(given["day"], one.timezone, given["hour"])
        try:
            made = services.add(
                one.serial, given["value"], at, register=given["register"],
                quality=given["quality"],
            )  # fmt: skip
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            if made is None:
                return done(request, _("That was said before."), "reads.meter", one.pk)
            if made.state == "held":
                return done(request, _("The read is held for review."), "reads.read", made.pk)
            return done(request, _("The read counts."), "reads.meter", one.pk)
    return form_page(request, form, _("Keep it"), reverse("reads.meter", args=[one.pk]), one.serial)


@page("usage/meters/<int:meter>/exchange", title=later("Exchange a meter"),
      permission="usage.load", write="usage.load")  # fmt: skip
def meter_exchange(request: HttpRequest, meter: int) -> HttpResponse:
    """A form for another device in the place of one, whose effect is shown first."""
    one = get_object_or_404(Meter, pk=meter)
    form = _exchange_form(request, one)
    back = reverse("reads.meter", args=[one.pk])
    if request.method == "POST" and form.is_valid():
        try:
            if not confirmed(request):
                with rehearsal():
                    made = _exchange(one, form.cleaned_data)
                    effects = _effects(made)
                return confirm(
                    request, _("Exchange meter %(serial)s") % {"serial": one.serial},
                    verb=_("Exchange it"), effects=effects, back=back,
                    note=_("What the old one is not read of is estimated. Reads of its last days"
                           " can still be entered."),
                )  # fmt: skip
            made = _exchange(one, form.cleaned_data)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The meter is exchanged."), "reads.meter", made.meter_id)
    return form_page(request, form, _("See what it does"), back, one.serial)


def _exchange_form(request: HttpRequest, one: Meter) -> forms.Form:
    """Serial number and day; for each register, what the old and the new one show."""
    now = clock.now().astimezone(ZoneInfo(one.timezone))
    form = forms.Form(request.POST or None)
    form.fields["serial"] = forms.CharField(label=_("Serial number of the new one"), max_length=100)
    form.fields["day"] = DayField(label=_("Exchanged on"), initial=now.date())
    form.fields["hour"] = forms.TimeField(
        label=_("At"), required=False, help_text=_("Default: midnight.")
    )
    for code in codes(one):
        form.fields[f"final {code}"] = forms.DecimalField(
            label=_("%(register)s: the old one shows") % {"register": code}, min_value=0,
            max_digits=18, required=False, help_text=_("Empty: it is estimated."),
        )  # fmt: skip
        form.fields[f"first {code}"] = forms.DecimalField(
            label=_("%(register)s: the new one shows") % {"register": code}, min_value=0,
            max_digits=18, initial=0,
        )  # fmt: skip
    return form


def _exchange(one: Meter, given: dict[str, Any]) -> Installation:
    values = {
        kind: {code: given[f"{kind} {code}"] for code in codes(one)
               if given[f"{kind} {code}"] is not None}
        for kind in ("final", "first")
    }  # fmt: skip
    at = instant(given["day"], one.timezone, given["hour"])
    return services.exchange(one.serial, services.NewMeter(serial=given["serial"]), at, **values)


def _effects(made: Installation) -> list[tuple[str, Any]]:
    """What was used of the old one until it left: the last piece of each register."""
    last = Piece.objects.filter(
        identifier=made.identifier, end_at=made.start_at, gone_at=None, register__isnull=False
    ).order_by("code")  # fmt: skip
    pieces = [
        (_("Register %(code)s, used last") % {"code": one.code},
         f"{written.number(one.quantity.normalize())} ({QUALITY_WORDS[one.quality]})")
        for one in last
    ]  # fmt: skip
    return [(_("Place of supply"), made.identifier), *pieces]


def codes(one: Meter) -> list[str]:
    """The registers of a meter."""
    return list(Register.objects.filter(meter=one).order_by("code").values_list("code", flat=True))


def instant(day: date, zone: str, hour: time | None = None) -> datetime:
    """A local day and time of a zone."""
    return datetime.combine(day, hour or time(0), ZoneInfo(zone)).astimezone(UTC)


def form_page(
    request: HttpRequest, form: forms.Form, verb: str, back: str, back_title: str = ""
) -> HttpResponse:
    """The form of an act on meters."""
    context = {"form": form, "verb": verb, "back": back, "back_title": back_title or _("Meters")}
    return render(request, "reads/form.html", context)
