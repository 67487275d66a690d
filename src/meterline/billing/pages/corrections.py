"""Taking a record out, with what the next bill makes of it."""

from __future__ import annotations

from typing import Any

import polars as pl
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from meterline.billing.trial import attempt
from meterline.usage import search
from meterline.usage import services as usage
from meterline.usage.models import Batch
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
        return confirm(
            request, _("Take out a record"), danger=True, verb=_("Take out this record"),
            effects=[(_("Record"), stored["id"]), *_effect(stored["id"], rated)],
            back=reverse("usage.record", args=[batch, line]),
            note=_("It no longer counts, and is not counted when it comes again. What was billed of"
                   " it is corrected by the next bill, as shown."),
        )  # fmt: skip
    made = usage.reverse(stored["id"])
    return done(request, _("The record is taken out; this batch says so."), "usage.batch", made.pk)


def _effect(record_id: str, rated: pl.DataFrame) -> list[tuple[str, Any]]:
    """The next bill of its account without and with the correction."""
    if rated.is_empty():
        return [(_("Next bill"), _("does not change"))]
    tried = attempt(rated["account_id"][0], lambda: usage.reverse(record_id))
    old, new = tried.totals
    return [
        (_("Next bill, as it is now"), written.money(old, tried.currency)),
        (_("Next bill, without it"), written.money(new, tried.currency)),
        (_("It changes by"), written.money(new - old, tried.currency)),
    ]
