"""Paying, crediting, refunding, charging back: what is open, what is credit, what is booked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from meterline.customers.errors import InvalidField, UnknownAccount
from meterline.customers.models import Account
from meterline.customers.services import create_account
from meterline.kernel.errors import MeterlineError
from meterline.ledger.models import Entry
from meterline.ledger.models import Line as LedgerLine
from meterline.payments import services
from meterline.payments.errors import (
    InvalidAmount,
    NotEnoughCredit,
    NotEnoughPaid,
    PaymentCodeTaken,
    ReservedCode,
    UnknownInvoice,
    WrongCurrency,
)
from meterline.payments.models import Allocation, OpenItem, Payment
from meterline.platform.models import AuditEntry, Event

pytestmark = pytest.mark.django_db
Check = Callable[[], None]


def open_amounts() -> list[Decimal]:
    return list(OpenItem.objects.order_by("invoice_id").values_list("open", flat=True))


def figures(account: Account) -> tuple[Decimal, Decimal]:
    found = services.balance(account.pk)
    return found.receivable, found.credit


def test_oldest_invoice_first(account: Account, issue: Any, books_agree: Check) -> None:
    issue(account, "10", date(2026, 2, 1))
    issue(account, "20", date(2026, 1, 1))  # later in the books, due earlier
    services.pay(account.pk, Decimal(25))
    assert open_amounts() == [5, 0]
    books_agree()


def test_the_invoice_named_first(account: Account, issue: Any, books_agree: Check) -> None:
    issue(account, "10", date(2026, 1, 1))
    named = issue(account, "20", date(2026, 2, 1))
    services.pay(account.pk, Decimal(21), invoice=named.number)
    assert open_amounts() == [9, 0]
    books_agree()


def test_what_is_left_over_is_credit(account: Account, issue: Any, books_agree: Check) -> None:
    issue(account, "10")
    services.pay(account.pk, Decimal(12))
    assert figures(account) == (0, 2)
    second = issue(account, "5", date(2026, 2, 1))
    assert (second.credit_applied, second.due) == (2, 3)
    assert figures(account) == (3, 0)
    books_agree()


def test_a_credit_note_is_credit(account: Account, issue: Any, books_agree: Check) -> None:
    issue(account, "-7")
    assert figures(account) == (0, 7)
    paid = issue(account, "7")
    assert (paid.credit_applied, paid.due) == (7, 0)
    assert OpenItem.objects.count() == 0
    books_agree()


def test_a_document_of_nothing_leaves_no_trace_in_the_books(
    account: Account, issue: Any, books_agree: Check
) -> None:
    services.grant_credit(account.pk, Decimal(5))
    before = Entry.objects.count()
    paid = issue(account, "0")
    assert (paid.credit_applied, paid.due) == (0, 0)
    assert Entry.objects.filter(kind="invoice").exists() is False
    assert (Entry.objects.count(), figures(account)) == (before, (0, 5))
    books_agree()


def test_granted_credit_is_booked_at_our_expense(account: Account, books_agree: Check) -> None:
    made = services.grant_credit(account.pk, Decimal(25), reason="late delivery")
    lines = dict(LedgerLine.objects.values_list("ledger_account", "amount"))
    assert lines == {"goodwill": 25, "customer_credit": -25}
    assert (made.kind, made.reference) == ("credit", "late delivery")
    books_agree()


def test_refund_of_credit(account: Account, books_agree: Check) -> None:
    services.pay(account.pk, Decimal(10))
    services.refund(account.pk, Decimal(4))
    assert figures(account) == (0, 6)
    with pytest.raises(NotEnoughCredit, match=r"has 6\.00 EUR of credit"):
        services.refund(account.pk, Decimal("6.01"))
    books_agree()


def test_refund_of_an_invoice_opens_it_again(
    account: Account, issue: Any, books_agree: Check
) -> None:
    invoice = issue(account, "10")
    services.pay(account.pk, Decimal(10))
    services.refund(account.pk, Decimal(4), invoice=invoice.number)
    assert figures(account) == (4, 0)
    with pytest.raises(NotEnoughPaid):
        services.refund(account.pk, Decimal("6.01"), invoice=invoice.number)
    books_agree()


def test_a_chargeback_opens_the_newest_first(
    account: Account, issue: Any, books_agree: Check
) -> None:
    for _ in range(2):
        issue(account, "10")
    services.pay(account.pk, Decimal(23))
    services.chargeback(account.pk, Decimal(12))
    assert open_amounts() == [2, 10]
    services.chargeback(account.pk, Decimal(11))  # 8 of the older one, and the credit
    assert figures(account) == (20, 0)
    with pytest.raises(NotEnoughPaid):
        services.chargeback(account.pk, Decimal("0.01"))
    books_agree()


def test_a_payment_that_is_known_changes_nothing(account: Account, issue: Any) -> None:
    issue(account, "10")
    first = services.pay(account.pk, Decimal(4), code="bank-1")
    again = services.pay(account.pk, Decimal("4.00"), code="bank-1")
    assert (first.pk, open_amounts()) == (again.pk, [6])
    with pytest.raises(PaymentCodeTaken):
        services.pay(account.pk, Decimal(5), code="bank-1")
    other = create_account(code="B", currency="EUR")
    with pytest.raises(PaymentCodeTaken, match=r"of 4\.00 EUR to account A"):
        services.pay(other.pk, Decimal(4), code="bank-1")


def test_our_own_codes(account: Account) -> None:
    made = services.pay(account.pk, Decimal(4))
    assert made.code == f"P-{made.pk:08d}"
    assert services.pay(account.pk, Decimal(4), code=made.code).pk == made.pk
    with pytest.raises(ReservedCode):
        services.pay(account.pk, Decimal(4), code=f"P-{made.pk + 2:08d}")
    credit = services.grant_credit(account.pk, Decimal(4))
    with pytest.raises(PaymentCodeTaken):
        services.pay(account.pk, Decimal(4), code=credit.code)


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "Infinity", "1e15"])
@pytest.mark.parametrize("act", ["pay", "grant_credit", "refund", "chargeback"])
def test_amounts_that_cannot_be(account: Account, act: str, amount: str) -> None:
    with pytest.raises(InvalidAmount):
        getattr(services, act)(account.pk, Decimal(amount))
    assert Payment.objects.count() == 0


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"currency": "USD"}, WrongCurrency),
        ({"invoice": "INV-9"}, UnknownInvoice),
        ({"invoice": 12345}, UnknownInvoice),
        ({"reference": "x" * 201}, InvalidField),
        ({"reference": "a\0b"}, InvalidField),
        ({"method": "x" * 41}, InvalidField),
        ({"code": ""}, InvalidField),
        ({"code": "x" * 101}, InvalidField),
    ],
)
def test_what_is_refused(
    account: Account, given: dict[str, Any], error: type[MeterlineError]
) -> None:
    with pytest.raises(error):
        services.pay(account.pk, Decimal(1), **given)
    assert Payment.objects.count() == 0


def test_an_invoice_of_another_account(account: Account, issue: Any) -> None:
    other = issue(create_account(code="B", currency="EUR"), "10")
    with pytest.raises(UnknownInvoice):
        services.pay(account.pk, Decimal(1), invoice=other.number)


def test_unknown_account(db: None) -> None:
    with pytest.raises(UnknownAccount):
        services.pay(0, Decimal(1))


def test_the_longest_texts_fit(account: Account) -> None:
    made = services.pay(account.pk, Decimal(1), reference="r" * 200, code="c" * 100)
    assert Entry.objects.get().reference == f"{made.code} {made.reference}"


def test_booked_on_the_day_of_the_account(account: Account) -> None:
    services.pay(account.pk, Decimal(1), at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    assert Entry.objects.get().date == date(2026, 2, 1)
    services.pay(
        create_account(code="H", currency="USD", timezone="Pacific/Honolulu").pk, Decimal(1),
        at=datetime(2026, 3, 1, 9, tzinfo=UTC),
    )  # fmt: skip
    assert Entry.objects.latest("id").date == date(2026, 2, 28)


def test_allocated_when_it_was_paid(account: Account, issue: Any) -> None:
    issue(account, "10")
    at = datetime(2026, 1, 7, 8, tzinfo=UTC)
    services.pay(account.pk, Decimal(1), at=at)
    assert Allocation.objects.get().at == at


def test_overdue_after_the_local_due_date(account: Account, issue: Any) -> None:
    issue(account, "10", date(2026, 1, 1))  # due on the 15th
    on_the_day = datetime(2026, 1, 15, 22, 59, tzinfo=UTC)
    assert services.balance(account.pk, on_the_day).overdue == 0
    assert services.balance(account.pk, on_the_day.replace(hour=23)).overdue == 10


def test_events_and_audit(account: Account) -> None:
    made = services.pay(account.pk, Decimal(1))
    event = Event.objects.get(name="payment.recorded")
    assert (event.subject, event.payload["kind"]) == (f"payment:{made.code}", "payment")
    assert AuditEntry.objects.get(action="payment.recorded").after["amount"] == "1.0000000000"


@pytest.mark.parametrize("table", ["payments_payment", "payments_allocation"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET amount = 7", "DELETE FROM {}"])
def test_what_is_recorded_stays(account: Account, issue: Any, table: str, statement: str) -> None:
    issue(account, "10")
    services.pay(account.pk, Decimal(1))
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table))
