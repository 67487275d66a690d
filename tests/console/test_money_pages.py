"""Money on pages: payments taken and given back, credit by four eyes, who owes, the books."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from console.conftest import axe
from console.test_contract_pages import amounts, twice
from django.db import connection
from django.test import Client
from django.urls import reverse
from payments.conftest import issue_document
from procrastinate.contrib.django.models import ProcrastinateJob

from meterline.access import approvals, limits
from meterline.access.errors import ApprovalNeeded
from meterline.access.models import Approval
from meterline.customers.models import Account
from meterline.customers.services import create_account
from meterline.ledger.jobs import ADD_UP, add_up
from meterline.ledger.models import Entry
from meterline.payments import ageing, services
from meterline.payments.models import Grant, Payment
from meterline.payments.services import balance
from meterline.platform import audit, clock
from meterline.web.format import MINUS

Sign = Callable[[str], Client]


@pytest.fixture
def owes(db: None) -> Account:
    """An account with 10.00 due on 15 January and 30.00 due on 15 March; today is 20 March."""
    clock.move_to(datetime(2024, 3, 20, 12, tzinfo=UTC))
    account = create_account(code="A1", currency="EUR")
    issue_document(account, "10.00", date(2024, 1, 1))
    issue_document(account, "30.00", date(2024, 3, 1))
    return account


def run_jobs() -> None:
    """What the worker would do."""
    with connection.cursor() as cursor:
        for job in ProcrastinateJob.objects.filter(task_name=ADD_UP, status="todo"):
            add_up(**job.args)
            cursor.execute(
                "UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = %s", [job.pk]
            )


def numbers(account: Account) -> list[str]:
    return list(account.invoice_set.order_by("pk").values_list("number", flat=True))


def test_a_payment_settles_the_oldest_first(clerk: Sign, owes: Account) -> None:
    first, second = twice(
        clerk("billing"), reverse("console.pay"), account="A1", amount="25.00",
        method="cash", reference="in the shop",
    )  # fmt: skip
    # amount, settled, change of credit, owes before, owes after; then the parts
    assert amounts(first) == ["25.00", "25.00", "0.00", "40.00", "15.00", "10.00", "15.00"]
    assert "in the shop" in second
    made = Payment.objects.get()
    assert (made.method, made.amount) == ("cash", Decimal(25))
    assert balance(owes.pk).balance == 15


def test_a_payment_settles_the_invoice_named(clerk: Sign, owes: Account) -> None:
    first, _second = twice(
        clerk("finance"), reverse("console.pay"), account="A1", amount="45", method="card",
        invoice=numbers(owes)[1],
    )  # fmt: skip
    assert amounts(first) == ["45.00", "40.00", "5.00", "40.00", f"{MINUS}5.00", "30.00", "10.00"]
    assert balance(owes.pk).credit == 5


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"account": "nobody", "amount": "1"}, "nobody"),
        ({"account": "A1", "amount": "1.005"}, "no amount to pay"),
        ({"account": "A1", "amount": "-1"}, "no amount to pay"),
        ({"account": "A1", "amount": "1", "invoice": "INV-9"}, "has no invoice"),
    ],
)
def test_what_cannot_be_is_told_in_words(
    clerk: Sign, owes: Account, data: dict[str, str], told: str
) -> None:
    page, _none = twice(clerk("billing"), reverse("console.pay"), method="cash", **data)
    assert told in page
    assert Payment.objects.count() == 0


def test_a_payment_is_given_back(clerk: Sign, owes: Account) -> None:
    client = clerk("billing")
    twice(client, reverse("console.pay"), account="A1", amount="40.00", method="card")
    paid = Payment.objects.get()
    back = reverse("console.give_back", args=[paid.pk, "refund"])
    assert all(number in client.get(back).content.decode() for number in numbers(owes))
    twice(client, back, amount="10.00", invoice=numbers(owes)[0])
    assert balance(owes.pk).balance == 10
    where = reverse("console.give_back", args=[paid.pk, "chargeback"])
    twice(client, where, amount="30.00")
    assert balance(owes.pk).balance == 40
    none, _none = twice(client, back, amount="1.00", invoice="")
    assert "credit" in none
    page = client.get(reverse("payments.payment", args=[paid.pk])).content.decode()
    assert "40.00" in page
    assert client.get(reverse("console.give_back", args=[paid.pk, "gift"])).status_code == 404


@pytest.mark.parametrize(
    ("amount", "currency", "above"),
    [("100.00", "EUR", False), ("100.01", "EUR", True), ("10000", "JPY", False),
     ("10001", "JPY", True), ("100.001", "KWD", True)],
)  # fmt: skip
def test_the_limit_of_credit(db: None, amount: str, currency: str, above: bool) -> None:
    assert limits.above(Decimal(amount), currency, "account:A") is above


def test_what_one_person_gave_within_a_day_counts_together(clerk: Sign, owes: Account) -> None:
    client = clerk("billing")
    for amount in ("60.00", "40.00"):
        twice(client, reverse("console.grant"), account="A1", amount=amount, reason="late reply")
    assert Grant.objects.count() == 2
    page, _asked = twice(client, reverse("console.grant"), account="A1", amount="0.01", reason="x")
    assert "within a day" in page
    assert "100.00" in page
    assert Grant.objects.count() == 2
    assert Approval.objects.get().payload["amount"] == "0.01"
    with audit.acting_as("user:support@example.com"):  # somebody else has given nothing yet
        services.grant_credit(owes.pk, Decimal(100))
        with pytest.raises(ApprovalNeeded):
            services.grant_credit(owes.pk, Decimal("0.01"))
    clock.move_to(clock.now() + timedelta(hours=24))
    with audit.acting_as("user:billing@example.com"):
        services.grant_credit(owes.pk, Decimal(100))
    assert Grant.objects.count() == 4


def test_small_credit_is_granted_and_taken_back(clerk: Sign, owes: Account) -> None:
    client = clerk("support")
    twice(client, reverse("console.grant"), account="A1", amount="5.00", reason="late reply")
    grant = Grant.objects.get()
    assert grant.remaining == 5
    assert "late reply" in client.get(reverse("payments.credit")).content.decode()
    twice(client, reverse("console.void", args=[grant.pk]))
    grant.refresh_from_db()
    assert grant.remaining == 0


def test_large_credit_needs_a_second_person(clerk: Sign, owes: Account) -> None:
    client = clerk("billing")
    data = {"account": "A1", "amount": "500.00", "reason": "outage", "expires": "2024-12-31"}
    twice(client, reverse("console.grant"), **data)
    asked = Approval.objects.get()
    assert Grant.objects.count() == 0
    now = reverse("console.grant_approved", args=[asked.pk])
    assert client.post(now).status_code == 404  # nobody has approved
    with audit.acting_as("user:finance@example.com"):
        approvals.decide(asked.pk, approved=True)
    assert "Approved by" in client.get(reverse("payments.credit")).content.decode()
    assert client.post(now).status_code == 303
    assert client.post(now).status_code == 404  # once
    grant = Grant.objects.get()
    assert (grant.amount, grant.expires_at) == (500, datetime(2024, 12, 31, tzinfo=UTC))


def test_who_owes_and_for_how_long(clerk: Sign, owes: Account) -> None:
    client = clerk("auditor")
    owed = ageing.of([owes.pk], clock.now())[owes.pk]
    assert (owed.days_61_90, owed.days_1_30, owed.overdue) == (10, 30, 40)
    create_account(code="B", currency="EUR")
    page = client.get(reverse("payments.owing")).content.decode()
    assert amounts(page) == ["0.00", "30.00", "0.00", "10.00", "0.00", "40.00"]
    items = reverse("payments.open_items")
    for query, count in (("", 2), ("age=61", 1), ("age=1", 1), ("age=31", 0), ("overdue=1", 2),
                         ("currency=USD", 0)):  # fmt: skip
        text = client.get(f"{items}?{query}").content.decode()
        assert text.count(reverse("console.account", args=[owes.pk])) == count, query


def test_payments_are_found(clerk: Sign, owes: Account) -> None:
    client = clerk("billing")
    twice(client, reverse("console.pay"), account="A1", amount="1.00", method="cash")
    code = Payment.objects.get().code
    where = reverse("payments.payments")
    for query, found in ((f"q={code[:6]}", True), ("account=A1", True), ("account=B", False),
                         ("kind=refund", False), ("at_from=2024-03-20", True),
                         ("at_from=2024-03-21", False)):  # fmt: skip
        assert (code in client.get(f"{where}?{query}").content.decode()) is found, query
    assert code in client.get(reverse("console.palette"), {"q": code.lower()}).content.decode()
    csv = b"".join(client.get(f"{where}?format=csv"))
    assert code.encode() in csv


def test_the_books(clerk: Sign, owes: Account) -> None:
    client = clerk("finance")
    assert "Not added up yet" in client.get(reverse("ledger.trial_balance")).content.decode()
    for day in ("", "2023-12-31"):
        client.post(reverse("ledger.trial_add_up"), {"at": day})
        assert (
            "Adding up" in client.get(reverse("ledger.trial_balance"), {"at": day}).content.decode()
        )
        run_jobs()
    page = client.get(reverse("ledger.trial_balance")).content.decode()
    assert "receivable" in page
    assert "balanced" in page
    assert "Adding up" not in page
    early = client.get(reverse("ledger.trial_balance"), {"at": "2023-12-31"}).content.decode()
    assert "The books are empty" in early
    told = client.get(reverse("ledger.trial_progress"))
    assert told["HX-Refresh"] == "true"
    entry = Entry.objects.order_by("pk").first()
    assert entry is not None
    assert "receivable" in client.get(reverse("ledger.entry", args=[entry.pk])).content.decode()
    listed = client.get(reverse("ledger.entries"), {"account": "A1", "kind": "invoice"})
    assert amounts(listed.content.decode()) == ["30.00", "10.00"]
    file = client.get(reverse("ledger.export_file"), {"format": "csv", "until": "2024-02-01"})
    assert file.content.decode().count("receivable") == 1
    assert client.get(reverse("ledger.export_file"), {"format": "xml"}).status_code == 422
    twice(client, reverse("ledger.recognise"), until="2024-03-20")
    assert clerk("billing").get(reverse("ledger.export")).status_code == 403


@pytest.mark.parametrize("role", ["auditor", "read-only", "product", "support"])
def test_whoever_may_not_take_money_does_not(clerk: Sign, owes: Account, role: str) -> None:
    data = {"account": "A1", "amount": "1.00", "method": "cash", "confirm": "1"}
    assert clerk(role).post(reverse("console.pay"), data).status_code == 403
    assert Payment.objects.count() == 0


@pytest.mark.slow
def test_what_is_owed_after_a_payment_is_seen_before(browser_page: Callable[..., Any]) -> None:
    page = browser_page("/money/pay/?account=M000001")
    page.fill("[name=amount]", "5.00")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Owes after")
    assert axe(page) == []
