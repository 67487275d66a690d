"""A change of a contract on a page: its effect on the next invoice, then it is done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from meterline.billing.trial import attempt
from meterline.console import next_invoice, story
from meterline.console.contract_forms import ContractAct
from meterline.subscriptions.store import Held
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.page import done


def decide(
    request: HttpRequest, asked: ContractAct, held: Held, data: dict[str, Any], back: str
) -> HttpResponse:
    """Show what an act does to the next invoice; do it once that is confirmed. Raises what the act
    raises."""
    if confirmed(request):
        asked.run(held, data)
        return done(request, _("Done. %(how)s") % {"how": asked.reverse}, back)
    trial = attempt(held.subscription.account_id, lambda: asked.run(held, data))
    effects: list[tuple[Any, Any]] = [(_("Subscription"), held.code)]
    if isinstance(trial.result, datetime):
        day = trial.result.astimezone(held.zone)
        effects.append((_("Takes effect"), f"{written.day(day.date())}, {day:%H:%M}"))
    rows = next_invoice.line_rows(trial.after, held.subscription.account)
    return confirm(
        request, asked.title, verb=asked.verb, effects=[*effects, *next_invoice.effects(trial)],
        largest=rows if rows.rows else None, danger=asked.danger, back=back,
        note=f"{next_invoice.note()} {asked.reverse}",
    )  # fmt: skip


def waiting(held: Held, change: Any) -> dict[str, Any]:
    """A change that is still to come, for a page."""
    return {
        "number": change.number, "title": story.KINDS[change.kind],
        "day": change.effective_at.astimezone(held.zone).date(),
    }  # fmt: skip
