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
from meterline.billing import services
from meterline.billing.errors import PlanMoved
from meterline.billing.models import BillRun, Plan
from meterline.billing.outliers import MONTHS, outliers
from meterline.invoices.models import Invoice
from meterline.kernel.errors import MeterlineError
from meterline.platform import audit, clock
from meterline.web import format as written

KIND = "bill_run"
SHOWN = 200  # outliers that are kept; how many there are is kept too
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
        report = services.run(
            date.fromisoformat(one.until), account_codes=one.selection, dry_run=True,
            progressive=one.progressive, progress=lambda done, _all: _advance(one, done),
        )  # fmt: skip
    except MeterlineError as error:
        return _failed(one, error)
    found = pl.DataFrame()
    if report.documents is not None:
        found = outliers(report.documents, _history(report.documents["account_id"].unique()))
    one.figures = {
        "invoices": report.invoices,
        "totals": {currency: str(total) for currency, total in report.totals.items()},
        "largest": [{**row, "total": str(row["total"])} for row in report.largest],
        "outliers": [_told(row) for row in found.head(SHOWN).iter_rows(named=True)],
        "outliers_found": found.height,
    }
    one.state = "checked"
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
    """The run of a released plan."""
    one = _in_state(plan_id, "issuing")
    try:
        services.run(
            date.fromisoformat(one.until), account_codes=one.selection,
            progressive=one.progressive, progress=lambda done, _all: _advance(one, done),
            started=lambda run: _belongs(one, run),
        )  # fmt: skip
    except MeterlineError as error:
        return _failed(one, error)
    one.state = "issued"
    one.save(update_fields=["state"])
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
        held = approval(one)
        if held is not None and held.state == "awaiting":
            approvals.decide(held.pk, approved=False, note="the plan was given up")
        audit.record("bill.dropped", f"bill_plan:{one.pk}")


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


def _told(row: dict[str, Any]) -> dict[str, Any]:
    amounts = {name: None if row[name] is None else str(row[name]) for name in ("total", "usual")}
    return {name: row[name] for name in ("account_code", "currency", "why")} | amounts
