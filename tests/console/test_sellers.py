"""Sellers on pages, and what needs a second person."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from console.conftest import axe
from django.test import Client
from django.urls import reverse
from subscriptions.house import publish

from meterline.access import limits
from meterline.catalog import services as catalog
from meterline.customers.models import Seller
from meterline.platform.models import AuditEntry

Sign = Callable[[str], Client]
FIELDS = {
    "name": "North Ltd", "address": "1 High St\nLeeds", "country": "GB", "tax_id": "GB123",
    "email": "", "phone": "", "website": "", "iban": "", "bic": "", "colour": "#224466",
    "invoice_prefix": "NO", "payment_terms_days": "30",
}  # fmt: skip


def test_a_seller_is_made_and_changed(clerk: Sign, db: None) -> None:
    client = clerk("finance")
    answer = client.post(reverse("console.seller_new"), {"code": "north", **FIELDS})
    one = Seller.objects.get(code="north")
    assert answer["Location"] == reverse("console.seller", args=[one.pk])
    assert (one.name, one.address, one.payment_terms_days) == (
        "North Ltd", "1 High St\r\nLeeds".replace("\r", ""), 30,
    )  # fmt: skip
    changed = FIELDS | {"name": "North plc"}
    client.post(reverse("console.seller_edit", args=[one.pk]), changed)
    one.refresh_from_db()
    assert one.name == "North plc"
    assert AuditEntry.objects.filter(action="seller.updated").get().after == {"name": "North plc"}
    assert "North plc" in client.get(reverse("console.sellers")).content.decode()
    assert "issued nothing yet" in client.get(answer["Location"]).content.decode()


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [("iban", "GB00BAD", "IBAN"), ("invoice_prefix", "a b", "letters"), ("code", "x", "already")],
)
def test_what_cannot_be_a_seller_is_told(
    clerk: Sign, db: None, field: str, value: str, told: str
) -> None:
    client = clerk("finance")
    client.post(reverse("console.seller_new"), {"code": "x", **FIELDS})
    data = {"code": "y", **FIELDS, field: value}
    assert told in client.post(reverse("console.seller_new"), data).content.decode()
    assert not Seller.objects.filter(code="y").exists()


def test_the_rules_are_set_by_an_administrator(clerk: Sign, db: None) -> None:
    publish()
    data = {"review": "on", "limit_EUR": "250.00"}
    assert clerk("finance").post(reverse("console.rules"), data).status_code == 403
    assert "100.00 EUR" in clerk("finance").get(reverse("console.rules")).content.decode()
    clerk("admin").post(reverse("console.rules"), data)
    rule = catalog.rules()
    assert (rule.required, rule.four_eyes, limits.limit("EUR")) == (True, False, Decimal(250))
    assert AuditEntry.objects.filter(action="limit.set").count() == 1


@pytest.mark.slow
def test_the_pages_are_accessible(browser_page: Callable[..., object]) -> None:
    for path in ("/settings/sellers/", "/settings/sellers/new/", "/settings/rules/",
                 "/settings/imports/", "/settings/imports/new/", "/usage/sources/",
                 "/money/statement/"):  # fmt: skip
        assert axe(browser_page(path)) == [], path
