"""Re-rating: a selection, the difference that rating it anew makes, and doing it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.kernel.errors import MeterlineError
from meterline.usage.difference import Difference, Moved, difference, selected
from meterline.usage.models import Batch
from meterline.usage.parts import Selection
from meterline.usage.rehearsal import rehearsal
from meterline.usage.rework import Reworked, rework
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.forms import DayField
from meterline.web.page import done, page
from meterline.web.rows import Chip, Column, Money, Number, Rows, When


class SelectionForm(forms.Form):
    """Which usage; what is left empty does not narrow it."""

    batch = forms.IntegerField(
        label=later("Batch"), required=False, min_value=1, help_text=later("Its number.")
    )
    account = forms.CharField(label=later("Account"), required=False, max_length=100)
    subscription = forms.CharField(label=later("Subscription"), required=False, max_length=100)
    price = forms.CharField(
        label=later("Price"), required=False, max_length=200,
        help_text=later("Its code, in all plans; or PLAN.CODE."),
    )  # fmt: skip
    first = DayField(label=later("From"), required=False)
    last = DayField(label=later("To, and that day"), required=False)

    def selection(self) -> Selection:
        """What is meant. Raises what says that something is not known."""
        given = self.cleaned_data
        last = given["last"]
        return selected(
            batch=given["batch"], account=given["account"] or None,
            subscription=given["subscription"] or None, price=given["price"] or None,
            start=given["first"], end=None if last is None else last + timedelta(days=1),
        )  # fmt: skip


@page(
    "usage/rerate", title=later("Re-rating"), permission="usage.view", write="usage.correct",
    menu="usage", order=40,
)  # fmt: skip
def rerate(request: HttpRequest) -> HttpResponse:
    """Choose usage, see the difference, do it."""
    asked = request.method == "POST"
    form = SelectionForm(request.POST if asked else None, initial=_asked_for(request))
    if asked and form.is_valid():
        try:
            return _answer(request, form.selection())
        except MeterlineError as error:
            form.add_error(None, sentence(error))
    made = Batch.objects.filter(format="re-rate").order_by("-pk")
    names = ("pk", "records", "rated", "rejected", "first_start", "last_start", "committed_at",
             "state")  # fmt: skip
    columns = [
        Column("pk", _("Batch"), link=lambda row: reverse("usage.batch", args=[row["pk"]])),
        Number("records", _("Records")), Number("rejected", _("Refused")),
        Column("of", _("Usage of")), Chip("state", _("State"), labels={"committed": _("counts")},
                                          tones={"committed": "good"}),
        When("committed_at", _("When")),
    ]  # fmt: skip
    rows = [{**row, "of": _span(row["first_start"], row["last_start"])}
            for row in made.values(*names)[:10]]  # fmt: skip
    context = {"form": form, "earlier": Rows(columns, rows, caption=_("The last re-ratings"))}
    return render(request, "usage/rerate.html", context)


def _asked_for(request: HttpRequest) -> dict[str, str]:
    """What other pages put into the form."""
    return {name: request.GET[name] for name in SelectionForm.base_fields if name in request.GET}


def _span(first: datetime, last: datetime) -> str:
    return written.period(first.date(), last.date() + timedelta(days=1))


def _answer(request: HttpRequest, wanted: Selection) -> HttpResponse:
    back = reverse("usage.rerate")
    if confirmed(request):
        outcome = rework(wanted)
        if not outcome.batches:
            return done(request, _("Nothing changes: all of it is rated so already."), back)
        words = _("%(count)s records are rated anew; this is their batch.")
        told = words % {"count": written.number(outcome.changed)}
        return done(request, told, "usage.batch", outcome.batches[0].pk)
    with rehearsal():
        outcome = rework(wanted)
        found = difference([one.pk for one in outcome.batches])
    if not outcome.changed:
        told = _("Nothing changes: all %(count)s records are rated so already.")
        return done(request, told % {"count": written.number(outcome.records)}, back)
    return confirm(
        request, _("Rate usage anew"), effects=_effects(outcome, found), back=back,
        largest=_largest(found.accounts),
        verb=_("Rate %(count)s records anew") % {"count": written.number(outcome.changed)},
        note=_("What was invoiced of it is corrected by the next bill of each account. Where"
               " records draw on allowances, whatever their subscriptions used from then on is"
               " rated anew with them. To undo it, correct the catalogue or the contract and rate"
               " it anew."),
    )  # fmt: skip


def _effects(outcome: Reworked, found: Difference) -> list[tuple[str, Any]]:
    return [
        (_("Records looked at"), written.number(outcome.records)),
        (_("Of them change"), written.number(outcome.changed)),
        (_("Cannot be rated any more, and become rejects"), written.number(outcome.refused)),
        (_("Accounts"), written.number(found.accounts_count)),
        *((one.name, _price_words(one)) for one in found.prices),
    ]


def _price_words(one: Moved) -> str:
    return format_html(
        _("quantity {q1}, then {q2}; rated at {a1}, then {a2}"),
        q1=written.number(one.quantity_before.normalize()),
        q2=written.number(one.quantity_after.normalize()),
        a1=written.money(one.before, one.currency), a2=written.money(one.after, one.currency),
    )  # fmt: skip


def _largest(accounts: tuple[Moved, ...]) -> Rows | None:
    if not accounts:
        return None
    columns = [
        Column("name", _("Account")), Money("before", _("Before")), Money("after", _("After")),
        Money("by", _("Difference")),
    ]  # fmt: skip
    names = ("name", "currency", "before", "after", "by")
    rows = [{name: getattr(one, name) for name in names} for one in accounts]
    return Rows(columns, rows, caption=_("The largest changes"))
