"""Changing what reads go by; usage follows, which is shown first."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.catalog import services as catalog
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.reads import services
from meterline.reads.follow import Followed
from meterline.reads.models import Factor, Profile, Rule, Virtual
from meterline.reads.pages.changes import form_page, instant
from meterline.reads.pages.effects import rehearsed, told
from meterline.reads.pages.rules import parts_of
from meterline.reads.virtuals import Part
from meterline.reads.words import METHODS, SPLITS
from meterline.web import format as written
from meterline.web.confirm import confirmed
from meterline.web.errors import sentence
from meterline.web.forms import DayField
from meterline.web.page import done, page

LEAST = Decimal("0.000001")
MOST = 1_000_000_000
BACK = "reads.read_rules"


class RuleForm(forms.Form):
    """How reads are checked, estimated and split."""

    spike_percent = forms.IntegerField(
        label=later("A spike is more than"), min_value=101, max_value=MOST,
        help_text=later("Percent of what is expected. More is held for review."),
    )  # fmt: skip
    spike_least = forms.DecimalField(
        label=later("But not less than"), min_value=0, max_digits=18, decimal_places=6,
        help_text=later("Units of the register: what is less is no spike."),
    )  # fmt: skip
    stuck_reads = forms.IntegerField(
        label=later("Stuck after"),
        min_value=2,
        max_value=MOST,
        help_text=later("Reads in a row that show the same."),
    )
    zero_days = forms.IntegerField(
        label=later("Idle after"),
        min_value=1,
        max_value=MOST,
        help_text=later("Days without consumption though somebody has a contract there."),
    )
    estimate_by = forms.ChoiceField(label=later("Estimates go by"), choices=list(METHODS.items()))
    split = forms.ChoiceField(
        label=later("What lies between two reads is split"), choices=list(SPLITS.items()),
        help_text=later("At billing days and where contracts begin or end, in any case."),
    )  # fmt: skip


class FactorForm(forms.Form):
    """The energy of a zone's gas from a day on."""

    zone = forms.CharField(
        label=later("Gas zone"), max_length=100, help_text=later("As registers name it.")
    )
    since = DayField(label=later("From"))
    calorific_value = forms.DecimalField(
        label=later("Calorific value"), min_value=Decimal("0.0001"), max_value=999,
        max_digits=18, decimal_places=4, help_text=later("Megajoules a cubic metre."),
    )  # fmt: skip
    correction_factor = forms.DecimalField(
        label=later("Correction factor"), min_value=LEAST, max_value=99, max_digits=18,
        decimal_places=6, initial=1, help_text=later("For pressure and temperature."),
    )  # fmt: skip
    decimals = forms.IntegerField(
        label=later("Decimals of the energy, in kWh"), min_value=0, max_value=6, initial=0
    )


class ProfileForm(forms.Form):
    """Twelve weights; their names are those of the months in the language of the page."""

    code = forms.CharField(label=later("Profile"), max_length=100,
                           help_text=later("As registers name it."))  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        names = written.locale().months["stand-alone"]["wide"]
        for month in range(1, 13):
            self.fields[f"month_{month}"] = forms.DecimalField(
                label=names[month], min_value=LEAST, max_value=999_999, max_digits=12,
                decimal_places=6,
            )  # fmt: skip

    def weights(self) -> list[Decimal]:
        """January first."""
        return [self.cleaned_data[f"month_{month}"] for month in range(1, 13)]


