"""Bill runs on pages: plan, dry run, outliers, approval, issue, report, going on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from billing.world import Used, bill, load, set_up
from console.conftest import axe
from django.db import connection
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from meterline.access.models import Approval
from meterline.billing import jobs, services
from meterline.billing.errors import UnknownAccounts
from meterline.billing.models import BillRun, Plan
from meterline.billing.outliers import outliers
from meterline.invoices.models import Invoice
from meterline.platform import clock

Clerk = Callable[[str], Client]
MONEY = pl.Decimal(28, 10)


@pytest.fixture
def world(db: None, home: Path) -> None:
    set_up()
    bill(date(2026, 2, 1))
    load([Used(number=1, subscription="s1", minute=45_000, meter="data", quantity=90_000)],
         date(2026, 3, 1))  # fmt: skip
    clock.move_to(datetime(2026, 3, 1, 12, tzinfo=UTC))


def post(client: Client, name: str, *args: Any, **data: Any) -> Any:
    return client.post(reverse(name, args=args), data)


def text(client: Client, name: str, *args: Any) -> str:
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def deferred(name: str) -> list[dict[str, Any]]:
    rows = ProcrastinateJob.objects.filter(task_name=f"meterline.billing.jobs.{name}")
    return [row.args for row in rows]


def planned(client: Client, **form: Any) -> Plan:
    assert post(client, "billing.plan_new", until="2026-03-01", **form).status_code == 303
    one = Plan.objects.latest("id")
    assert deferred("check_plan")[-1] == {"plan": one.pk}
    jobs.check_plan(plan=one.pk)
    one.refresh_from_db()
    return one


def test_a_run_is_planned_checked_approved_and_issued(world: None, clerk: Clerk) -> None:
    client, before = clerk("billing"), Invoice.objects.count()
    one = planned(client)
    assert one.state == "checked"
    assert Invoice.objects.count() == before
    page = text(client, "billing.plan", one.pk)
    assert "over three times the usual" in page
    assert "Ask for approval" in page
    assert post(client, "billing.plan_issue", one.pk, confirm="1").status_code == 422
    post(client, "billing.plan_ask", one.pk)
    approval = Approval.objects.get()
    own = post(client, "console.decide", approval.pk, decision="approve")
    assert own.status_code in (303, 422)
    approval.refresh_from_db()
    assert approval.state == "awaiting"
    post(clerk("finance"), "console.decide", approval.pk, decision="approve")
    invoices = one.figures["invoices"]
    assert (
        f"Issue {invoices} invoices" in post(client, "billing.plan_issue", one.pk).content.decode()
    )
    assert deferred("issue_plan") == []
    post(client, "billing.plan_issue", one.pk, confirm="1")
    (given,) = deferred("issue_plan")
    jobs.issue_plan(**given)
    one.refresh_from_db()
    assert (one.state, one.run.invoices) == ("issued", invoices)
    made = Invoice.objects.filter(bill_run_id=one.run.pk)
    total = sum(made.values_list("total", flat=True), Decimal(0))
    assert {"EUR": str(total)} == one.figures["totals"] == one.run.report["totals"]
    report = text(client, "billing.run", one.run.pk)
    assert f"{total:,.2f} EUR" in report.replace('<span class="currency">&nbsp;EUR', " EUR")
    assert "Go on" not in report
    assert post(client, "billing.plan_issue", one.pk, confirm="1").status_code == 422


def test_only_named_accounts_are_planned(world: None, clerk: Clerk) -> None:
    client = clerk("billing")
    assert planned(client, accounts="a,a").accounts == 1
    wrong = post(client, "billing.plan_new", until="2026-03-01", accounts="nobody")
    assert "Unknown accounts: nobody" in wrong.content.decode()
    assert Plan.objects.count() == 1


def test_who_may_not(world: None, clerk: Clerk) -> None:
    one = planned(clerk("billing"))
    for name in ("billing.plan_ask", "billing.plan_issue", "billing.plan_drop"):
        assert post(clerk("finance"), name, one.pk).status_code == 403
    assert clerk("read-only").get(reverse("billing.plan_new")).status_code == 403


def test_a_plan_is_given_up(world: None, clerk: Clerk) -> None:
    client = clerk("billing")
    one = planned(client)
    post(client, "billing.plan_ask", one.pk)
    post(client, "billing.plan_drop", one.pk)
    one.refresh_from_db()
    assert (one.state, Approval.objects.get().state) == ("dropped", "refused")
    assert post(client, "billing.plan_ask", one.pk).status_code == 422


def test_an_interrupted_run_goes_on(world: None, clerk: Clerk) -> None:
    client = clerk("billing")
    one = planned(client)
    ids = services.account_ids(None)
    run = BillRun.objects.create(
        until="2026-03-01", started_at=clock.now(), chunk_size=1, chunks=len(ids),
        accounts=len(ids), boundaries=ids,
    )  # fmt: skip
    one.run, one.state = run, "issuing"
    one.save()
    assert "Go on" in text(client, "billing.run", run.pk)
    assert f"0 / {len(ids)}" in text(client, "billing.run_progress", run.pk)
    refused = planned(client)
    assert (refused.state, "interrupted" in refused.problem) == ("failed", True)
    post(client, "billing.run_resume", run.pk)
    jobs.resume_run(**deferred("resume_run")[0])
    run.refresh_from_db()
    one.refresh_from_db()
    assert (run.chunks_done, run.finished_at is None, one.state) == (len(ids), False, "issued")
    assert "Go on" not in text(client, "billing.run", run.pk)
    assert f">{run.pk}</a>" in text(client, "billing.runs")


@pytest.mark.parametrize("error", [RuntimeError("power cut"), UnknownAccounts(codes="gone")])
def test_a_run_that_breaks_before_its_first_chunk_stands_on_its_plan(
    world: None, clerk: Clerk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def breaks(*_at: Any) -> None:
        raise error

    client = clerk("billing")
    one = planned(client)
    Plan.objects.filter(pk=one.pk).update(state="issuing")
    with monkeypatch.context() as patch:
        patch.setattr(services.grants, "expire", breaks)
        with suppress(RuntimeError):
            jobs.issue_plan(plan=one.pk, actor="tester")
    one.refresh_from_db()
    run = BillRun.objects.get(finished_at=None)
    assert (one.run, run.chunks_done) == (run, 0)
    assert "Go on" in text(client, "billing.run", run.pk)
    post(client, "billing.run_resume", run.pk)
    jobs.resume_run(**deferred("resume_run")[0])
    one.refresh_from_db()
    assert (one.state, one.problem) == ("issued", "")


@pytest.mark.parametrize(
    ("now", "before", "why"),
    [
        (["50"], ["50", "60"], None),
        (["310"], ["50", "70"], "more"),
        (["10", "300"], ["50", "70", "60"], "more"),
        (["100"], ["50", "70", "60"], None),
        (["10"], ["50", "70", "60"], "less"),
        (["9"], ["1"], None),
        (["0"], ["40"], "nothing"),
        (["90"], ["0", "0"], "after_nothing"),
        (["-5"], ["30"], "negative"),
        (["-5"], [], "negative"),
        (["500"], [], None),
    ],
)
def test_outliers(now: list[str], before: list[str], why: str | None) -> None:
    def frame(totals: list[str]) -> pl.DataFrame:
        return pl.DataFrame(
            [(1, "a", "EUR", Decimal(total)) for total in totals], orient="row",
            schema={"account_id": pl.Int64, "account_code": pl.String, "currency": pl.String,
                    "total": MONEY},
        )  # fmt: skip

    found = outliers(frame(now), frame(before).drop("account_code"))
    assert found["why"].to_list() == ([] if why is None else [why])


@pytest.mark.slow
def test_the_pages_in_a_browser(browser_page: Callable[..., Any]) -> None:
    for theme, width in (("light", 1440), ("dark", 360)):
        page = browser_page("/billing/runs/", theme=theme, width=width)
        assert axe(page) == []
        page.click("tbody a[href*='/billing/runs/']")
        page.wait_for_selector(".progress")
        assert axe(page) == []
        page.goto(page.url.split("/billing/")[0] + "/billing/plans/new/")
        assert axe(page) == []
        page.fill("input[name=until]", "2026-12-01")
        page.click("text=Begin the dry run")
        page.wait_for_selector("text=What it would bill", timeout=60_000)
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def approve(client: Client, clerk: Clerk, one: Plan) -> None:
    """Have a plan approved by somebody else, and release it."""
    post(client, "billing.plan_ask", one.pk)
    asked = Approval.objects.get(subject=f"bill_plan:{one.pk}", state="awaiting")
    post(clerk("finance"), "console.decide", asked.pk, decision="approve")
    post(client, "billing.plan_issue", one.pk, confirm="1")
    one.refresh_from_db()
    assert one.state == "issuing"


def use(minute: int) -> None:
    """Usage that comes late."""
    load([Used(number=minute, subscription="s1", minute=minute, meter="data", quantity=70_000)],
         date(2026, 3, 1))  # fmt: skip


def test_usage_that_comes_after_the_approval_is_asked_for_anew(world: None, clerk: Clerk) -> None:
    client, before = clerk("billing"), Invoice.objects.count()
    one = planned(client)
    approve(client, clerk, one)
    use(46_000)
    jobs.issue_plan(plan=one.pk, actor="user:billing@example.com")
    one.refresh_from_db()
    assert (one.state, Invoice.objects.count()) == ("checked", before)
    page = text(client, "billing.plan", one.pk)
    assert "Bills of 1 accounts are others now." in page
    assert "Ask for approval" in page
    approve(client, clerk, one)
    jobs.issue_plan(plan=one.pk, actor="user:billing@example.com")
    one.refresh_from_db()
    assert (one.state, one.run.invoices) == ("issued", one.figures["invoices"])


def test_usage_of_the_next_month_is_no_matter(world: None, clerk: Clerk) -> None:
    client = clerk("billing")
    one = planned(client)
    post(client, "billing.plan_ask", one.pk)
    use(90_000)  # in March
    assert "Something has come since the dry run" in text(client, "billing.plan", one.pk)
    asked = Approval.objects.get()
    post(clerk("finance"), "console.decide", asked.pk, decision="approve")
    post(client, "billing.plan_issue", one.pk, confirm="1")
    jobs.issue_plan(plan=one.pk, actor="user:billing@example.com")
    one.refresh_from_db()
    assert one.state == "issued"


def test_a_plan_is_checked_again(world: None, clerk: Clerk) -> None:
    client = clerk("billing")
    one = planned(client)
    post(client, "billing.plan_ask", one.pk)
    use(46_000)
    post(client, "billing.plan_again", one.pk)
    assert Approval.objects.get().state == "refused"
    jobs.check_plan(plan=one.pk)
    page = text(client, "billing.plan", one.pk)
    assert "What has changed since the dry run before" in page
    assert "Something has come" not in page


@pytest.mark.parametrize(("state", "task"), [("issuing", "issue_plan"), ("checking", "check_plan")])
def test_a_plan_whose_worker_was_lost_goes_on(
    world: None, clerk: Clerk, state: str, task: str
) -> None:
    client = clerk("billing")
    one = planned(client)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_events")
        cursor.execute("DELETE FROM procrastinate_jobs")
    Plan.objects.filter(pk=one.pk).update(state=state)
    assert "Its worker was lost" in text(client, "billing.plan", one.pk)
    assert "Planned bill runs that stand still" in text(client, "console.home")
    post(client, "billing.plan_go_on", one.pk)
    (given,) = deferred(task)
    assert "Its worker was lost" not in text(client, "billing.plan", one.pk)
    getattr(jobs, task)(**given)
    one.refresh_from_db()
    assert one.state in ("issued", "checked")
