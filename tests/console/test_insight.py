"""Reports: computed by a job against a small base worked out by hand, and only shown by pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from console.conftest import axe
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from meterline.billing import services as billing
from meterline.catalog import services as catalog
from meterline.catalog.files import parse
from meterline.customers import services as customers
from meterline.insight import reports
from meterline.platform import clock
from meterline.subscriptions import services as subscriptions

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
CATALOGUE = """\
currency: EUR
plans:
  small: {prices: {base: {kind: recurring, model: flat, amount: "10"}}}
  large: {prices: {base: {kind: recurring, interval: year, model: flat, amount: "300"}}}
"""
PAGES = ("revenue", "recurring", "ageing", "usage")


@pytest.fixture
def base(tmp_path: Path) -> Iterator[None]:
    """January: two small ones begin. February: a large one begins, and a small one ends."""
    file = tmp_path / "c.yaml"
    file.write_text(CATALOGUE)
    clock.move_to(datetime(2026, 1, 1, tzinfo=UTC))
    catalog.apply(parse(file))
    account = customers.create_account(code="A", currency="EUR")
    for code in ("one", "two"):
        subscriptions.subscribe(account_id=account.pk, plan="small", code=code, at=clock.now())
    billing.run(clock.now(), workers=1)
    clock.move_to(datetime(2026, 2, 10, tzinfo=UTC))
    subscriptions.subscribe(account_id=account.pk, plan="large", code="three", at=clock.now())
    subscriptions.cancel("one", when="now", at=clock.now())
    clock.move_to(datetime(2026, 3, 20, tzinfo=UTC))
    yield


def test_recurring_revenue_by_hand(base: None) -> None:
    found = {row["month"]: row for row in reports.recurring(clock.now().date())}
    january, february = found["2026-01-01"], found["2026-02-01"]
    assert (january["new"], january["closing"]) == ("20.00", "20.00")
    assert february["opening"] == "20.00"
    assert (february["new"], february["churn"]) == ("25.00", "-10.00")
    assert february["closing"] == "35.00"
    assert (february["lost"], february["churn_percent"]) == (1, "50.00")


def test_revenue_and_ageing_by_hand(base: None) -> None:
    (row,) = reports.revenue(clock.now().date())
    assert (row["month"], Decimal(row["net"]), row["documents"]) == ("2026-01-01", 20, 1)
    assert row["arpu"] == "20.00"
    (open_,) = reports.ageing(clock.now().date())
    assert (open_["bucket"], Decimal(open_["open"]), open_["documents"]) == (3, 20, 1)


def test_pages_show_what_was_kept(base: None, clerk: Callable[[str], Client]) -> None:
    client = clerk("auditor")
    for name in PAGES:
        assert "Not computed yet" in client.get(f"/insight/{name}/").content.decode()
    client.post(reverse("insight.refresh"))
    client.post(reverse("insight.refresh"))
    assert ProcrastinateJob.objects.filter(task_name__endswith="refresh_reports").count() == 1
    reports.refresh()
    revenue = client.get("/insight/revenue/").content.decode()
    assert "20.00<span" in revenue
    recurring = client.get("/insight/recurring/").content.decode()
    assert "50.00 %" in recurring
    assert "35.00<span" in recurring
    assert "61" in client.get("/insight/ageing/").content.decode()
    assert "Nothing to report yet" in client.get("/insight/usage/").content.decode()
    assert clerk("customer").get("/insight/revenue/").status_code == 403


@pytest.mark.slow
def test_pages_are_sound(browser_page: Callable[..., Any], product: Any) -> None:
    for name in PAGES:
        seen = browser_page(f"/insight/{name}/")
        assert axe(seen) == [], name
        seen.context.close()
