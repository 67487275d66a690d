"""The next invoice on pages: its lines, and what a change does to it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from meterline.billing.services import DocumentPreview
from meterline.billing.trial import Trial
from meterline.customers.models import Account
from meterline.web import format as written
from meterline.web.rows import Column, Money, Number, Rows

MOST = 40


def line_rows(
    documents: Iterable[DocumentPreview],
    account: Account,
    subscription: int | None = None,
    kind: str | None = None,
) -> Rows:
    """The lines of previewed documents as a table: of one subscription, or of one kind, where they
    are named."""
    zone = ZoneInfo(account.timezone)
    lines = [
        {**line, "what": _what(line), "currency": document.currency, "period": _period(line, zone)}
        for document in documents
        for line in document.lines
        if subscription in (None, line["subscription_id"]) and kind in (None, line["kind"])
    ]
    columns = [
        Column("what", _("Charge")), Column("period", _("Period")),
        Number("quantity", _("Quantity")), Money("amount", _("Amount, net")),
    ]  # fmt: skip
    return Rows(columns, lines[:MOST], caption=_("Lines of the next invoice"))


def effects(trial: Trial) -> list[tuple[Any, Any]]:
    """What a change does to the next invoice, in numbers."""
    before, after = trial.totals
    return [
        (_("Next invoice"), written.day(trial.day)),
        (_("Without the change"), written.money(before, trial.currency)),
        (_("With the change"), written.money(after, trial.currency)),
        (_("Difference"), written.money(after - before, trial.currency)),
    ]


def respond(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The lines as a part of a page; as a page where no script asked for the part."""
    part = request.headers.get("HX-Request") == "true"
    name = "console/next_invoice.html" if part else "console/next_invoice_page.html"
    return render(request, name, context)


def note() -> str:
    """What such figures are."""
    return __("The next invoice as it would be with the usage so far, tax included.")


def decimal(value: Fraction) -> Decimal:
    """A fraction as people read it, to four decimals where it has no end."""
    return round(Decimal(value.numerator) / Decimal(value.denominator), 4)


def _what(line: dict[str, Any]) -> str:
    return f"{line['name']} ({line['band']})" if line["band"] else str(line["name"])


def _period(line: dict[str, Any], zone: ZoneInfo) -> str:
    start, end = line["start_at"], line["end_at"]
    if start is None or end is None:
        return ""
    return written.period(start.astimezone(zone).date(), end.astimezone(zone).date())
