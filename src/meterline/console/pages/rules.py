"""Settings: what needs a second person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from meterline.access import limits
from meterline.access.models import CreditLimit
from meterline.catalog import services as catalog
from meterline.catalog.models import PlanVersion
from meterline.kernel.money import decimals
from meterline.web.forms import AmountField
from meterline.web.page import done, page


class RulesForm(forms.Form):
    """Who has to look at what."""

    review = forms.BooleanField(
        label=_("The catalogue is published by drafts only"), required=False,
        help_text=_("Otherwise a file may be applied on the command line without a review."),
    )  # fmt: skip
    four_eyes = forms.BooleanField(
        label=_("Who approves a draft is not its author"), required=False,
        help_text=_("Turn it off only where one person works alone."),
    )  # fmt: skip

    def __init__(self, *args: Any, currencies: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        for currency in currencies:
            self.fields[f"limit_{currency}"] = AmountField(
                label=_("One person may give away alone, in %(currency)s")
                % {"currency": currency},
                currency=currency, min_value=0, decimal_places=decimals(currency),
                help_text=_("To one account within 24 hours, as credit and by credit notes, before"
                            " tax. Above it a second person has to approve."),
            )  # fmt: skip


@page("settings/rules", title=_("Rules"), permission="settings.view", write="rules.manage",
      menu="settings", order=15)  # fmt: skip
def rules(request: HttpRequest) -> HttpResponse:
    """What a second person has to approve, and from which amount on."""
    currencies = _currencies()
    form = RulesForm(request.POST or None, currencies=currencies, initial=_now(currencies))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        catalog.set_rules(required=data["review"], four_eyes=data["four_eyes"])
        for currency in currencies:
            amount: Decimal = data[f"limit_{currency}"]
            limits.set_limit(currency, None if amount == limits.usual(currency) else amount)
        return done(request, _("The rules hold from now on."), "console.rules")
    return render(request, "console/rules.html", {"form": form, "told": _told(form)})


def _currencies() -> list[str]:
    """Those of plans, and those that have a limit."""
    of_plans = PlanVersion.objects.order_by("currency").values_list("currency", flat=True)
    held = CreditLimit.objects.values_list("currency", flat=True)
    return sorted({*of_plans.distinct(), *held})


def _now(currencies: list[str]) -> dict[str, Any]:
    rule = catalog.rules()
    amounts = {
        f"limit_{currency}": f"{limits.limit(currency):.{decimals(currency)}f}"
        for currency in currencies
    }
    return {"review": rule.required, "four_eyes": rule.four_eyes, **amounts}


def _told(form: RulesForm) -> list[tuple[Any, Any]]:
    """The rules for whoever may not change them."""
    words = {True: _("yes"), False: _("no")}
    found = []
    for name, field in form.fields.items():
        value = form.initial[name]
        shown = f"{value} {name[-3:]}" if name.startswith("limit_") else words[value]
        found.append((field.label, shown))
    return found
