"""Bill runs: the list, one run with its progress and report, going on with an interrupted one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.billing import services
from meterline.billing.jobs import resume_run
from meterline.billing.models import BillRun, Plan
from meterline.billing.pages.until import Until, told
from meterline.billing.pages.words import PLAN_STATES, PLAN_TONES
from meterline.platform import audit
from meterline.web import format as written
from meterline.web.live import Progress, follow
from meterline.web.page import act, done, fragment, link, page
from meterline.web.rows import Chip, Column, Money, Number, Row, Rows, When, Who
from meterline.web.table import Table

RUN_STATES = {"finished": _("finished"), "unfinished": _("unfinished")}


def _link(row: Row) -> str:
    url: str = reverse("billing.run", args=[row["pk"]])
    return url


def _state(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["state"] = "finished" if row["finished_at"] else "unfinished"
        row["number"] = row["pk"]


RUNS = Table(
    "runs",
    columns=[
        Column("number", _("Run"), link=_link),
        Until("until", _("Until")),
        When("started_at", _("Started")),
        Number("accounts", _("Accounts")),
        Number("invoices", _("Invoices")),
        Chip("state", _("State"), labels=RUN_STATES,
             tones={"finished": "good", "unfinished": "warning"}),
        When("finished_at", _("Finished"), hidden=True),
    ],
    needs=("finished_at",),
    order="-pk",
    enrich=_state,
    enriched=frozenset({"state", "number"}),
)  # fmt: skip
PLANS = [
    Until("until", _("Until"), link=lambda row: reverse("billing.plan", args=[row["pk"]])),
    Who("asked_by", _("Asked by")), When("asked_at", _("When")),
    Number("accounts", _("Accounts")),
    Chip("state", _("State"), labels=PLAN_STATES, tones=PLAN_TONES),
]  # fmt: skip


@page("billing/runs", title=_("Bill runs"), permission="billing.view", menu="billing", order=10)
def runs(request: HttpRequest) -> HttpResponse:
    """All runs, the newest first, and above them the plans that are not issued yet."""
    open_plans = Plan.objects.exclude(state__in=("issued", "dropped")).order_by("-id")
    names = ("pk", "until", "asked_by", "asked_at", "accounts", "state")
    plans = Rows(PLANS, list(open_plans.values(*names)[:20]), caption=_("Plans"))
    return RUNS.respond(request, BillRun.objects.all(), "billing/runs.html", plans=plans)


@page("billing/runs/<int:run>", title=_("Bill run"), permission="billing.view")
def run(request: HttpRequest, run: int) -> HttpResponse:
    """A run: how far it is, or what it came to."""
    one = get_object_or_404(BillRun, pk=run)
    report = one.report or {"totals": {}, "largest": []}
    largest = [{**row, "total": Decimal(row["total"])} for row in report["largest"]]
    columns = [Column("account_code", _("Account")), Column("number", _("Invoice")),
               Money("total", _("Total"))]  # fmt: skip
    totals = [(name, written.money(Decimal(total), name)) for name, total in
              report["totals"].items()]  # fmt: skip
    context = _progress(one) | {
        "facts": _facts(one),
        "totals": totals,
        "largest": Rows(columns, largest, caption=_("The largest")),
        "invoices": link("invoices.invoices", f"run={one.pk}"),
        "interrupted": one.finished_at is None and not services.at_work(),
    }
    return render(request, "billing/run.html", context)


@fragment("billing/runs/<int:run>/progress", permission="billing.view")
def run_progress(request: HttpRequest, run: int) -> HttpResponseBase:
    """How far a run is."""
    get_object_or_404(BillRun, pk=run)
    return follow(request, lambda: _far(BillRun.objects.get(pk=run)))


def _far(one: BillRun) -> Progress:
    shown = _progress(one)
    return Progress(done=shown["done"], total=shown["total"], label=shown["label"],
                    over=one.finished_at is not None)  # fmt: skip


@act("billing/runs/<int:run>/resume", permission="billing.run")
def run_resume(request: HttpRequest, run: int) -> HttpResponse:
    """Go on with a run that was interrupted."""
    get_object_or_404(BillRun, pk=run, finished_at=None)
    resume_run.defer(actor=audit.actor())
    return done(request, _("The run goes on where it stopped."), "billing.run", run)


def _progress(one: BillRun) -> dict[str, Any]:
    billed = min(one.chunks_done * one.chunk_size, one.accounts)
    return {
        "run": one, "done": one.accounts if one.finished_at else billed, "total": one.accounts,
        "url": reverse("billing.run_progress", args=[one.pk]),
        "label": _("Accounts billed"),
    }  # fmt: skip


def _facts(one: BillRun) -> list[tuple[Any, Any]]:
    chosen = _("all") if one.selection is None else ", ".join(one.selection)
    return [
        (_("Until"), told(one.until)), (_("Accounts"), written.number(one.accounts)),
        (_("Chosen"), chosen), (_("Invoices"), written.number(one.invoices)),
        (_("Usage in mid-period"), _("yes") if one.progressive else _("no")),
        (_("Started"), written.moment(one.started_at)),
        (_("Finished"), written.moment(one.finished_at) if one.finished_at else None),
    ]  # fmt: skip
