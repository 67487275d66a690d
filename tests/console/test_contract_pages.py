"""Subscriptions on pages: each change shows its effect first, and only then is made."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from console.conftest import axe
from django.test import Client
from django.urls import reverse
from subscriptions.house import account, publish

from meterline.billing.services import preview
from meterline.billing.trial import attempt, next_day
from meterline.catalog.reading import discounts as known_discounts
from meterline.customers.models import Account
from meterline.platform import clock
from meterline.platform.models import AuditEntry
from meterline.subscriptions import discounts, services, store
from meterline.subscriptions.models import Change, Identifier, Subscription
from meterline.usage.models import Batch

Sign = Callable[[str], Client]
OFFERS = """
currency: EUR
timezone: UTC
discounts: [{code: spring, percent: 50}]
promotions: [{code: HELLO, discount: spring, limit: 1}]
plans:
  extra: {prices: {base: {kind: recurring, model: flat, amount: "1.00"}}}
"""


@pytest.fixture
def held(db: None, tmp_path: Path) -> Subscription:
    """A subscription of `mobile`, 31.00 a month, since 1 March; today is 10 March."""
    clock.move_to(datetime(2024, 3, 10, 12, tzinfo=UTC))
    publish()
    offers = tmp_path / "offers.yaml"
    offers.write_text(OFFERS)
    publish(offers)
    return services.subscribe(
        account_id=account(), plan="mobile", at=datetime(2024, 3, 1, tzinfo=UTC), code="S1",
        identifiers={"msisdn": "393331234"},
    )  # fmt: skip


def url(held: Subscription, what: str) -> str:
    return reverse("console.subscription_act", args=[held.pk, what])


def amounts(page: str) -> list[str]:
    """The amounts on a confirmation, in their order."""
    return re.findall(r'<span class="money[^"]*">([^<]+)<', page)


def twice(client: Client, where: str, **data: str) -> tuple[str, str]:
    """Post a form, then press the button of its confirmation: both pages."""
    first = client.post(where, data)
    text = first.content.decode()
    once = re.search(r'name="once" value="(\w+)"', text)
    if once is None:
        return text, ""
    second = client.post(where, {**data, "confirm": "1", "once": once[1]}, follow=True)
    return text, second.content.decode()


def test_a_plan_is_changed_after_its_effect_was_seen(clerk: Sign, held: Subscription) -> None:
    client = clerk("billing")
    data = {"plan": "mobile_big", "when": "now"}
    first = client.post(url(held, "plan"), data).content.decode()
    # 1 March to 1 April and April: 62.00 before; from 10 March on (22 of 31 days) twice as much
    assert amounts(first)[:3] == ["62.00", "115.00", "53.00"]
    assert Change.objects.count() == 1
    _first, second = twice(client, url(held, "plan"), **data)
    assert "mobile_big" in second
    total = sum(one.total for one in preview(held.account_id, next_day(held.account)))
    assert total == Decimal("115.00")
    entry = AuditEntry.objects.get(action="subscription.changed")
    assert entry.actor == "user:billing@example.com"


def test_pressing_the_button_twice_changes_once(clerk: Sign, held: Subscription) -> None:
    client = clerk("billing")
    data = {"value": "39555", "kind": "msisdn"}
    first = client.post(url(held, "number"), data).content.decode()
    once = re.search(r'name="once" value="(\w+)"', first)
    assert once is not None
    pressed = {**data, "confirm": "1", "once": once[1]}
    assert client.post(url(held, "number"), pressed).status_code == 303
    again = client.post(url(held, "number"), pressed)
    assert "confirmed before" in again.content.decode()
    assert Identifier.objects.filter(value="39555").count() == 1


@pytest.mark.parametrize(
    ("what", "data", "kind"),
    [
        ("quantity", {"quantity": "2", "when": "now"}, "set_quantity"),
        ("pause", {"when": "now"}, "pause"),
        ("cancel", {"when": "end_of_period"}, "cancel"),
        ("cancel", {"when": "date", "on": "2024-05-05"}, "cancel"),
    ],
)
def test_changes(
    clerk: Sign, held: Subscription, what: str, data: dict[str, str], kind: str
) -> None:
    twice(clerk("support"), url(held, what), **data)
    assert Change.objects.get(kind=kind).subscription == held


def test_what_waits_is_taken_back(clerk: Sign, held: Subscription) -> None:
    client = clerk("billing")
    twice(client, url(held, "cancel"), when="end_of_period")
    page = client.get(reverse("console.subscription", args=[held.pk])).content.decode()
    assert "Still to come" in page
    twice(client, url(held, "uncancel"))
    assert store.load(held.pk).end_at is None
    twice(client, url(held, "quantity"), quantity="3", when="end_of_period")
    (waiting,) = services.scheduled(store.load(held.pk))
    twice(client, reverse("console.unschedule", args=[held.pk, waiting.number]))
    assert services.scheduled(store.load(held.pk)) == []


def test_resuming_an_active_subscription_is_told_in_words(clerk: Sign, held: Subscription) -> None:
    answer, _none = twice(clerk("billing"), url(held, "resume"), when="now")
    assert "not paused" in answer
    assert Change.objects.count() == 1


def test_add_on_discount_and_promotion(clerk: Sign, held: Subscription) -> None:
    client = clerk("billing")
    twice(client, url(held, "add-on"), plan="roaming", quantity="1")
    assert [one.base_id for one in Subscription.objects.exclude(pk=held.pk)] == [held.pk]
    assert "spring" in known_discounts()
    twice(client, url(held, "discount"), discount="spring")
    twice(client, reverse("console.discount_end", args=[held.pk, "spring"]))
    _first, second = twice(client, url(held, "redeem"), code="HELLO")
    assert second
    again, _none = twice(client, url(held, "redeem"), code="HELLO")
    assert "HELLO" in again
    given = discounts.listing(discounts.holder(subscription=held.pk))
    assert [row["promotion"] for row in given] == [None, "HELLO"]


def test_subscribing_shows_the_first_invoice(clerk: Sign, held: Subscription) -> None:
    client = clerk("billing")
    data = {"account": "house", "plan": "mobile", "quantity": "1", "number": "39777"}
    first, _second = twice(client, reverse("console.subscribe"), **data)
    assert amounts(first)[2] == "53.00"  # 22 days of March, and April
    made = Subscription.objects.exclude(pk=held.pk).get()
    assert Identifier.objects.get(value="39777").subscription == made
    wrong, _none = twice(client, reverse("console.subscribe"), **{**data, "account": "nobody"})
    assert "there is no account" in wrong.lower()


def test_whoever_may_only_see_changes_nothing(clerk: Sign, held: Subscription) -> None:
    for role in ("auditor", "product", "read-only"):
        client = clerk(role)
        assert client.get(reverse("console.subscription", args=[held.pk])).status_code == 200
        answer = client.post(url(held, "cancel"), {"when": "now", "confirm": "1"})
        assert answer.status_code == 403
    assert Change.objects.count() == 1


def test_an_attempt_leaves_nothing_behind(held: Subscription, home: Path) -> None:
    before = (Change.objects.count(), AuditEntry.objects.count(), Batch.objects.count())
    trial = attempt(held.account_id, lambda: services.cancel(held.pk))
    assert trial.totals[1] < trial.totals[0]
    assert (Change.objects.count(), AuditEntry.objects.count(), Batch.objects.count()) == before
    assert store.load(held.pk).end_at is None


@pytest.mark.parametrize(
    ("billing_day", "today", "due"),
    [(1, 10, (4, 1)), (15, 10, (3, 15)), (10, 10, (4, 10)), (31, 10, (3, 31)), (None, 10, (4, 1))],
)
def test_the_next_day(
    held: Subscription, billing_day: int | None, today: int, due: tuple[int, int]
) -> None:
    from meterline.customers.services import set_billing_day

    one = Account.objects.get(pk=held.account_id)
    set_billing_day(one.pk, billing_day, date(2024, 3, 1))
    day = next_day(one, datetime(2024, 3, today, 12, tzinfo=UTC))
    assert (day.month, day.day) == due


def test_the_list_finds_by_number_plan_and_state(clerk: Sign, held: Subscription) -> None:
    client = clerk("support")
    services.pause(held.pk)
    where = reverse("subscriptions.subscriptions")
    for query, found in (("q=39333", True), ("q=S1", True), ("q=39999", False),
                         ("plan=mobile", True), ("plan=fibre", False), ("state=paused", True),
                         ("state=active", False), ("state=cancelled", False),
                         ("state=pending", False)):  # fmt: skip
        page = client.get(f"{where}?{query}").content.decode()
        assert (reverse("console.subscription", args=[held.pk]) in page) is found, query
    services.cancel(held.pk, datetime(2024, 4, 1, tzinfo=UTC))
    for today, found in ((date(2024, 3, 31), False), (date(2024, 4, 1), True)):
        clock.move_to(datetime(today.year, today.month, today.day, 12, tzinfo=UTC))
        page = client.get(f"{where}?state=cancelled").content.decode()
        assert (reverse("console.subscription", args=[held.pk]) in page) is found, today
    palette = client.get(reverse("console.palette"), {"q": "+39 333"}).content.decode()
    assert "393331234" in palette
    next_lines = client.get(reverse("console.subscription_next", args=[held.pk]))
    assert next_lines.status_code == 200


@pytest.mark.slow
def test_in_the_browser(browser_page: Callable[..., Any]) -> None:
    page = browser_page("/sales/subscriptions/?state=active")
    assert axe(page) == []
    page.click("tbody tr:first-child a")
    page.wait_for_selector("h1")
    page.wait_for_load_state("networkidle")
    assert axe(page) == []
    page.click("text=Change the plan")
    assert axe(page) == []
    page.keyboard.press("Tab")
    page.click(".form-foot .primary")
    page.wait_for_selector("text=Difference")
    assert axe(page) == []


def test_a_contract_begins_and_changes_with_prices_of_its_own(
    clerk: Sign, held: Subscription
) -> None:
    client = clerk("billing")
    data = {"plan": "mobile_big", "when": "now"}
    usual, _second = twice(client, url(held, "plan"), **data)
    own, _second = twice(client, url(held, "plan"), **data, prices="base.amount = 10.00\n")
    assert Decimal(amounts(own)[1]) < Decimal(amounts(usual)[1])
    new = {"account": held.account.code, "plan": "mobile", "quantity": "1", "prices": "base"}
    assert "PRICE.FIELD=VALUE" in client.post(reverse("console.subscribe"), new).content.decode()
    new["prices"] = "none.amount = 1"
    assert "none" in client.post(reverse("console.subscribe"), new).content.decode()


def test_a_discount_of_an_account_is_given_and_ended(clerk: Sign, held: Subscription) -> None:
    client, one = clerk("support"), held.account
    where = reverse("console.account_discount", args=[one.pk])
    first, second = twice(client, where, discount="spring")
    assert "Difference" in first
    assert "spring" in second
    row = discounts.Holder(account=one).rows.get()
    assert row.subscription is None
    page = client.get(reverse("console.account", args=[one.pk])).content.decode()
    assert "Discounts on all its subscriptions" in page
    assert "has" in client.post(where, {"discount": "spring"}).content.decode()
    end = reverse("console.account_discount_end", args=[one.pk, "spring"])
    _first, _second = twice(client, end)
    row.refresh_from_db()
    assert row.until_at is not None
