"""Planning a run: what is wanted, its dry run, approval, issue."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.billing import planning
from meterline.billing.jobs import check_plan, issue_plan
from meterline.billing.models import Plan
from meterline.billing.pages.until import told
from meterline.billing.pages.words import PLAN_STATES, PLAN_TONES, WHY
from meterline.kernel.errors import MeterlineError
from meterline.platform import audit
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.figures import Work, work
from meterline.web.forms import DayField
from meterline.web.live import Progress, follow
from meterline.web.page import act, done, fragment, page
from meterline.web.rows import Chip, Column, Money, Rows

LOOKED_AT = 20  # plans at work at a time


class PlanForm(forms.Form):
    """Until when, whom."""

    until = DayField(
        label=later("Bill what is due on"),
        help_text=later("What is due at the start of this day, in each account's time zone."),
    )
    accounts = forms.CharField(
        label=later("Only these accounts"), required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=later("Codes, separated by spaces or commas. Empty: all accounts."),
    )  # fmt: skip
    progressive = forms.BooleanField(
        label=later("Bill usage to date, in the middle of its period"), required=False
    )

    def codes(self) -> list[str] | None:
        """The codes of the accounts; None: all."""
        named: str = self.cleaned_data["accounts"]
        return list(dict.fromkeys(named.replace(",", " ").split())) or None


@page(
    "billing/plans/new", title=later("Plan a bill run"), permission="billing.run",
    write="billing.run",
)  # fmt: skip
def plan_new(request: HttpRequest) -> HttpResponse:
    """Say what is to be billed; the dry run begins at once, and nothing is issued."""
    form = PlanForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                made = planning.plan(
                    form.cleaned_data["until"], account_codes=form.codes(),
                    progressive=form.cleaned_data["progressive"],
                )  # fmt: skip
                check_plan.defer(plan=made.pk)
        except MeterlineError as error:
            form.add_error("accounts", sentence(error))
        else:
            return done(request, _("The dry run has begun."), "billing.plan", made.pk)
    return render(request, "billing/plan_new.html", {"form": form})


@page("billing/plans/<int:plan>", title=later("Planned bill run"), permission="billing.view")
def plan(request: HttpRequest, plan: int) -> HttpResponse:
    """A plan: what it would bill and what is unusual, and where it stands."""
    one = get_object_or_404(Plan.objects.select_related("run"), pk=plan)
    context = _progress(one) | {
        "approval": planning.approval(one), "state": PLAN_STATES[one.state],
        "tone": PLAN_TONES.get(one.state, "neutral"), "facts": _facts(one),
        "lost": planning.lost(one), "until": told(one.until),
        "again": one.state == "failed" and one.run_id is None,
    }  # fmt: skip
    if one.figures is not None:
        context |= _changed(one) | {
            "effects": _effects(one), "outdated": one.state == "checked" and planning.outdated(one),
            "largest": Rows(
                [Column("account_code", _("Account")), Money("total", _("Total"))],
                _amounts(one.figures["largest"]), caption=_("The largest"),
            ),
            "outliers": Rows(
                [Column("account_code", _("Account")), Money("usual", _("Usual")),
                 Money("total", _("Now")), Chip("why", _("Why"), labels=WHY,
                                                tones=dict.fromkeys(WHY, "warning"))],
                _amounts(one.figures["outliers"]), caption=_("Outliers"),
            ),
            "found": one.figures["outliers_found"],
        }  # fmt: skip
    return render(request, "billing/plan.html", context)


@fragment("billing/plans/<int:plan>/progress", permission="billing.view")
def plan_progress(request: HttpRequest, plan: int) -> HttpResponseBase:
    """How far the dry run or the run is."""
    get_object_or_404(Plan, pk=plan)
    return follow(request, lambda: _far(Plan.objects.get(pk=plan)))


def _far(one: Plan) -> Progress:
    shown = _progress(one)
    return Progress(done=shown["done"], total=shown["total"], label=shown["label"],
                    over=not shown["working"])  # fmt: skip


@act("billing/plans/<int:plan>/ask", permission="billing.run")
def plan_ask(request: HttpRequest, plan: int) -> HttpResponse:
    """Ask a second person to approve."""
    get_object_or_404(Plan, pk=plan)
    planning.ask(plan)
    return done(request, _("Somebody else can approve it now."), "billing.plan", plan)


@act("billing/plans/<int:plan>/issue", permission="billing.run")
def plan_issue(request: HttpRequest, plan: int) -> HttpResponse:
    """Issue what was approved."""
    one = get_object_or_404(Plan, pk=plan, figures__isnull=False)
    if not confirmed(request):
        count = written.number(one.figures["invoices"])
        return confirm(
            request, _("Issue the invoices"), danger=True, effects=_effects(one),
            verb=_("Issue %(count)s invoices") % {"count": count},
            back=reverse("billing.plan", args=[plan]),
            note=_("Issued invoices are numbered and booked, and cannot be changed any more."
                   " What is wrong is put right by credit notes, or by the next bill."),
        )  # fmt: skip
    with transaction.atomic():
        planning.release(plan)
        issue_plan.defer(plan=plan, actor=audit.actor())
    return done(request, _("The invoices are being issued."), "billing.plan", plan)


@act("billing/plans/<int:plan>/again", permission="billing.run")
def plan_again(request: HttpRequest, plan: int) -> HttpResponse:
    """Do the dry run anew, with what has come since."""
    get_object_or_404(Plan, pk=plan)
    with transaction.atomic():
        planning.check_again(plan)
        check_plan.defer(plan=plan)
    return done(request, _("The dry run has begun."), "billing.plan", plan)


@act("billing/plans/<int:plan>/go-on", permission="billing.run")
def plan_go_on(request: HttpRequest, plan: int) -> HttpResponse:
    """Go on with what a lost worker left."""
    one = get_object_or_404(Plan, pk=plan)
    if planning.lost(one):
        if one.state == "checking":
            check_plan.defer(plan=plan)
        else:
            issue_plan.defer(plan=plan, actor=audit.actor())
    return done(request, _("It goes on."), "billing.plan", plan)


@act("billing/plans/<int:plan>/drop", permission="billing.run")
def plan_drop(request: HttpRequest, plan: int) -> HttpResponse:
    """Give the plan up."""
    get_object_or_404(Plan, pk=plan)
    planning.drop(plan)
    return done(request, _("The plan is given up; nothing was issued."), "billing.runs")


@work("plans", permission="billing.view")
def lost_plans() -> list[Work]:
    """Planned runs whose worker was lost before anything was issued."""
    waiting = Plan.objects.filter(state__in=("checking", "issuing"), run=None)
    count = sum(planning.lost(one) for one in waiting[:LOOKED_AT])
    title = _("Planned bill runs that stand still")
    return [Work(title=title, url=reverse("billing.runs"), count=count, tone="bad")]


def _changed(one: Plan) -> dict[str, Any]:
    """What is another since the dry run before."""
    figures = one.figures or {}
    if "changed" not in figures:
        return {}
    before, changed = figures["before"], figures["changed"]
    totals = sorted({*before["totals"], *figures["totals"]})
    pairs = [
        (_("Invoices"), written.number(before["invoices"]), written.number(figures["invoices"])),
        *((_("Total in %(currency)s") % {"currency": name},
           written.amount(Decimal(before["totals"].get(name, 0)), name),
           written.amount(Decimal(figures["totals"].get(name, 0)), name)) for name in totals),
    ]  # fmt: skip
    columns = [Column("account_code", _("Account")), Money("before", _("Before")),
               Money("now", _("Now"))]  # fmt: skip
    rows = [
        row
        | {name: None if row[name] is None else Decimal(row[name]) for name in ("before", "now")}
        for row in changed["rows"]
    ]
    return {
        "changed": [pair for pair in pairs if pair[1] != pair[2]],
        "changed_count": written.number(changed["accounts"]),
        "changed_rows": Rows(columns, rows, caption=_("The most changed")),
    }  # fmt: skip


def _progress(one: Plan) -> dict[str, Any]:
    working = one.state in ("checking", "issuing")
    shown = min(one.done, max(one.accounts - 1, 0)) if working else one.accounts
    labels = {"checking": _("Dry run, accounts"), "issuing": _("Issuing, accounts")}
    return {
        "plan": one, "working": working, "done": shown, "total": max(one.accounts, 1),
        "url": reverse("billing.plan_progress", args=[one.pk]) if working else "",
        "label": labels.get(one.state, _("Accounts")),
    }  # fmt: skip


def _effects(one: Plan) -> list[tuple[str, Any]]:
    assert one.figures is not None
    totals = one.figures["totals"].items()
    return [
        (_("Until"), told(one.until)),
        (_("Accounts"), written.number(one.accounts)),
        (_("Invoices"), written.number(one.figures["invoices"])),
        *((_("Total"), written.money(Decimal(total), name)) for name, total in totals),
        (_("Outliers"), written.number(one.figures["outliers_found"])),
    ]


def _amounts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("total", "usual")
    return [
        {**row, **{name: Decimal(row[name]) for name in names if row.get(name) is not None}}
        for row in rows
    ]


def _facts(one: Plan) -> list[tuple[str, Any]]:
    return [
        (_("Until"), told(one.until)), (_("Accounts"), written.number(one.accounts)),
        (_("Chosen"), _("all") if one.selection is None else ", ".join(one.selection)),
        (_("Asked by"), written.who(one.asked_by)), (_("When"), written.moment(one.asked_at)),
    ]  # fmt: skip
