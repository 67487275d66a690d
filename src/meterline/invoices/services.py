"""Recording documents: the only writer of the invoices' tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import polars as pl
from django.db import connection

from meterline.platform import audit, clock
from meterline.platform.database import write_frame

_LINE_COLUMNS = [
    "position", "account_id", "subscription_id", "price_id", "price_code", "name", "kind",
    "start_at", "end_at", "quantity", "amount", "tax_code", "tax_percent", "tax_amount", "season",
    "band", "by_value", "track", "advance", "inputs",
]  # fmt: skip
_SERIES = {"invoice": "", "credit_note": "C"}


def record(
    documents: pl.DataFrame,
    lines: pl.DataFrame,
    taxes: pl.DataFrame,
    *,
    issued_at: datetime,
    bill_run_id: int | None = None,
    in_turn: Callable[[], None] | None = None,
) -> pl.DataFrame:
    """Issue documents: number them and write them, their lines and taxes by COPY. `in_turn()`
    returns when it is their turn to be numbered; what needs no number is written before.

    `documents`: account_id, seller_id, kind, currency, issue_date, due_date, net, tax, total,
    credit_applied, due; one an account. `lines`, `taxes`: by account_id. Numbers are drawn in the
    order of `documents`. Returns `documents` with id, number, series, sequence_number.
    Call it inside a transaction: numbers stay gapless because a rollback gives them back.
    """
    if documents.is_empty():
        return documents.with_columns(id=pl.lit(0, pl.Int64), number=pl.lit(""))
    drawn = _draw_ids("invoices_invoice_id_seq", documents.height)
    known = documents.with_columns(id=pl.Series(drawn, dtype=pl.Int64))
    ids = known.select("account_id", pl.col("id").alias("invoice_id"))
    write_frame(
        "invoices_line",
        lines.join(ids, on="account_id").select("invoice_id", *_LINE_COLUMNS),
    )
    write_frame(
        "invoices_tax",
        taxes.join(ids, on="account_id").select("invoice_id", "code", "percent", "base", "amount"),
    )
    if in_turn:
        in_turn()
    numbered = _numbered(known)
    write_frame(
        "invoices_invoice",
        numbered.select(
            "id", "number", "seller_id", "series", "sequence_number", "kind", "account_id",
            "currency", "issue_date", "due_date", "net", "tax", "total", "credit_applied", "due",
            pl.lit(issued_at).dt.convert_time_zone("UTC").alias("issued_at"),
            pl.lit(bill_run_id, pl.Int64).alias("bill_run_id"),
        ),
    )  # fmt: skip
    _begin_sending(numbered["id"].to_list(), clock.now())
    return numbered


def _begin_sending(invoice_ids: list[int], now: datetime) -> None:
    """Let documents go to their customers as their accounts want it (`sending.py`, `printing.py`),
    in the transaction that issues them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO invoices_sending (invoice_id, channel, state, address, attempts, due_at,
                problem, answer, asked_by, asked_at)
            SELECT i.id, a.delivery, 'waiting', '', 0, %s, '', '', %s, %s
            FROM invoices_invoice i JOIN customers_account a ON a.id = i.account_id
            WHERE i.id = ANY(%s) AND a.delivery IN ('email', 'post') ORDER BY i.id
            """,
            [now, audit.actor(), now, invoice_ids],
        )


def _numbered(documents: pl.DataFrame) -> pl.DataFrame:
    """The next numbers of each seller's series, in the order of the documents."""
    keyed = documents.with_columns(
        series=pl.col("kind").replace_strict(_SERIES, return_dtype=pl.String)
    ).with_row_index("order")
    parts = []
    for (seller, series), part in keyed.group_by("seller_id", "series", maintain_order=True):
        first, prefix = _draw_numbers(int(str(seller)), str(series), part.height)
        sequence = pl.int_range(first, first + part.height, dtype=pl.Int64)
        parts.append(
            part.with_columns(sequence_number=sequence).with_columns(
                number=pl.concat_str(
                    pl.lit(f"{prefix}{series}-"),
                    pl.col("sequence_number").cast(pl.String).str.zfill(8),
                )
            )
        )
    return pl.concat(parts).sort("order").drop("order")


def _draw_numbers(seller_id: int, series: str, count: int) -> tuple[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO invoices_numberseries AS s (seller_id, series, next_number)
            VALUES (%s, %s, 1 + %s)
            ON CONFLICT (seller_id, series) DO UPDATE SET next_number = s.next_number + %s
            RETURNING next_number - %s,
                (SELECT invoice_prefix FROM customers_seller WHERE id = %s)
            """,
            [seller_id, series, count, count, count, seller_id],
        )
        first, prefix = cursor.fetchone()
    return first, prefix


def _draw_ids(sequence: str, count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT nextval('{sequence}') FROM generate_series(1, %s)", [count])
        return [row[0] for row in cursor.fetchall()]
