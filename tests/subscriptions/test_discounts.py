"""Giving and ending discounts, redeeming promotion codes: what holds, what is refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from typer.testing import CliRunner

from meterline.catalog import services as catalog
from meterline.catalog.files import parse_data
from meterline.catalog.yaml import load_all
from meterline.customers.services import create_account
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.platform.models import AuditEntry, Event
from meterline.subscriptions import discounts, services
from meterline.subscriptions.discount_commands import app
from meterline.subscriptions.models import Discount, PromotionUse, Redemption

CATALOGUE = """
currency: EUR
discounts: [{code: ten, percent: 10}, {code: five, amount: 5}]
promotions:
  - {code: ONCE, discount: ten, limit: 3}
  - {code: MINE, discount: five, limit_per_customer: 1}
plans:
  a: {prices: {base: {kind: recurring, model: flat, amount: 10}}}
"""
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def publish() -> None:
    document = load_all(CATALOGUE, "test.yaml")[0]
    catalog.apply(parse_data(document.data, lines=document.lines, file="test.yaml", at=()))


@pytest.fixture
def company(db: None) -> None:
    """Accounts A and B with a subscription each."""
    clock.move_to(NOW)
    publish()
    for code in "AB":
        account = create_account(code=code, currency="EUR", timezone="Europe/Rome")
        services.subscribe(account_id=account.pk, plan="a", code=f"s{code}")


def refused(code: str, act: Any, *args: Any) -> str:
    with pytest.raises(MeterlineError) as caught:
        act(*args)
    assert caught.value.code == code
    return caught.value.message


def test_given_ended_and_given_again(company: None) -> None:
    holder = discounts.holder(subscription="sA")
    discounts.give("ten", holder)
    refused("discount_held", discounts.give, "ten", holder, NOW + timedelta(days=3))
    discounts.end("ten", holder, NOW + timedelta(days=5))
    refused("discount_held", discounts.give, "ten", holder, NOW + timedelta(days=4))
    discounts.give("ten", holder, NOW + timedelta(days=5))
    discounts.give("ten", discounts.holder(account="A"))
    rows = discounts.listing(discounts.holder(account="A"))
    assert [(row["holder"], row["until"] is None) for row in rows] == [
        ("subscription sA", False), ("subscription sA", True), ("account A", True),
    ]  # fmt: skip
    assert Event.objects.filter(name="discount.given").count() == 3
    assert AuditEntry.objects.filter(action="discount.ended").count() == 1


def test_what_is_refused(company: None) -> None:
    holder = discounts.holder(subscription="sA")
    assert "it has five, ten" in refused("unknown_discount", discounts.give, "none", holder)
    yesterday = NOW - timedelta(days=1)
    refused("discount_in_past", discounts.give, "ten", holder, yesterday)
    discounts.give("ten", holder, NOW.replace(hour=0))  # today
    refused("discount_in_past", discounts.end, "ten", holder, yesterday)
    refused("discount_not_held", discounts.end, "five", holder)
    refused("unknown_account", lambda: discounts.holder(account="none"))
    refused("unknown_subscription", lambda: discounts.holder(subscription="none"))


def test_a_discount_has_one_holder(company: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Discount.objects.create(position=1, discount_code="ten", since_at=NOW)


def test_a_code_is_for_each_customer_once(company: None) -> None:
    discounts.redeem("MINE", "sA")
    refused("promotion_used_by_customer", discounts.redeem, "MINE", "sA")
    discounts.redeem("MINE", "sB")
    assert PromotionUse.objects.get().used == Redemption.objects.count() == 2


def test_what_failed_counts_no_use(company: None) -> None:
    discounts.give("ten", discounts.holder(subscription="sA"))
    refused("discount_held", discounts.redeem, "ONCE", "sA")
    assert not PromotionUse.objects.exists()


def test_a_subscription_whose_code_is_refused_is_not_made(company: None) -> None:
    account = discounts.holder(account="A").account

    def subscribe() -> None:
        services.subscribe(account_id=account.pk, plan="a", code="new", promotion="none")

    refused("unknown_promotion", subscribe)
    refused("unknown_subscription", lambda: discounts.holder(subscription="new"))


def test_a_limit_holds_however_many_redeem_at_once(at_once: None) -> None:
    publish()
    account = create_account(code="A", currency="EUR")
    codes = [f"s{number}" for number in range(6)]
    for code in codes:
        services.subscribe(account_id=account.pk, plan="a", code=code)

    def redeem(code: str) -> bool:
        try:
            discounts.redeem("ONCE", code)
        except MeterlineError as error:
            assert error.code == "promotion_used_up"
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(redeem, codes)) == [False] * 3 + [True] * 3
    assert PromotionUse.objects.get().used == Redemption.objects.count() == 3


def test_commands(company: None) -> None:
    run = CliRunner()

    def said(*words: str) -> str:
        done = run.invoke(app, list(words), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return " ".join(done.output.split())

    assert "subscription sA has discount ten" in said("give", "ten", "--subscription", "sA")
    assert "account A has discount five from 2026-04-01 00:00." in said(
        "give", "five", "--account", "A", "--at", "2026-04-01"
    )
    assert "until 2026-05-01 00:00." in said("end", "five", "--account", "A", "--at", "2026-05-01")
    assert "subscription sB has discount five." in said("redeem", "MINE", "sB")
    (row,) = json.loads(said("list", "--subscription", "sB", "--json"))
    assert (row["discount"], row["promotion"]) == ("five", "MINE")
    assert run.invoke(app, ["give", "ten"]).exit_code == 2
    assert run.invoke(app, ["list", "--account", "A", "--subscription", "sA"]).exit_code == 2
