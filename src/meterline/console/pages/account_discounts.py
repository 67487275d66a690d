"""Discounts on all subscriptions of an account: giving one, and ending it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.billing.trial import attempt
from meterline.catalog.reading import discounts as known_discounts
from meterline.console import moments, next_invoice
from meterline.customers.models import Account
from meterline.kernel.errors import MeterlineError
from meterline.subscriptions import discounts
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.forms import DayField
from meterline.web.page import act, done, page


class DiscountForm(forms.Form):
    """Which discount, and from when on."""

    discount = forms.ChoiceField(
        label=_("Discount"), choices=lambda: [(code, code) for code in sorted(known_discounts())]
    )
    on = DayField(
        label=_("From"), required=False,
        help_text=_("It holds for charge periods that begin then or later. Empty: now."),
    )  # fmt: skip


@page("customers/accounts/<int:account>/discount", title=_("Give a discount"),
      permission="subscriptions.edit", write="subscriptions.edit")  # fmt: skip
def account_discount(request: HttpRequest, account: int) -> HttpResponse:
    """Give a discount on all subscriptions of an account, after its effect was seen."""
    one = get_object_or_404(Account.objects.select_related("customer__party"), pk=account)
    form = DiscountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["discount"]
        at = moments.start_of(form.cleaned_data["on"], one)
        try:
            return _decide(
                request, one, lambda: discounts.give(code, discounts.Holder(account=one), at),
                _("Give a discount"), _("Give %(code)s") % {"code": code},
            )  # fmt: skip
        except MeterlineError as error:
            form.add_error(None, sentence(error))
    back = reverse("console.account", args=[one.pk])
    context = {"form": form, "back": back, "back_title": one.code}
    return render(request, "console/act_form.html", context)


@act("customers/accounts/<int:account>/discount/<code:code>/end",
     permission="subscriptions.edit")  # fmt: skip
def account_discount_end(request: HttpRequest, account: int, code: str) -> HttpResponse:
    """End a discount of an account."""
    one = get_object_or_404(Account.objects.select_related("customer__party"), pk=account)
    return _decide(
        request, one, lambda: discounts.end(code, discounts.Holder(account=one)),
        _("End a discount"), _("End %(code)s") % {"code": code},
    )  # fmt: skip


def _decide(
    request: HttpRequest, one: Account, do: Callable[[], Any], title: Any, verb: Any
) -> HttpResponse:
    """Show what it does to the next invoice; when that was confirmed, do it."""
    back = reverse("console.account", args=[one.pk])
    if confirmed(request):
        do()
        return done(request, _("Done; it holds for all subscriptions of the account."), back)
    trial = attempt(one.pk, do)
    effects = [(_("Account"), f"{one.code}, {one.customer.party.name}")]
    since: datetime = trial.result.until_at or trial.result.since_at
    effects.append((_("Takes effect"), moments.told(since, one)))
    return confirm(request, title, verb=verb, effects=[*effects, *next_invoice.effects(trial)],
                   note=next_invoice.note(), back=back)  # fmt: skip
