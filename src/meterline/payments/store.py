"""Reading and writing what is open, what is credit and what was allocated, in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from django.db import connection

from meterline.kernel.money import MONEY
from meterline.payments.allocate import OpenItem
from meterline.platform.database import read_frame, write_frame

CREDIT: dict[str, Any] = {"account_id": pl.Int64, "currency": pl.String, "credit": MONEY}
ALLOCATION: dict[str, Any] = {
    "payment_id": pl.Int64, "account_id": pl.Int64, "invoice_id": pl.Int64, "amount": MONEY,
    "at": pl.Datetime("us", "UTC"),
}  # fmt: skip


def lock_accounts(account_ids: Sequence[int]) -> None:
    """Nobody else pays to, bills or refunds these accounts until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM customers_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [list(account_ids)],
        )


def credits(account_ids: Sequence[int]) -> pl.DataFrame:
    """CREDIT of accounts that have some."""
    return read_frame(
        "SELECT account_id, currency, credit FROM payments_credit"
        " WHERE account_id = ANY(%s) AND credit > 0 ORDER BY account_id",
        [list(account_ids)],
        schema=CREDIT,
    )


def add_credit(changes: pl.DataFrame) -> None:
    """Change accounts' credit: account_id, currency, amount (negative where credit is used)."""
    sums = changes.group_by("account_id", "currency").agg(pl.col("amount").sum())
    sums = sums.filter(pl.col("amount") != 0).sort("account_id")
    if sums.is_empty():
        return
    columns = [sums["account_id"].to_list(), sums["currency"].to_list(), sums["amount"].to_list()]
    with connection.cursor() as cursor:
        # used credit has a row already: an upsert would check its negative amount as a new row
        cursor.execute(
            """
            INSERT INTO payments_credit (account_id, currency, credit)
            SELECT unnest(%s::bigint[]), unnest(%s::text[]), 0 ON CONFLICT DO NOTHING
            """,
            columns[:2],
        )
        cursor.execute(
            """
            UPDATE payments_credit c SET credit = c.credit + x.amount
            FROM unnest(%s::bigint[], %s::text[], %s::numeric[]) AS x (account_id, currency, amount)
            WHERE c.account_id = x.account_id AND c.currency = x.currency
            """,
            columns,
        )


def open_items(account_ids: Sequence[int]) -> list[OpenItem]:
    """What is open of these accounts' invoices."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT invoice_id, account_id, due_date, open FROM payments_openitem"
            " WHERE account_id = ANY(%s) AND open > 0",
            [list(account_ids)],
        )
        names = ("invoice_id", "account_id", "due_date", "open")
        return [OpenItem(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def write_open_items(documents: pl.DataFrame) -> None:
    """Open items of invoices with something due."""
    due = documents.filter(pl.col("due") > 0)
    write_frame(
        "payments_openitem",
        due.select(
            pl.col("id").alias("invoice_id"), "account_id", "currency", "due_date",
            pl.col("due").alias("amount"), pl.col("due").alias("open"),
        ),
    )  # fmt: skip


def write_payments(payments: pl.DataFrame) -> None:
    """Rows of Payment."""
    write_frame(
        "payments_payment",
        payments.select(
            "id", "code", "account_id", "kind", "at", "currency", "amount", "method", "reference"
        ),
    )


def write_allocations(allocations: pl.DataFrame) -> None:
    """Rows of Allocation (ALLOCATION), and what they leave open."""
    if allocations.is_empty():
        return
    write_frame("payments_allocation", allocations.select(ALLOCATION.keys()))
    sums = allocations.group_by("invoice_id").agg(pl.col("amount").sum()).sort("invoice_id")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_openitem o SET open = o.open - x.amount
            FROM unnest(%s::bigint[], %s::numeric[]) AS x (invoice_id, amount)
            WHERE o.invoice_id = x.invoice_id
            """,
            [sums["invoice_id"].to_list(), sums["amount"].to_list()],
        )


def allocated(account_id: int, invoice_id: int | None) -> list[tuple[int, Any]]:
    """(invoice_id, what payments have settled of it), newest allocation first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT invoice_id, sum(amount) FROM payments_allocation
            WHERE account_id = %s AND (%s::bigint IS NULL OR invoice_id = %s::bigint)
            GROUP BY invoice_id HAVING sum(amount) > 0 ORDER BY max(id) DESC
            """,
            [account_id, invoice_id, invoice_id],
        )
        return list(cursor.fetchall())


def draw_ids(count: int) -> list[int]:
    """Ids for new payments."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval('payments_payment_id_seq') FROM generate_series(1, %s)", [count]
        )
        return [row[0] for row in cursor.fetchall()]