class VirtualForm(forms.Form):
    """A register made of others."""

    code = forms.CharField(label=later("Virtual register"), max_length=100)
    place = forms.CharField(label=later("Place of supply"), max_length=300,
                            help_text=later("Where what it shows is usage."))  # fmt: skip
    parts = forms.CharField(
        label=later("Parts"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=later("One a line: + or -, the place of supply, a slash, the code of its"
                        " registers, such as +PLACE/1.8.0."),
    )  # fmt: skip
    usage_meter = forms.ChoiceField(
        label=later("Usage of"), choices=lambda: [(code, code) for code in sorted(catalog.meters())]
    )
    surplus_meter = forms.ChoiceField(
        label=later("What is below zero is usage of"), required=False,
        choices=lambda: [("", _("nothing: it is left out")),
                         *((code, code) for code in sorted(catalog.meters()))],
    )  # fmt: skip

    def clean_parts(self) -> list[Part]:
        """Sign, place and register of each line."""
        lines = [line.strip() for line in self.cleaned_data["parts"].splitlines()]
        return [_part(line) for line in lines if line]


def _part(line: str) -> Part:
    sign = {"+": 1, "-": -1}.get(line[:1])
    place, _slash, register = line[1:].rpartition("/")
    if sign is None or not place or not register or len(register) > 50 or len(place) > 300:
        words = _("Expected +PLACE/REGISTER or -PLACE/REGISTER, not %(line)s")
        raise forms.ValidationError(words, params={"line": line})
    return sign, place, register


@page("usage/read-rules/meters/<code:meter>", title=later("Rule of a meter"),
      permission="usage.view", write="usage.correct", help="reads-read-rule")  # fmt: skip
def read_rule(request: HttpRequest, meter: str) -> HttpResponse:
    """How reads of one meter of the catalogue are checked, estimated and split."""
    if meter not in catalog.meters() and not Rule.objects.filter(usage_meter=meter).exists():
        raise Http404
    return _rule(request, meter, meter)


@page("usage/read-rules/others", title=later("Rule of all other meters"), permission="usage.view",
      write="usage.correct", help="reads-read-rule")  # fmt: skip
def read_rule_others(request: HttpRequest) -> HttpResponse:
    """The rule of meters that have none of their own."""
    return _rule(request, "", _("all others"))


def _rule(request: HttpRequest, meter: str, name: str) -> HttpResponse:
    now = Rule.objects.filter(usage_meter=meter).first() or (
        Rule.objects.filter(usage_meter="").first() or Rule()
    )
    initial = {name: getattr(now, name) for name in RuleForm.base_fields}
    form = RuleForm(request.POST or None, initial=initial)
    title = _("Reads of %(meter)s") % {"meter": name}
    return _changed(
        request, form, title,
        lambda: services.set_rule(meter, **form.cleaned_data).followed,
    )  # fmt: skip


@page("usage/read-rules/gas", title=later("Energy of gas"), permission="usage.view",
      write="usage.correct")  # fmt: skip
def gas_factor(request: HttpRequest) -> HttpResponse:
    """The calorific value and correction of a zone's gas from a day on."""
    zone = request.GET.get("zone", "")
    last = Factor.objects.filter(zone=zone).order_by("-since_at").first()
    initial = {"zone": zone, "since": clock.now().date().replace(day=1)}
    if last is not None:
        names = ("calorific_value", "correction_factor", "decimals")
        initial |= {name: getattr(last, name) for name in names}
    form = FactorForm(request.POST or None, initial=initial)

    def act() -> Followed:
        given = dict(form.cleaned_data)
        zone, since = given.pop("zone"), given.pop("since")
        return services.set_factor(zone, instant(since, services.zone_of_gas(zone)), **given)

    return _changed(request, form, _("Energy of gas"), act)


@page("usage/read-rules/profile", title=later("Profile of a year"), permission="usage.view",
      write="usage.correct")  # fmt: skip
def read_profile(request: HttpRequest) -> HttpResponse:
    """How the consumption of a year is spread over its months."""
    code = request.GET.get("code", "")
    known = dict(Profile.objects.filter(code=code).values_list("month", "weight"))
    initial = {"code": code, **{f"month_{month}": known.get(month, 1) for month in range(1, 13)}}
    form = ProfileForm(request.POST or None, initial=initial)
    return _changed(
        request, form, _("Profile of a year"),
        lambda: services.set_profile(form.cleaned_data["code"], form.weights()),
    )  # fmt: skip


@page("usage/read-rules/virtual", title=later("Virtual register"), permission="usage.view",
      write="usage.correct")  # fmt: skip
def virtual_register(request: HttpRequest) -> HttpResponse:
    """A register made of others: their sum, each with its sign."""
    code = request.GET.get("code", "")
    now = Virtual.objects.filter(code=code).first()
    initial = {"code": code}
    if now is not None:
        initial |= {
            "place": now.identifier, "usage_meter": now.usage_meter,
            "surplus_meter": now.surplus_meter, "parts": "\n".join(parts_of([now.pk])[now.pk]),
        }  # fmt: skip
    form = VirtualForm(request.POST or None, initial=initial)

    def act() -> Followed:
        given = form.cleaned_data
        return services.set_virtual(
            given["code"], given["place"], given["parts"], usage_meter=given["usage_meter"],
            surplus_meter=given["surplus_meter"],
        )  # fmt: skip

    return _changed(request, form, _("Virtual register"), act)


def _changed(
    request: HttpRequest, form: forms.Form, title: str, act: Callable[[], Followed]
) -> HttpResponse:
    """The form; what its change does to usage; the change."""
    back = reverse(BACK)
    if request.method == "POST" and form.is_valid():
        try:
            if not confirmed(request):
                return rehearsed(request, title, act, verb=_("Change it"), back=back)
            followed = act()
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, told(followed), BACK)
    return form_page(request, form, _("See what it does"), back, _("Rules of reads"))
