"""Home: what waits, the key figures, the first steps; and what a second person has to approve."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _

from meterline.access import approvals as four_eyes
from meterline.access.gate import allowed, refuse
from meterline.access.models import Approval
from meterline.console.pages.sources import STEPS
from meterline.console.tour import TOUR
from meterline.platform import audit
from meterline.web import charts, learning
from meterline.web.figures import queue, shown
from meterline.web.filters import Choice
from meterline.web.page import act, done, link, page
from meterline.web.rows import Chip, Column, When, Who
from meterline.web.table import Table

STATES = {
    "awaiting": _("awaiting"), "approved": _("approved"), "refused": _("refused"),
    "done": _("done"),
}  # fmt: skip


@page("", title=_("Home"), permission="home.view", menu="home", order=1)
def home(request: HttpRequest) -> HttpResponse:
    """The first page."""
    stats, computed_at = shown(request)
    groups = list(dict.fromkeys(stat.group for stat in stats if stat.group))
    asked = request.GET.get("currency")
    group = asked if asked in groups else (groups[0] if groups else "")
    chosen = [stat for stat in stats if stat.group in ("", group)]
    context = {
        "work": queue(request),
        "stats": chosen,
        "computed_at": computed_at,
        "groups": groups,
        "group": group,
        "charts": [_drawn(stat) for stat in chosen if stat.labels][:2],
        **_learning(request),
    }
    return render(request, "console/home.html", context)


APPROVALS = Table(
    "approvals",
    columns=[
        Column("summary", _("What"), link=lambda row: link_to(row["pk"])),
        Who("asked_by", _("Asked by")),
        When("asked_at", _("Asked"), sort=True),
        Chip("state", _("State"), labels=STATES,
             tones={"awaiting": "warning", "approved": "busy", "done": "good"}),
        Who("decided_by", _("Decided by")),
    ],
    filters=[Choice("state", _("State"), choices=tuple(STATES.items()))],
    order="-asked_at",
    empty=_("What one person asks for and another has to approve appears here: bill runs, credit,"
            " credit notes above a limit."),
)  # fmt: skip


@page("approvals", title=_("Approvals"), permission="home.view", menu="home", order=2)
def approvals(request: HttpRequest) -> HttpResponse:
    """Acts that wait for a second person, and those decided."""
    return APPROVALS.respond(request, Approval.objects.all(), "console/approvals.html")


@page("approvals/<int:approval>", title=_("Approval"), permission="home.view")
def approval(request: HttpRequest, approval: int) -> HttpResponse:
    """One act: what exactly is to be done, who asked, and the decision."""
    one = get_object_or_404(Approval, pk=approval)
    context = {
        "approval": one,
        "state": STATES[one.state],
        "may_decide": one.state == "awaiting" and allowed(request, one.permission),
        "own": one.asked_by == audit.actor(),
    }
    return render(request, "console/approval.html", context)


@act("approvals/<int:approval>/decide", permission="home.view")
def decide(request: HttpRequest, approval: int) -> HttpResponse:
    """Approve, or refuse: whoever has the permission that the act asks for."""
    one = get_object_or_404(Approval, pk=approval)
    if not allowed(request, one.permission):
        return refuse(request, one.permission)
    approved = request.POST.get("decision") == "approve"
    four_eyes.decide(one.pk, approved=approved, note=request.POST.get("note", ""))
    return done(request, _("Approved.") if approved else _("Refused."), "console.approvals")


def link_to(approval: int) -> str:
    """Where an approval is decided."""
    return f"{link('console.approvals')}{approval}/"


def _drawn(stat: Any) -> charts.Chart:
    rows = [(label, Decimal(value)) for label, value in zip(stat.labels, stat.course, strict=True)]
    title = stat.title if not stat.group else str(_("Invoiced by month"))
    if stat.group:
        return charts.bars(title, rows, unit=stat.group, description=stat.group)
    return charts.area(str(_("Customers joined by month")), rows)


def _learning(request: HttpRequest) -> dict[str, Any]:
    """The first steps and the tour, as far as whoever is signed in still wants them."""
    steps = _steps() if learning.offered(request, "checklist") else []
    ticked = sum(step["done"] for step in steps)
    done = {"steps": steps, "steps_done": f"{ticked} / {len(steps)}"}
    return done | learning.tour(request, TOUR)


def _steps() -> list[dict[str, Any]]:
    """The first steps, each ticked by what is in the database; none once all are done."""
    steps = []
    for where, title, name in STEPS:
        module, _dot, model = where.rpartition(".")
        found = getattr(import_module(f"meterline.{module}"), model).objects.exists()
        steps.append({"title": title, "url": link(name), "done": found})
    return [] if all(step["done"] for step in steps) else steps
