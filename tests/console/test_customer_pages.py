"""Customers on pages: the whole of one, new ones, accounts, notes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import resolve, reverse
from payments.conftest import issue_document
from subscriptions.house import publish

from meterline.care import services as care
from meterline.care.models import Note
from meterline.customers import services
from meterline.customers.errors import InvalidField, UnknownCustomer
from meterline.customers.models import Account, Customer
from meterline.payments import services as payments
from meterline.platform import clock
from meterline.platform.models import AuditEntry
from meterline.subscriptions import services as contracts
from meterline.subscriptions import store
from meterline.web import filters, table

Sign = Callable[[str], Client]


@pytest.fixture
def ada(db: None) -> Account:
    """Ada with an account, a subscription, an invoice of 40.00, and 15.00 paid."""
    clock.move_to(datetime(2024, 3, 10, 12, tzinfo=UTC))
    publish()
    services.create_customer(code="ADA", name="Ada Byron", email="ada@example.com")
    account = services.create_account(code="A1", currency="EUR", customer="ADA")
    contracts.subscribe(account_id=account.pk, plan="mobile", code="ADA-S")
    issue_document(account, "40.00", date(2024, 2, 1))
    payments.pay(account.pk, Decimal(15), reference="thanks")
    care.write("ADA", "Prefers e-mail.")
    return account


def test_the_whole_of_a_customer_on_one_axis(clerk: Sign, ada: Account) -> None:
    page = clerk("support").get(reverse("console.customer", args=["ADA"])).content.decode()
    for text in ("Ada Byron", "Begins", "40.00", "thanks", "Prefers e-mail.", "25.00"):
        assert text in page, text


def test_a_search_that_finds_much_shows_the_first_and_says_so(
    clerk: Sign, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in ("B1", "B2", "B3"):
        services.create_customer(code=code, name=f"Bea {code}", email=f"bea{code}@example.com")
    services.create_customer(code="C1", name="Cy")
    url, client = reverse("customers.customers"), clerk("admin")
    whole = client.get(url, {"q": "bea"}).content.decode()
    assert [code in whole for code in ("B1", "B2", "B3", "Cy")] == [True, True, True, False]
    assert "3 in all" in whole
    for module in (filters, table):
        monkeypatch.setattr(module, "SOUGHT", 2)
    cut = client.get(url, {"q": "bea"}).content.decode()
    assert "2+ found, and these are the first" in cut
    assert sum(f"bea{code}@" in cut for code in ("B1", "B2", "B3")) == 2
    assert "Nothing matches" in client.get(url, {"q": "nobody"}).content.decode()
    file = client.get(url, {"q": "bea", "format": "csv"})
    assert b"".join(file.streaming_content).count(b"@example.com") == 3  # an export has all


def test_the_axis_shows_only_what_one_may_see(clerk: Sign, ada: Account) -> None:
    from console.conftest import user

    from meterline.access.models import Role

    role = Role.objects.create(code="desk", name="Desk", permissions=["customers.view"])
    user("support").roles.set([role])
    client = clerk("support")
    page = client.get(reverse("console.customer", args=["ADA"])).content.decode()
    assert "Ada Byron" in page
    assert "Prefers e-mail." not in page
    assert "thanks" not in page
    assert client.get(reverse("console.customer_notes", args=["ADA"])).status_code == 403


@pytest.mark.parametrize(
    ("tab", "text"),
    [("services", "ADA-S"), ("usage", "A1"), ("invoices", "INV-"), ("payments", "thanks"),
     ("notes", "Prefers e-mail.")],
)  # fmt: skip
def test_tabs(clerk: Sign, ada: Account, tab: str, text: str) -> None:
    page = clerk("billing").get(reverse(f"console.customer_{tab}", args=["ADA"])).content.decode()
    assert text in page


def test_the_next_invoice_is_that_of_a_preview(clerk: Sign, ada: Account) -> None:
    client = clerk("billing")
    where = reverse("console.account_next", args=[ada.pk])
    part = client.get(where, headers={"HX-Request": "true"}).content.decode()
    assert "53.00" in part  # 22 days of March, and April
    assert "<html" not in part
    assert "<html" in client.get(where).content.decode()
    usage = client.get(reverse("console.account_usage", args=[ada.pk])).content.decode()
    assert "Nothing so far" in usage
    assert "25.00" in client.get(reverse("console.account", args=[ada.pk])).content.decode()


def test_a_new_customer_and_their_account(clerk: Sign, db: None) -> None:
    client = clerk("billing")
    data = {"code": "NEW", "name": "New Ltd", "kind": "organisation", "language": "en"}
    answer = client.post(reverse("console.customer_new"), data)
    assert answer["Location"] == reverse("console.account_new", args=["NEW"])
    again = client.post(reverse("console.customer_new"), data).content.decode()
    assert "exists already" in again
    wrong = {"code": "N1", "currency": "XXQ", "timezone": "Europe/Rome", "billing_day": "5"}
    where = reverse("console.account_new", args=["NEW"])
    assert "ISO 4217" in client.post(where, wrong).content.decode()
    client.post(where, {**wrong, "currency": "EUR"})
    made = Account.objects.get(code="N1")
    assert (made.customer.code, made.timezone) == ("NEW", "Europe/Rome")
    assert [day.day for day in store.billing_days(made.pk)] == [5]


@pytest.mark.parametrize(
    "code",
    ["new", "accounts", ".", "..", "a/b", "/", "a/services", "50%", "%2F", "~", "~2F", "what?",
     "a#b", "a;b", "a\\b", "x y", "Żółw", "tab\tin"],
)  # fmt: skip
def test_any_code_has_its_pages(clerk: Sign, db: None, code: str) -> None:
    services.create_customer(code=code, name="Ada Byron", email="ada@example.com")
    client = clerk("support")
    for name in ("customer", "customer_services", "customer_notes"):
        url = reverse(f"console.{name}", args=[code])
        assert "/../" not in url
        assert "/./" not in url
        assert client.get(url).context["customer"].code == code
    assert resolve("/customers/new/").view_name == "console.customer_new"


def test_a_customer_is_changed_and_the_audit_keeps_what_was(clerk: Sign, ada: Account) -> None:
    data = {"name": "Ada Lovelace", "kind": "person", "language": "en", "segment": "gold"}
    clerk("support").post(reverse("console.customer_edit", args=["ADA"]), data)
    one = Customer.objects.get(code="ADA")
    assert (one.party.name, one.segment, one.party.email) == ("Ada Lovelace", "gold", "")
    entry = AuditEntry.objects.get(action="customer.updated")
    assert entry.before == {"name": "Ada Byron", "email": "ada@example.com", "segment": ""}
    with pytest.raises(InvalidField):
        services.update_customer("ADA", country="Italy")


def test_the_billing_day_is_changed_after_a_look(clerk: Sign, ada: Account) -> None:
    client, where = clerk("billing"), reverse("console.billing_day", args=[ada.pk])
    client.post(where, {"day": "15"})
    assert len(store.billing_days(ada.pk)) == 1
    client.post(where, {"day": "15", "confirm": "1"})
    assert store.billing_days(ada.pk)[-1].day == 15


def test_notes_are_written_and_stay(clerk: Sign, ada: Account) -> None:
    where = reverse("console.note_write", args=["ADA"])
    clerk("support").post(where, {"kind": "call", "text": "Asked about roaming."})
    note = Note.objects.get(kind="call")
    assert note.author == "user:support@example.com"
    assert clerk("auditor").post(where, {"kind": "call", "text": "x"}).status_code == 403
    empty = clerk("support").post(where, {"kind": "call", "text": " "})
    assert "required" in empty.content.decode()
    with pytest.raises(DatabaseError), transaction.atomic():
        Note.objects.filter(pk=note.pk).update(text="other")
    for text, kind in (("", "note"), ("x", "tweet"), ("x\0", "note")):
        with pytest.raises(InvalidField):
            care.write("ADA", text, kind=kind)
    with pytest.raises(UnknownCustomer):
        care.write("nobody", "x")


@pytest.mark.parametrize("role", ["auditor", "read-only", "product"])
def test_whoever_may_only_see_changes_nothing(clerk: Sign, ada: Account, role: str) -> None:
    client = clerk(role)
    for name in ("console.customer_edit", "console.account_new"):
        assert client.post(reverse(name, args=["ADA"]), {"name": "X"}).status_code == 403
    assert Customer.objects.get(code="ADA").party.name == "Ada Byron"
