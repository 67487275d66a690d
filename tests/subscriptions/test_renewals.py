"""A term that follows by itself is told, once, whoever made the subscription."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from procrastinate.contrib.django import app
from subscriptions.house import account

from meterline.billing import services as billing
from meterline.catalog import files
from meterline.catalog import services as catalog
from meterline.platform import clock
from meterline.platform.models import Event
from meterline.subscriptions import renewals, services
from meterline.subscriptions.models import Subscription

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)
CATALOGUE = """
currency: EUR
timezone: UTC
plans:
  bound:
    term: {for: 2 months, renew_for: 1 month}
    prices: {base: {kind: recurring, model: flat, amount: 9}}
  open:
    term: {for: 2 months, renewal: open}
    prices: {base: {kind: recurring, model: flat, amount: 9}}
  once:
    term: {for: 2 months, renewal: none}
    prices: {base: {kind: recurring, model: flat, amount: 9}}
"""


@pytest.fixture(autouse=True)
def _house(home: Path, tmp_path: Path) -> None:
    clock.move_to(START)
    path = tmp_path / "catalogue.yaml"
    path.write_text(CATALOGUE)
    catalog.apply(files.parse(path))


def begin(code: str, plan: str = "bound", at: datetime = START) -> None:
    services.subscribe(account_id=account(), plan=plan, at=at, code=code)


def day(month: int, number: int = 1) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


def told() -> list[tuple[str, str, str]]:
    rows = Event.objects.filter(name="subscription.renewed").order_by("id")
    assert all(row.subject == f"subscription:{row.payload['code']}" for row in rows)
    return [
        (row.payload["code"], row.payload["renewed_at"][:10], row.payload["until"]) for row in rows
    ]


def test_each_renewal_is_told_once() -> None:
    for plan in ("bound", "open", "once"):
        begin(plan, plan)
    clock.move_to(day(2, 28))
    assert renewals.tell() == 0
    clock.move_to(day(3))
    assert (renewals.tell(), renewals.tell()) == (1, 0)
    assert told() == [("bound", "2026-03-01", "2026-04-01")]


def test_what_was_missed_is_told_afterwards() -> None:
    begin("s")
    clock.move_to(day(5, 9))
    assert renewals.tell() == 3
    assert [until for _, _, until in told()] == ["2026-04-01", "2026-05-01", "2026-06-01"]


def test_the_worker_knows_the_job() -> None:
    begin("s")
    clock.move_to(day(3))
    app.tasks["meterline.subscriptions.jobs.tell_renewals"].func(0)
    assert len(told()) == 1


def test_a_bill_run_tells() -> None:
    begin("s")
    clock.move_to(day(3))
    billing.run(workers=1)
    assert len(told()) == 1


def test_what_ends_or_leaves_by_then_is_not_renewed() -> None:
    for code in ("ends", "leaves", "stays"):
        begin(code)
    clock.move_to(day(2))
    services.cancel("ends", when="end_of_term")
    services.change("leaves", "open", when="end_of_term")
    clock.move_to(day(3, 2))
    assert renewals.tell() == 1
    assert [code for code, _, _ in told()] == ["stays"]


def test_one_that_is_due_is_told_though_a_change_comes_first() -> None:
    begin("s")
    clock.move_to(day(3))
    services.set_quantity("s", 3)
    assert renewals.tell() == 1


def test_a_cancellation_that_is_dated_back_takes_it_away() -> None:
    begin("s")
    clock.move_to(day(3))
    services.cancel("s", day(2, 20))
    assert renewals.tell() == 0
    assert Subscription.objects.get(code="s").renews_at is None


def test_the_term_stays_where_the_plan_gets_a_new_version(tmp_path: Path) -> None:
    begin("s")
    many(["m"])
    clock.move_to(day(2, 10))
    path = tmp_path / "new.yaml"
    path.write_text(CATALOGUE.replace("bound:", "bound:\n    existing: move"))
    made = catalog.apply(files.parse(path), effective=day(2, 10).date())
    clock.move_to(day(3))
    assert made and renewals.tell() == 2
    assert {until for _, _, until in told()} == {"2026-04-01"}


def many(codes: list[str]) -> None:
    frame = pl.DataFrame({"code": codes}).with_columns(
        account_id=account(), plan=pl.lit("bound"), at=pl.lit(START)
    )
    services.subscribe_many(frame)


def test_those_made_in_bulk_are_told_by_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewals, "_CHUNK", 2)
    many([f"m{number}" for number in range(5)])
    clock.move_to(day(3, 4))
    assert renewals.tell() == 5
    assert sorted(code for code, _, _ in told()) == [f"m{number}" for number in range(5)]


def test_an_imported_past_is_not_told() -> None:
    clock.move_to(day(4, 10))
    begin("s")
    many(["m"])
    assert renewals.tell() == 0
    clock.move_to(day(5))
    assert renewals.tell() == 2
