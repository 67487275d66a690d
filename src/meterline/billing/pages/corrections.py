"""Taking a record out, with what the next bill makes of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from meterline.billing import services as billing
from meterline.usage import search
from meterline.usage import services as usage
from meterline.usage.models import Batch
from meterline.usage.trial import usage_trial
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.page import act, done


@act("usage/records/<int:batch>/<int:line>/reverse", permission="usage.correct")
def record_reverse(request: HttpRequest, batch: int, line: int) -> HttpResponse:
    """Take one record out; first the next bill with it and without it."""
    one = get_object_or_404(Batch, pk=batch)
    stored, rated = search.record(one, line)
    if stored is None:
        raise Http404
    if not confirmed(request):
        accounts = rated["account_id"].unique().to_list() if rated.height else []
        before = _due(accounts)
        with usage_trial():
            usage.reverse(stored["id"])
            after = _due(accounts)
        return confirm(
            request, _("Take out a record"), danger=True, verb=_("Take out this record"),
            effects=[(_("Record"), stored["id"]), *_difference(before, after)],
            back=reverse("usage.record", args=[batch, line]),
            note=_("It no longer counts, and is not counted when it comes again. What was billed of"
                   " it is corrected by the next bill, as shown."),
        )  # fmt: skip
    made = usage.reverse(stored["id"])
    return done(request, _("The record is taken out; this batch says so."), "usage.batch", made.pk)


def _due(account_ids: list[int]) -> dict[str, Decimal]:
    """What the next bill of accounts would come to now, by currency."""
    sums: dict[str, Decimal] = {}
    for account_id in account_ids:
        for document in billing.preview(account_id):
            sums[document.currency] = sums.get(document.currency, Decimal(0)) + document.total
    return sums


def _difference(before: dict[str, Decimal], after: dict[str, Decimal]) -> list[tuple[str, Any]]:
    told: list[tuple[str, Any]] = []
    for currency in dict.fromkeys([*before, *after]):
        old, new = before.get(currency, Decimal(0)), after.get(currency, Decimal(0))
        told += [
            (_("Next bill, as it is now"), written.money(old, currency)),
            (_("Next bill, without it"), written.money(new, currency)),
            (_("It changes by"), written.money(new - old, currency)),
        ]
    return told or [(_("Next bill"), _("does not change"))]
