"""Bills on their way to customers: by e-mail and on paper, one by one and many at once."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.invoices import printing, sending
from meterline.invoices.jobs import print_asked, send_asked
from meterline.invoices.models import Invoice, PrintRun, Sending
from meterline.invoices.pages.list import INVOICES
from meterline.invoices.words import CHANNELS, PROBLEMS, SENDING_TONES, SENDINGS
from meterline.platform import audit
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.figures import Work, work
from meterline.web.filters import Choice, Filter
from meterline.web.page import act, done, fragment, link, page
from meterline.web.rows import Chip, Column, Number, Row, Rows, When, Word
from meterline.web.table import COUNTED, Bulk, Table

SHOWN = 10
LOOK = ("failed", "unknown")
"""What somebody has to look at."""


def _link(row: Row) -> str:
    return reverse("invoices.invoice", args=[row["invoice_id"]])


COLUMNS = [
    Word("channel", later("How"), labels=CHANNELS),
    Chip("state", later("State"), labels=SENDINGS, tones=SENDING_TONES),
    Column("address", later("To")),
    Word("problem", later("What is wrong"), labels=PROBLEMS),
    Number("attempts", later("Attempts"), hidden=True),
    When("asked_at", later("Asked")), When("done_at", later("Done")),
    Column("answer", later("What the mail server said"), hidden=True),
]  # fmt: skip
SENDINGS_LIST = Table(
    "sendings",
    columns=[
        Column("invoice__number", later("Document"), link=_link),
        Column("invoice__account__code", later("Account")),
        *COLUMNS,
    ],
    filters=[
        Choice("state", later("State"), choices=tuple(SENDINGS.items())),
        Choice("channel", later("How"), choices=tuple(CHANNELS.items())),
        Choice("problem", later("What is wrong"), choices=tuple(PROBLEMS.items())),
        Filter("account", later("Account"), field="invoice__account__code"),
    ],
    bulk=[Bulk(act="invoices.send_again", label=later("Send again"), permission="invoices.send")],
    needs=("invoice_id",),
    order="-pk",
)


@page("billing/sending", title=later("Sending of bills"), permission="invoices.view",
      menu="billing", order=25)  # fmt: skip
def sendings(request: HttpRequest) -> HttpResponse:
    """What was sent, what waits, what somebody has to look at; the files for the print shop."""
    paper = Sending.objects.filter(channel="post", state="waiting")[:COUNTED].count()
    context = {"paper": paper, "runs": _print_runs()}
    rows = Sending.objects.all()
    return SENDINGS_LIST.respond(request, rows, "invoices/sendings.html", **context)


def _print_runs() -> Rows:
    columns = [
        Column("pk", _("File"), link=lambda row: reverse("invoices.print_file", args=[row["pk"]])
               if row["finished_at"] else ""),
        Number("documents", _("Bills")), Column("asked_by", _("By")), When("asked_at", _("When")),
        Chip("state", _("State"), labels={"made": _("ready"), "asked": _("being written")},
             tones={"made": "good", "asked": "busy"}),
    ]  # fmt: skip
    found = PrintRun.objects.order_by("-pk")[:SHOWN].values(
        "pk", "documents", "asked_by", "asked_at", "finished_at"
    )
    rows = [{**row, "state": "made" if row["finished_at"] else "asked"} for row in found]
    return Rows(columns, rows, caption=_("Files for the print shop"))


@act("billing/invoices/send", permission="invoices.send")
def send(request: HttpRequest) -> HttpResponse:
    """Send the chosen documents by e-mail (again)."""
    chosen = INVOICES.chosen(request, Invoice.objects.all())
    return _asked(request, chosen, "email", reverse("invoices.invoices"))


@act("billing/invoices/send-paper", permission="invoices.send")
def send_paper(request: HttpRequest) -> HttpResponse:
    """Put the chosen documents into the next file for the print shop."""
    chosen = INVOICES.chosen(request, Invoice.objects.all())
    return _asked(request, chosen, "post", reverse("invoices.invoices"))


@act("billing/sending/again", permission="invoices.send")
def send_again(request: HttpRequest) -> HttpResponse:
    """Send what was not sent, or may not have been, by e-mail again."""
    chosen = SENDINGS_LIST.chosen(request, Sending.objects.all()).order_by()
    documents = Invoice.objects.filter(pk__in=chosen.values("invoice_id"))
    return _asked(request, documents, "email", reverse("invoices.sendings"))


def _asked(request: HttpRequest, chosen: Any, channel: str, back: str) -> HttpResponse:
    plan = sending.plan(chosen, channel)
    if not plan.documents:
        return done(request, _("All of them are on their way already."), back)
    if not confirmed(request):
        count = written.number(plan.documents)
        by_email = channel == "email"
        verb = _("Send %(count)s documents") if by_email else _("Print %(count)s documents")
        missing = [(_("Without an e-mail address: not sent"), written.number(plan.without_address))]
        return confirm(
            request, _("Send by e-mail") if by_email else _("Send on paper"), back=back,
            verb=verb % {"count": count},
            effects=[
                (_("Documents"), count),
                (_("Sent before"), written.number(plan.sent_before)),
                (_("On their way: left as they are"), written.number(plan.under_way)),
                *(missing if by_email else []),
                *((_("Total"), written.money(total, currency)) for currency, total in plan.totals),
            ],
            note=_("Each goes to the address that its customer has now, in the customer's"
                   " language, with the PDF.")
            if by_email else _("They stand in the next file for the print shop."),
        )  # fmt: skip
    count = written.number(sending.ask(chosen, channel))
    if channel == "email":
        send_asked.defer(actor=audit.actor())
    words = _("%(count)s documents are on their way.") % {"count": count}
    return done(request, words, "invoices.sendings")


@act("billing/sending/print", permission="invoices.send")
def print_bills(request: HttpRequest) -> HttpResponse:
    """Put what waits for paper into a file for the print shop."""
    waiting = Sending.objects.filter(channel="post", state="waiting").count()
    if not waiting:
        return done(request, _("Nothing waits for paper."), "invoices.sendings")
    if not confirmed(request):
        return confirm(
            request, _("File for the print shop"), back=reverse("invoices.sendings"),
            verb=_("Put %(count)s bills into a file") % {"count": written.number(waiting)},
            effects=[(_("Bills"), written.number(waiting))],
            note=_("A ZIP of PDFs, with an index of whose each is. They count as sent once it is"
                   " written; to print one again, send it on paper again."),
        )  # fmt: skip
    if printing.plan() is not None:
        print_asked.defer(actor=audit.actor())
    return done(request, _("The file is being written; it stands here."), "invoices.sendings")


@fragment("billing/sending/print/<int:run>", permission="invoices.send")
def print_file(request: HttpRequest, run: int) -> FileResponse:
    """The ZIP of a print run."""
    get_object_or_404(PrintRun, pk=run, finished_at__isnull=False)
    path = printing.file_of(run)
    if not path.exists():
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)


def sendings_of(**wanted: Any) -> list[dict[str, Any]]:
    """The last sendings of a document or an account, for `invoices/sent.html`."""
    rows = Sending.objects.filter(**wanted).select_related("invoice").order_by("-pk")[:SHOWN]
    return [
        {
            "number": one.invoice.number, "url": reverse("invoices.invoice", args=[one.invoice_id]),
            "channel": CHANNELS[one.channel], "state": SENDINGS[one.state],
            "tone": SENDING_TONES[one.state], "address": one.address, "answer": one.answer,
            "problem": PROBLEMS.get(one.problem, ""), "at": one.done_at or one.asked_at,
            "next_at": one.due_at if one.state == "waiting" and one.attempts else None,
        }
        for one in rows
    ]  # fmt: skip


@work("unsent_bills", permission="invoices.view")
def unsent_bills() -> list[Work]:
    """Bills that did not reach their customers, or may not have; those that wait for paper."""
    counts = dict(
        Sending.objects.filter(state__in=LOOK).values_list("state")
        .annotate(count=Count("pk")).order_by()
    )  # fmt: skip
    paper = Sending.objects.filter(channel="post", state="waiting")[:COUNTED].count()
    return [
        Work(title=_("Bills that could not be sent"), count=counts.get("failed", 0),
             url=link("invoices.sendings", "state=failed"), note=_("what is wrong stands there")),
        Work(title=_("Bills that may not have been sent"), count=counts.get("unknown", 0),
             url=link("invoices.sendings", "state=unknown"), note=_("to be asked about")),
        Work(title=_("Bills that wait for paper"), count=paper,
             url=link("invoices.sendings", "channel=post&state=waiting"),
             note=_("to be put into a file for the print shop")),
    ]  # fmt: skip
