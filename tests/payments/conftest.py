"""Accounts, and documents that they have to pay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest
from django.db import connection, transaction
from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from meterline.customers.models import Account
from meterline.customers.services import create_account
from meterline.invoices import services as invoices
from meterline.invoices.models import Invoice
from meterline.kernel.money import MONEY
from meterline.ledger import posting
from meterline.ledger import services as ledger
from meterline.payments import services
from meterline.payments.models import Grant

Issue = Callable[..., Invoice]
_NONE = ("subscription_id", "price_id", "price_code", "start_at", "end_at", "quantity", "tax_code",
         "tax_percent", "tax_amount", "season", "band", "by_value", "inputs")  # fmt: skip


@pytest.fixture
def account(db: None) -> Account:
    """An account in euro, in Berlin."""
    return create_account(code="A", currency="EUR", timezone="Europe/Berlin")


@pytest.fixture
def issue(db: None) -> Issue:
    """Issue a document of a total, as billing does: issue(account, "10.00")."""
    return issue_document


@transaction.atomic
def issue_document(account: Account, total: str, day: date = date(2026, 1, 1)) -> Invoice:
    """A document with one line, due 14 days later; negative: a credit note."""
    money = Decimal(total)
    documents = pl.DataFrame(
        {
            "account_id": [account.pk], "seller_id": [account.seller_id],
            "kind": ["invoice" if money >= 0 else "credit_note"], "currency": [account.currency],
            "issue_date": [day], "due_date": [day + timedelta(days=14)],
            **{name: pl.Series([money], dtype=MONEY) for name in ("net", "total")},
            "tax": pl.Series([0], dtype=MONEY),
        }
    )  # fmt: skip
    lines = pl.DataFrame(
        {
            "account_id": [account.pk], "position": [1], "name": ["Use"], "kind": ["usage"],
            "amount": pl.Series([money], dtype=MONEY), "track": ["t"], "advance": [False],
            **{name: pl.Series([None], dtype=pl.String) for name in _NONE},
        }
    )  # fmt: skip
    taxes = pl.DataFrame(
        schema={"account_id": pl.Int64, "code": pl.String, "percent": pl.Decimal(12, 6),
                "base": MONEY, "amount": MONEY}
    )  # fmt: skip
    at = datetime.combine(day, time(12), UTC)
    parts = lines.select(
        "account_id", pl.lit(True).alias("usage"), pl.lit("calls").alias("price_code"), "amount"
    )
    credited, uses = services.use_credit(documents, lambda: parts, at, lock=True)
    made = invoices.record(credited, lines, taxes, issued_at=at)
    ledger.post(*posting.invoice_postings(made, lines, taxes))
    services.open_documents(made, at, uses)
    return Invoice.objects.get(pk=made["id"][0])


@pytest.fixture
def books_agree(db: None) -> Callable[[], None]:
    """Fails unless the ledger balances and says of each account what its payments say."""
    return check_books


def check_books() -> None:
    """Invariant: receivable = open items, customer credit = credit, everything balances."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(
            """
            SELECT account_id,
                coalesce(sum(amount) FILTER (WHERE ledger_account = 'receivable'), 0),
                coalesce(-sum(amount) FILTER (WHERE ledger_account = 'customer_credit'), 0)
            FROM ledger_line GROUP BY account_id
            """
        )
        booked = {account: (receivable, credit) for account, receivable, credit in cursor}
        cursor.execute(
            """
            SELECT i.invoice_id, i.amount - i.open, coalesce(sum(a.amount), 0)
            FROM payments_openitem i LEFT JOIN payments_allocation a USING (invoice_id)
            GROUP BY i.invoice_id
            """
        )
        assert all(settled == allocated for _, settled, allocated in cursor)
    assert set(ledger.differences(ledger.trial_balance()).values()) <= {0}
    for account_id in Account.objects.values_list("pk", flat=True):
        found = services.balance(account_id)
        assert booked.get(account_id, (0, 0)) == (found.receivable, found.credit)
        assert found.balance == found.receivable - found.credit
        assert found.receivable >= found.overdue >= 0 <= found.credit
        granted = Grant.objects.filter(account_id=account_id).values_list("remaining", flat=True)
        assert sum(granted) <= found.credit
    assert list(
        Grant.objects.annotate(taken=Coalesce(Sum("uses__amount"), Decimal(0)))
        .exclude(amount=F("remaining") + F("taken"))
        .values_list("pk", flat=True)
    ) == []  # fmt: skip
