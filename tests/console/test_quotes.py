"""What a plan would cost, asked on a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from console.conftest import axe
from django.test import Client
from django.urls import reverse
from insight.operator import CATALOGUE, RAISED, billed, changed, set_up, undone

from meterline.catalog import drafts
from meterline.catalog.drafts import Kept
from meterline.catalog.files import parse
from meterline.catalog.services import apply
from meterline.invoices.models import Line
from meterline.subscriptions.models import Subscription

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
MARCH = {"period_0": "2026-03-01", "period_1": "2026-03-31", "quantity": "1", "region": "IT"}
CALLS = {"n:voice": "1", "voice.0.at": "2026-03-03T12:00", "voice.0.events": "31",
         "voice.0.quantity": "60", "voice.0.p.to": "3912"}  # fmt: skip


@pytest.fixture
def plans(home: Path) -> None:
    (home / "c.yaml").write_text(CATALOGUE)
    apply(parse(home / "c.yaml"))


def ask(client: Client, plan: str = "mobile", **given: str) -> str:
    url = reverse("insight.plan_quote", args=[plan])
    return client.get(url, {**MARCH, **given}).content.decode()


def test_a_bill_is_shown_with_its_lines(clerk: Callable[[str], Client], plans: None) -> None:
    told = ask(clerk("read-only"), **CALLS, **{"n:data": "1", "data.0.quantity": "60"})
    assert "32 records rated" in told
    assert "1,800 of 1,860 by minutes" in told
    # 9.90, one call at 0.05 + 0.10; 60 MB are free, 30 of them rolled over; 22 %
    assert "12.26" in told


def test_without_a_question_a_plain_month_is_shown(
    clerk: Callable[[str], Client], plans: None
) -> None:
    url = reverse("insight.plan_quote", args=["power"])
    shown = clerk("product").get(url).content.decode()
    assert shown.count('.at" name="energy.') == 2  # a row for each band
    assert "Minimum" in shown


def test_one_price_alone(clerk: Callable[[str], Client], plans: None) -> None:
    told = ask(clerk("product"), **CALLS, price="calls")
    assert "n:data" not in told
    assert "0.15" in told
    assert "9.90" not in told


def test_rows_come_and_go_without_a_script(clerk: Callable[[str], Client], plans: None) -> None:
    client = clerk("product")
    assert 'name="n:voice" value="2"' in ask(client, **CALLS, do="add:voice")
    two = {**CALLS, "n:voice": "2", "voice.1.events": "7"}
    told = ask(client, **two, do="remove:voice.0")
    assert 'name="n:voice" value="1"' in told
    assert 'name="voice.0.events" value="7"' in told
    assert 'name="n:voice" value="2"' in ask(client, **two, do="remove:voice.x")


def test_faults_are_told_and_kept(clerk: Callable[[str], Client], plans: None) -> None:
    client = clerk("product")
    told = ask(client, **{**CALLS, "voice.0.quantity": "many"})
    assert "many is no number" in told
    assert 'value="many"' in told
    assert "That is more than two years" in ask(client, period_0="2020-01-01")
    assert "no such subscription" in ask(client, subscription="nobody")
    assert "unknown destination" in ask(client, **{**CALLS, "voice.0.p.to": "1"})
    assert "priced one by one" in ask(client, **{**CALLS, "voice.0.events": "100001"})
    url = reverse("insight.plan_quote", args=["mobile"])
    assert client.get(url, {"version": "9"}).status_code == 404
    assert client.get(reverse("insight.plan_quote", args=["none"])).status_code == 404


def test_the_real_use_of_a_subscription(
    clerk: Callable[[str], Client], tmp_path: Path, home: Path
) -> None:
    """Rated by the plan that it has, it is what a run bills of it."""
    with undone():
        set_up(tmp_path, CATALOGUE, ended=True)
        june = {"period_0": "2026-06-01", "period_1": "2026-06-30", "subscription": "p-it"}
        told = ask(clerk("product"), "power", **june)
        assert "36 records rated" in told
        billed()
        lines = Line.objects.filter(subscription_id=Subscription.objects.get(code="p-it").pk)
        net = sum(line.amount for line in lines)
        assert f"{net:,.2f}<" in told


def test_a_draft_is_asked_too(clerk: Callable[[str], Client], plans: None) -> None:
    text = changed(*RAISED)
    draft = drafts.create("c.yaml", [Kept(path="c.yaml", content=text.encode())])
    url = reverse("insight.draft_quote", args=[draft.pk])
    client = clerk("product")
    told = client.get(url, {**MARCH, "plan": "mobile"}).content.decode()
    assert "11.50" in told
    assert client.get(url, {"plan": "none"}).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_in_a_browser(browser_page: Callable[..., Any], theme: str, width: int) -> None:
    page = browser_page("/catalog/plans/power-time/quote/", theme=theme, width=width)
    page.locator("input[name='energy.0.quantity']").fill("120")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.locator(".explained > summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".explained[open] .explained-sum").count() >= 1
    assert axe(page) == []
