"""Planned runs: a dry run with its outliers, approval by a second person, the run itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from django.db import transaction

from meterline.access import approvals
from meterline.access.models import Approval
from meterline.billing import dry_run, services
from meterline.billing.errors import PlanMoved
from meterline.billing.models import BillRun, Plan
from meterline.billing.outliers import MONTHS
from meterline.invoices.models import Invoice
from meterline.kernel.errors import MeterlineError
from meterline.platform import alive, audit, clock
from meterline.web import format as written

KIND = "bill_run"
_PART = 50_000


def plan(until: date, *, account_codes: Sequence[str] | None, progressive: bool) -> Plan:
    """Note what is wanted; its dry run is to follow. Raises UnknownAccounts."""
    made: Plan = Plan.objects.create(
        until=until.isoformat(),
        selection=None if account_codes is None else list(account_codes),
        progressive=progressive,
        asked_by=audit.actor(),
        asked_at=clock.now(),
        accounts=len(services.account_ids(account_codes)),
    )
    audit.record("bill.planned", f"bill_plan:{made.pk}", after={"until": made.until})
    return made


def check(plan_id: int) -> Plan:
    """The dry run: the very computation of the run, and which bills are unlike those before."""
    one = _in_state(plan_id, "checking")
    try:
        found, documents = _try(one)
    except MeterlineError as error:
        return _failed(one, error)
    return _checked(one, found, documents)


def check_again(plan_id: int) -> Plan:
    """Ask for the dry run anew; what was approved of the one before is withdrawn. Raises
    PlanMoved."""
    with transaction.atomic():
        one = _in_state(plan_id, "checked", "failed", lock=True)
        if one.run_id is not None:
            raise PlanMoved(plan=one.pk, state=one.state)
        _withdraw(one, "the dry run is done anew")
        one.state, one.done, one.problem = "checking", 0, ""
        one.save(update_fields=["state", "done", "problem"])
        return one


def outdated(one: Plan) -> bool:
    """Has anything that bills are made of come since the dry run?"""
    return one.figures is not None and one.figures.get("marks") != dry_run.marks()


def lost(one: Plan) -> bool:
    """Is it said to be at work, and its worker is gone, with no run begun?"""
    if one.state not in ("checking", "issuing") or one.run_id is not None:
        return False
    tasks = [f"meterline.billing.jobs.{name}" for name in ("check_plan", "issue_plan")]
    return not alive.at_work(tasks, plan=one.pk) and not services.at_work()


def _try(one: Plan) -> tuple[dict[str, Any], pl.DataFrame]:
    """The dry run of a plan: its figures, and its bills."""
    seen = dry_run.marks()
    report = services.run(
        date.fromisoformat(one.until), account_codes=one.selection, dry_run=True,
        progressive=one.progressive, progress=lambda done, _all: _advance(one, done),
    )  # fmt: skip
    history = pl.DataFrame()
    if report.documents is not None:
        history = _history(report.documents["account_id"].unique())
    return dry_run.figures(report, history, seen), dry_run.documents_of(report)


def _checked(one: Plan, found: dict[str, Any], documents: pl.DataFrame) -> Plan:
    """Keep what a dry run found, with what is another since the one before."""
    before = dry_run.kept(one.pk)
    if before is not None and one.figures is not None:
        found["changed"] = dry_run.changes(before, documents)
        found["before"] = {name: one.figures[name] for name in ("invoices", "totals")}
    dry_run.keep(one.pk, documents)
    one.figures, one.state = found, "checked"
    one.save(update_fields=["figures", "state"])
    return one


def payload(one: Plan) -> dict[str, Any]:
    """What exactly is to be approved."""
    figures = one.figures or {}
    return {
        "until": one.until,
        "accounts": "all" if one.selection is None else ", ".join(one.selection),
        "progressive": one.progressive,
        "invoices": figures.get("invoices", 0),
        "totals": ", ".join(f"{total} {name}" for name, total in figures["totals"].items()),
        "outliers": figures.get("outliers_found", 0),
        "bills": figures.get("digest", ""),
    }


def ask(plan_id: int) -> Approval:
    """Ask for the approval of a checked plan."""
    one = _in_state(plan_id, "checked")
    figures = one.figures or {}
    totals = ", ".join(
        written.amount(Decimal(total), currency) for currency, total in figures["totals"].items()
    )
    summary = f"Issue {figures['invoices']:,} invoices until {one.until}: {totals}"
    asked: Approval = approvals.ask(
        KIND, f"bill_plan:{one.pk}", summary=summary, permission="billing.approve",
        payload=payload(one),
    )  # fmt: skip
    return asked


def approval(one: Plan) -> Approval | None:
    """The newest approval that was asked for."""
    found = Approval.objects.filter(kind=KIND, subject=f"bill_plan:{one.pk}")
    newest: Approval | None = found.order_by("-id").first()
    return newest


def release(plan_id: int) -> Plan:
    """Use the approval: the run is to be issued. Raises ApprovalNeeded, PlanMoved."""
    with transaction.atomic():
        one = _in_state(plan_id, "checked", lock=True)
        approvals.use(KIND, f"bill_plan:{one.pk}", payload(one))
        one.state, one.done = "issuing", 0
        one.save(update_fields=["state", "done"])
        audit.record("bill.released", f"bill_plan:{one.pk}")
        return one


def issue(plan_id: int) -> Plan:
    """The run of a released plan. Where other bills than those approved would be issued by now, it
    is checked again instead, and has to be approved anew."""
    one = _in_state(plan_id, "issuing")
    try:
        if outdated(one):
            found, documents = _try(one)
            if found["digest"] != (one.figures or {}).get("digest"):
                audit.record("bill.changed", f"bill_plan:{one.pk}")
                return _checked(one, found, documents)
        services.run(
            date.fromisoformat(one.until), account_codes=one.selection,
            progressive=one.progressive, progress=lambda done, _all: _advance(one, done),
            started=lambda run: _belongs(one, run),
        )  # fmt: skip
    except MeterlineError as error:
        return _failed(one, error)
    one.state = "issued"
    one.save(update_fields=["state"])
    dry_run.forget(one.pk)
    return one


def settle() -> None:
    """Plans whose run broke off and has been finished since are issued."""
    finished = Plan.objects.filter(state__in=("issuing", "failed"), run__finished_at__isnull=False)
    finished.update(state="issued", problem="")


def drop(plan_id: int) -> None:
    """Give up a plan that was not released."""
    with transaction.atomic():
        one = _in_state(plan_id, "checked", "failed", lock=True)
        one.state = "dropped"
        one.save(update_fields=["state"])
        _withdraw(one, "the plan was given up")
        audit.record("bill.dropped", f"bill_plan:{one.pk}")
    dry_run.forget(one.pk)


def _withdraw(one: Plan, why: str) -> None:
    approvals.withdraw(KIND, f"bill_plan:{one.pk}", note=why)


def _in_state(plan_id: int, *states: str, lock: bool = False) -> Plan:
    rows = Plan.objects.select_for_update() if lock else Plan.objects
    one: Plan = rows.get(pk=plan_id)
    if one.state not in states:
        raise PlanMoved(plan=one.pk, state=one.state)
    return one


def _failed(one: Plan, error: MeterlineError) -> Plan:
    one.state, one.problem = "failed", error.message
    one.save(update_fields=["state", "problem"])
    return one


def _advance(one: Plan, done: int) -> None:
    Plan.objects.filter(pk=one.pk).update(done=done)


def _belongs(one: Plan, run: BillRun) -> None:
    """The run stands on its plan from its start on, so that it is found wherever it breaks off."""
    one.run = run
    one.save(update_fields=["run"])


def _history(account_ids: pl.Series) -> pl.DataFrame:
    """account_id, currency, total of the invoices of accounts in the last MONTHS."""
    since = clock.now().date() - timedelta(days=31 * MONTHS)
    ids = account_ids.sort().to_list()
    rows = [
        row
        for first in range(0, len(ids), _PART)
        for row in Invoice.objects.filter(
            account_id__in=ids[first : first + _PART], issue_date__gte=since, kind="invoice"
        ).values_list("account_id", "currency", "total")
    ]
    schema: dict[str, Any] = {
        "account_id": pl.Int64,
        "currency": pl.String,
        "total": pl.Decimal(28, 10),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
