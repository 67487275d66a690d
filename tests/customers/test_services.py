"""Sellers, customers and accounts, and what may not be."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from meterline.customers import services
from meterline.customers.errors import (
    CodeTaken,
    InvalidField,
    UnknownAccount,
    UnknownCustomer,
    UnknownSeller,
)
from meterline.customers.models import BillingDay, Party
from meterline.platform import clock
from meterline.platform.models import AuditEntry, Event

pytestmark = pytest.mark.django_db


def test_an_account_alone_has_a_customer_of_its_code_and_the_default_seller() -> None:
    account = services.create_account(code="A", currency="EUR")
    assert account.customer.code == "A"
    assert account.seller.code == services.DEFAULT_SELLER
    assert services.account_by_code("A") == account
    assert [(row.since, row.day) for row in BillingDay.objects.all()] == [(date(1, 1, 1), 1)]
    assert Event.objects.filter(name="account.created", subject="account:A").count() == 1
    assert AuditEntry.objects.filter(action="account.created", subject="account:A").count() == 1


def test_an_account_of_a_customer_a_seller_and_a_parent() -> None:
    services.create_seller(code="s", name="Seller", invoice_prefix="S-")
    services.create_customer(code="c", name="Ann", email="ann@example.com", country="IT")
    parent = services.create_account(code="P", currency="EUR", customer="c", seller="s")
    child = services.create_account(
        code="A", currency="EUR", customer="c", seller="s", parent="P", billing_day=None
    )
    assert (child.parent, child.seller.code, child.customer.party.name) == (parent, "s", "Ann")
    assert services.create_account(code="B", currency="EUR", parent=parent.id).parent == parent
    assert Party.objects.get(code="c").language == "en"


def test_a_billing_day_is_added_to_those_before() -> None:
    clock.move_to(datetime(2026, 2, 10, 12, tzinfo=UTC))
    account = services.create_account(code="A", currency="EUR", billing_day=31)
    services.set_billing_day(account.id, None, date(2026, 3, 1))
    rows = BillingDay.objects.filter(account=account).order_by("since")
    assert [(row.since, row.day) for row in rows] == [
        (date(1, 1, 1), 31), (date(2026, 3, 1), None)
    ]  # fmt: skip
    with pytest.raises(InvalidField, match="1 to 31"):
        services.set_billing_day(account.id, 32, date(2026, 3, 1))


def test_a_billing_day_for_a_day_that_is_over_is_for_today() -> None:
    clock.move_to(datetime(2026, 2, 10, 23, 30, tzinfo=UTC))
    account = services.create_account(code="A", currency="EUR", timezone="Europe/Rome")
    assert services.set_billing_day(account.id, 5, date(2026, 1, 1)) == date(2026, 2, 11)
    assert BillingDay.objects.filter(account=account, since=date(2026, 2, 11), day=5).exists()


def test_a_seller_can_be_changed() -> None:
    services.create_seller(code="s", name="Seller")
    assert services.update_seller("s", name="New", colour="#ABCDEF").name == "New"
    entry = AuditEntry.objects.get(action="seller.updated")
    assert (entry.before["name"], entry.after["name"]) == ("Seller", "New")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"currency": "euro"}, "currency 'euro' cannot be"),
        ({"timezone": "Mars/Base"}, "an IANA zone"),
        ({"timezone": "../etc"}, "an IANA zone"),
        ({"billing_day": 0}, "1 to 31"),
        ({"billing_day": 32}, "1 to 31"),
        ({"region": "Italy"}, "a country"),
        ({"code": " A"}, "without spaces"),
        ({"code": ""}, "1 to 100"),
    ],
)
def test_fields_that_cannot_be(fields: dict, message: str) -> None:
    with pytest.raises(InvalidField, match=message):
        services.create_account(**{"code": "A", "currency": "EUR", **fields})


def test_codes_are_taken_once_and_must_be_known() -> None:
    services.create_account(code="A", currency="EUR")
    services.create_seller(code="s", name="Seller")
    with pytest.raises(CodeTaken):
        services.create_account(code="A", currency="EUR")
    with pytest.raises(CodeTaken):
        services.create_customer(code="A", name="Ann")
    with pytest.raises(CodeTaken):
        services.create_seller(code="s", name="Seller")
    with pytest.raises(UnknownAccount):
        services.create_account(code="B", currency="EUR", parent="nobody")
    with pytest.raises(UnknownCustomer):
        services.create_account(code="B", currency="EUR", customer="nobody")
    with pytest.raises(UnknownSeller):
        services.create_account(code="B", currency="EUR", seller="nobody")
