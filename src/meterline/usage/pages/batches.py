"""Batches: the list with control counts, one with its totals and rejects, backing it out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.usage import reject_file, services
from meterline.usage.batch_words import (
    FORMATS,
    File,
    Format,
    FormatFilter,
    Source,
    file_words,
    format_words,
    source_words,
)
from meterline.usage.correct import CORRECTIONS
from meterline.usage.models import Batch, Upload
from meterline.usage.pages import life
from meterline.usage.pages.uploads import UPLOAD_TONES, UPLOADS
from meterline.usage.rehearsal import rehearsal
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.filters import Choice, Days, Filter
from meterline.web.page import act, done, fragment, page
from meterline.web.rows import Chip, Column, Number, Row, Rows, When, Who
from meterline.web.table import Table

STATES = {"committed": later("counts"), "backed_out": later("backed out")}


def _link(row: Row) -> str:
    return reverse("usage.batch", args=[row["pk"]])


def _named(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["number"] = row["pk"]


BATCHES = Table(
    "batches",
    columns=[
        Column("number", later("Batch"), link=_link),
        File("file_name", later("File")),
        Source("source", later("Source")),
        Format("format", later("Format")),
        Number("records", later("Records")),
        Number("rated", later("Rated")),
        Number("rejected", later("Rejected")),
        Number("duplicates", later("Duplicates")),
        Chip("state", later("State"), labels=STATES,
             tones={"committed": "good", "backed_out": "warning"}),
        When("committed_at", later("Loaded"), sort=True),
    ],
    filters=[
        Choice("state", later("State"), choices=tuple(STATES.items())),
        Filter("source", later("Source")),
        FormatFilter("read_as", later("Format"), field="format"),  # `format` is that of an export
        Days("committed_at", later("Loaded")),
    ],
    order="-committed_at",
    enrich=_named,
    enriched=frozenset({"number"}),
)  # fmt: skip


@page("usage/batches", title=later("Batches"), permission="usage.view", menu="usage", order=10)
def batches(request: HttpRequest) -> HttpResponse:
    """All batches, the newest first, and above them the files on their way."""
    waiting = Upload.objects.exclude(state="loaded").order_by("-id")
    columns = [
        Column("file_name", _("File"), link=lambda row: reverse("usage.upload", args=[row["pk"]])),
        Who("asked_by", _("Given by")), When("asked_at", _("When")),
        Chip("state", _("State"), labels=UPLOADS, tones=UPLOAD_TONES),
    ]  # fmt: skip
    names = ("pk", "file_name", "asked_by", "asked_at", "state")
    files = Rows(columns, list(waiting.values(*names)[:10]), caption=_("Files on their way"))
    return BATCHES.respond(request, Batch.objects.all(), "usage/batches.html", files=files)


@page("usage/batches/<int:batch>", title=later("Batch"), permission="usage.view")
def batch(request: HttpRequest, batch: int) -> HttpResponse:
    """A batch: its counts, which add up, and what it adds by price."""
    one = get_object_or_404(Batch, pk=batch)
    totals = [
        {**row, "quantity": Decimal(row["quantity"]), "amount": Decimal(row["amount"])}
        for row in services.control_totals(one)
    ]
    columns = [
        Column("plan", _("Plan")), Column("price", _("Price")), Number("events", _("Records")),
        Number("quantity", _("Quantity")), Number("amount", _("Rated at")),
    ]  # fmt: skip
    context = {
        "batch": one, "state": STATES.get(one.state, one.state), "told": _told(one),
        "tone": "good" if one.state == "committed" else "warning",
        "totals": Rows(columns, totals, caption=_("Totals by price")),
        "facts": _facts(one),
        "undoable": one.state == "committed" and one.format not in CORRECTIONS
        and one.records_at == "here",
        "archivable": one.state == "committed" and one.path and one.records_at == "here",
    }  # fmt: skip
    return render(request, "usage/batch.html", context)


@act("usage/batches/<int:batch>/back-out", permission="usage.correct")
def back_out(request: HttpRequest, batch: int) -> HttpResponse:
    """Take a batch out again, after its effect was seen."""
    get_object_or_404(Batch, pk=batch)
    if not confirmed(request):
        with rehearsal():
            made = services.back_out(batch)
            totals = services.control_totals(made)
        return confirm(
            request, _("Back out batch %(number)s") % {"number": batch}, danger=True,
            verb=_("Take out %(count)s charges")
            % {"count": written.number(-sum(row["events"] for row in totals))},
            effects=[
                (f"{row['plan']}, {row['price']}",
                 _("%(events)s records, quantity %(quantity)s, rated at %(amount)s") % {
                     "events": written.number(row["events"]),
                     "quantity": written.number(Decimal(row["quantity"])),
                     "amount": written.number(Decimal(row["amount"]))})
                for row in totals
            ],
            back=reverse("usage.batch", args=[batch]),
            note=_("Its records no longer count, and its open rejects are discarded. What was"
                   " billed of them is credited by the next bill. Load the file again to bring"
                   " them back."),
        )  # fmt: skip
    made = services.back_out(batch)
    return done(request, _("The batch is backed out."), "usage.batch", made.pk)


@fragment("usage/batches/<int:batch>/rejects", permission="lists.export")
def batch_rejects(request: HttpRequest, batch: int) -> HttpResponse:
    """The open rejects of a batch as a file, each with its line and reason."""
    one = get_object_or_404(Batch, pk=batch)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="rejects-{one.pk}.csv"'
    reject_file.write(answer, services.rejects(batch_id=one.pk))
    return answer


def _told(one: Batch) -> str:
    """What a batch is, in short: its file, or what made it."""
    made = format_words(one.format) if one.format in FORMATS else ""
    return ": ".join(filter(None, (made, file_words(one.file_name, one.format))))


def _facts(one: Batch) -> list[tuple[str, Any]]:
    return [
        (_("File"), file_words(one.file_name, one.format) or None),
        (_("Source"), source_words(one.source, one.format) or None),
        (_("Format"), format_words(one.format)),
        (_("Loaded"), written.moment(one.committed_at)),
        (_("First record"), one.first_start and written.moment(one.first_start)),
        (_("Last record"), one.last_start and written.moment(one.last_start)),
        (_("Takes out batch"), one.corrects_id and _batch_link(one.corrects_id)),
        *life.facts_of(one),
    ]  # fmt: skip


def _batch_link(number: int) -> str:
    return format_html('<a href="{}">{}</a>', reverse("usage.batch", args=[number]), number)
