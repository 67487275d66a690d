"""Receipts: what came over HTTP and streams, and what became of each event."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.usage.backlog import waiting
from meterline.usage.models import Receipt
from meterline.usage.receipts import rejects_of, runs
from meterline.usage.reject_words import detail, reason
from meterline.usage.sequence import shown
from meterline.web import format as written
from meterline.web.filters import Choice, Days, Filter
from meterline.web.page import page
from meterline.web.rows import Chip, Column, Number, Row, Rows, When
from meterline.web.table import Table

STATES = {"waiting": later("waiting"), "done": later("loaded")}
TONES = {"waiting": "busy", "done": "good"}
_REJECTS_MOST = 200


def _link(row: Row) -> str:
    return reverse("usage.receipt", args=[row["code"]])


def _batch(row: Row) -> str:
    return reverse("usage.batch", args=[row["batch_id"]]) if row["batch_id"] else ""


RECEIPTS = Table(
    "receipts",
    columns=[
        Column("code", later("Receipt"), link=_link),
        When("received_at", later("Received"), sort=True),
        Column("source", later("Source")),
        Number("events", later("Events")),
        Number("rejected", later("Rejected")),
        Number("duplicates", later("Duplicates")),
        Chip("state", later("State"), labels=STATES, tones=TONES),
        Column("batch_id", later("Batch"), link=_batch),
    ],
    filters=[
        Choice("state", later("State"), choices=tuple(STATES.items())),
        Filter("source", later("Source")),
        Filter("received_by", later("Sent by")),
        Days("received_at", later("Received")),
    ],
    order="-received_at",
    empty=later("What programs send over HTTP or a stream is kept here before it is loaded."),
)


@page("usage/receipts", title=later("Receipts"), permission="usage.view", menu="usage", order=15)
def receipts(request: HttpRequest) -> HttpResponse:
    """All deliveries over HTTP and streams, the newest first, and how much waits."""
    rows = Receipt.objects.defer("body")
    return RECEIPTS.respond(request, rows, "usage/receipts.html", waiting=waiting())


@page("usage/receipts/<str:receipt>", title=later("Receipt"), permission="usage.view")
def receipt(request: HttpRequest, receipt: str) -> HttpResponse:
    """A delivery: its counts, which add up, and what was refused and why."""
    one = get_object_or_404(Receipt.objects.defer("body"), code=receipt)
    columns = [
        Number("line", _("Event")),
        Column("reason", _("Reason"), link=lambda row: reverse("usage.reject", args=[row["pk"]])),
        Column("detail", _("Detail")),
    ]  # fmt: skip
    refused = [
        {**row, "reason": reason(row["reason"]), "detail": detail(row["detail"], row["reason"])}
        for row in rejects_of(one).values("pk", "line", "reason", "detail")[:_REJECTS_MOST]
    ]
    context = {
        "receipt": one, "state": STATES[one.state], "tone": TONES[one.state],
        "rejects": Rows(columns, refused, caption=_("Refused events")),
        "facts": _facts(one),
        "more": max(one.rejected - _REJECTS_MOST, 0),
    }  # fmt: skip
    return render(request, "usage/receipt.html", context)


def _facts(one: Receipt) -> list[tuple[str, Any]]:
    again = shown(runs(one.repeated))
    return [
        (_("Source"), one.source), (_("Format"), one.format), (_("Sent by"), one.received_by),
        (_("Size"), _("%(bytes)s bytes") % {"bytes": written.number(one.size)}),
        (_("Received"), written.moment(one.received_at)),
        (_("Loaded"), one.done_at and written.moment(one.done_at)),
        (_("Events that are duplicates"), again or None),
    ]  # fmt: skip
