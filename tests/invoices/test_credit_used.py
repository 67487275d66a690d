"""What a document used of granted credit stands on it, with what is still to pay."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from meterline.billing import services as billing
from meterline.customers.models import Account
from meterline.invoices import reports
from meterline.invoices.formats import document_format
from meterline.invoices.models import Invoice
from meterline.invoices.texts import texts
from meterline.payments import services as payments
from meterline.platform import clock


@pytest.fixture
def number(account: Account) -> str:
    """A document that used a grant with a reason, one without, and 1.00 paid ahead."""
    last = Invoice.objects.order_by("id").last()
    assert last is not None
    clock.move_to(last.issued_at)
    owed = payments.balance(account.pk).receivable
    payments.pay(account.pk, owed + 1)
    payments.grant_credit(account.pk, Decimal("2.50"), reason="Line was <down>")
    payments.grant_credit(account.pk, Decimal("1.00"))
    clock.move_to(datetime(last.issued_at.year + 1, 1, 2, tzinfo=UTC))
    made = billing.run(account_codes=[account.code], workers=1).invoice_ids
    return Invoice.objects.get(pk=made[0]).number


def test_each_grant_is_named(number: str) -> None:
    document = reports.document(number)
    (named, other) = document.credits
    assert (named.reason, named.amount) == ("Line was <down>", Decimal("2.5"))
    assert other.reason and other.amount == 1
    paid_in = Decimal("2.22")  # 1.00 beyond what was owed, and the credit note of the story
    assert document.credit_applied == named.amount + other.amount + paid_in
    assert document.due == document.total - document.credit_applied > 0


def test_all_forms_show_it(number: str) -> None:
    document = reports.document(number)
    shown = texts(document)
    page = document_format("html").render(document).decode()
    for text in ("Verwendetes Guthaben", "davon Line was &lt;down&gt;", "Zu zahlen", shown["due"]):
        assert text in page
    data = json.loads(document_format("json").render(document))
    assert [one["amount"] for one in data["credits"]] == ["2.5", "1"]
    assert document_format("pdf").render(document).startswith(b"%PDF")
