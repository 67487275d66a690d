"""Nobody sees another customer's data: whatever number or code stands in the address."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from meterline.access import gate
from meterline.care.models import Question
from meterline.customers.models import Account
from meterline.invoices.models import Invoice, Line
from meterline.platform.models import AuditEntry
from meterline.portal.services import PERMISSION
from meterline.subscriptions.models import Change, Subscription

pytestmark = pytest.mark.django_db
Customer = Callable[[str], Client]


def urls_with_ids() -> list[str]:
    """The portal's URLs that name something by a number."""
    return sorted(
        url.name
        for url in gate.urls()
        if getattr(url.callback, "permission", "") == PERMISSION and url.pattern.converters
    )


IDS = {
    "invoice": lambda account: Invoice.objects.filter(account__code=account).first().pk,
    "line": lambda account: Line.objects.filter(
        invoice__account__code=account, kind="usage").first().pk,
    "subscription": lambda account: Subscription.objects.filter(account__code=account).first().pk,
    "number": lambda account: 1,
    "what": lambda account: "plan",
}  # fmt: skip


def test_other_customers_things_are_not_there(billed: list[Invoice], customer: Customer) -> None:
    client = customer("a")
    names = urls_with_ids()
    assert len(names) > 6
    for name in names:
        (url,) = (one for one in gate.urls() if one.name == name)
        keys = url.pattern.converters
        mine = reverse(name, kwargs={key: IDS[key]("a") for key in keys})
        others = reverse(name, kwargs={key: IDS[key]("b") for key in keys})
        assert client.get(others).status_code in (404, 405), name
        assert client.post(others, {"confirm": "1", "text": "Why?"}).status_code in (404, 405), name
        if "number" not in keys:  # nothing waits to be taken back
            assert client.get(mine).status_code == 200, name
    assert not Question.objects.exists()
    assert Change.objects.filter(subscription__account__code="b").count() == 1


@pytest.mark.parametrize("name", ["home", "so_far", "usage", "bills", "contracts", "delivery"])
def test_other_accounts_are_not_there(name: str, billed: list[Invoice], customer: Customer) -> None:
    client = customer("a")
    url = reverse(f"portal.{name}")
    assert client.get(url, {"account": "a"}).status_code == 200
    assert client.get(url, {"account": "b"}).status_code == 404
    assert client.get(url, {"account": "nobody"}).status_code == 404


def test_the_bill_of_the_usage_is_ones_own(billed: list[Invoice], customer: Customer) -> None:
    theirs = Invoice.objects.filter(account__code="b").first()
    assert theirs is not None
    client, url = customer("a"), reverse("portal.usage")
    assert client.get(url, {"bill": theirs.pk}).status_code == 404
    assert client.get(url, {"bill": billed[0].pk}).status_code == 200


def test_a_line_of_another_bill_of_mine_cannot_be_asked_about(
    billed: list[Invoice], customer: Customer
) -> None:
    line = Line.objects.filter(invoice=billed[1]).first()
    assert line is not None
    url = reverse("portal.ask", args=[billed[0].pk])
    assert customer("a").post(f"{url}?line={line.pk}", {"text": "Why?"}).status_code == 404


def test_staff_do_not_come_in_and_customers_do_not_come_out(
    billed: list[Invoice], customer: Customer, clerk: Callable[[str], Client]
) -> None:
    assert clerk("admin").get(reverse("portal.home")).status_code == 403
    client = customer("a")
    for name in ("console.home", "customers.customers", "invoices.invoices", "usage.records"):
        assert client.get(reverse(name)).status_code == 403
    assert client.get(reverse("portal.home")).status_code == 200


def test_a_user_without_a_customer_sees_nothing(clerk: Callable[[str], Client]) -> None:
    assert clerk("customer").get(reverse("portal.home")).status_code == 404


def test_support_looks_as_a_customer_and_changes_nothing(
    billed: list[Invoice], clerk: Callable[[str], Client]
) -> None:
    client = clerk("support")
    began = client.post(reverse("console.impersonate", args=["a"]), {"reason": "ticket 7"})
    assert began["Location"] == "/portal/"
    page = client.get(reverse("portal.bill", args=[billed[0].pk])).content.decode()
    assert "You look as a" in page
    theirs = Invoice.objects.filter(account__code="b").first()
    assert theirs is not None
    assert client.get(reverse("portal.bill", args=[theirs.pk])).status_code == 404
    contacts = reverse("portal.contacts")
    assert client.post(contacts, {"email": "x@example.com", "language": "en"}).status_code == 403
    assert Account.objects.get(code="a").customer.party.email == ""
    seen = AuditEntry.objects.filter(action="impersonation.viewed", subject="customer:a")
    assert seen.count() == 2
