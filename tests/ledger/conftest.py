"""Entries and advance billing to try the books with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from meterline.customers.models import Account
from meterline.customers.services import create_account
from meterline.invoices import services as invoices
from meterline.kernel.money import MONEY
from meterline.ledger import posting, services

Post = Callable[..., int]
Advance = Callable[..., None]


@pytest.fixture
def account(db: None) -> Account:
    """An account in euro, in Berlin."""
    return create_account(code="A", currency="EUR", timezone="Europe/Berlin")


@pytest.fixture
def post(db: None) -> Post:
    """Post one entry: post(receivable="10", cash="-10") gives its id."""

    def make(
        *, day: date = date(2026, 1, 15), reference: str = "r", currency: str = "EUR",
        account_id: int | None = None, **amounts: str,
    ) -> int:  # fmt: skip
        entries = pl.DataFrame(
            [(1, day, "test", reference, account_id)], schema=posting.ENTRIES, orient="row"
        )
        rows = [
            (1, name, account_id, currency, Decimal(amount)) for name, amount in amounts.items()
        ]
        lines = pl.DataFrame(rows, schema=posting.LINES, orient="row")
        return int(services.post(entries, lines)["entry_id"][0])

    return make


@pytest.fixture
def advance(account: Account) -> Advance:
    """Issue a document with one line in advance of local days, and book it."""

    def make(amount: str, start: date, end: date, *, issued: date | None = None) -> None:
        day, money = issued or start, Decimal(amount)
        zone = ZoneInfo(account.timezone)
        moments = [datetime.combine(d, time(0), zone).astimezone(UTC) for d in (start, end)]
        documents = pl.DataFrame(
            {
                "account_id": [account.pk], "seller_id": [account.seller_id],
                "kind": ["invoice" if money >= 0 else "credit_note"], "currency": ["EUR"],
                "issue_date": [day], "due_date": [day],
                **{name: pl.Series([money], dtype=MONEY) for name in ("net", "total", "due")},
                **{name: pl.Series([0], dtype=MONEY) for name in ("tax", "credit_applied")},
            }
        )  # fmt: skip
        empty = ("subscription_id", "price_id", "price_code", "quantity", "tax_code",
                 "tax_percent", "tax_amount", "season", "band", "by_value", "inputs")  # fmt: skip
        lines = pl.DataFrame(
            {
                "account_id": [account.pk], "position": [1], "name": ["Plan"],
                "kind": ["recurring"], "start_at": [moments[0]], "end_at": [moments[1]],
                "amount": pl.Series([money], dtype=MONEY), "track": ["t"], "advance": [True],
                **{name: pl.Series([None], dtype=pl.String) for name in empty},
            }
        )  # fmt: skip
        taxes = pl.DataFrame(
            schema={"account_id": pl.Int64, "code": pl.String, "percent": pl.Decimal(12, 6),
                    "base": MONEY, "amount": MONEY}
        )  # fmt: skip
        issued_at = datetime.combine(day, time(12), UTC)
        made = invoices.record(documents, lines, taxes, issued_at=issued_at)
        services.post(*posting.invoice_postings(made, lines, taxes))

    return make
