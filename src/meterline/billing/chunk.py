"""One chunk of a bill run: a snapshot, a pure computation, one transaction.

May be run twice without harm: what the first time committed is settled the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import polars as pl
from django.db import connection, transaction

from meterline.billing.diff import diff
from meterline.billing.document import Documents, make_documents, parts_with_tax
from meterline.billing.models import BillRun
from meterline.billing.propose import propose
from meterline.billing.snapshot import Until, load
from meterline.invoices import services as invoices
from meterline.ledger import posting
from meterline.ledger import services as ledger
from meterline.payments import services as payments
from meterline.platform import events
from meterline.platform.database import reading


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The newest usage batch, contract change and moved billing day that a snapshot contains."""

    batch_id: int
    change_id: int
    billing_day_id: int


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What a chunk of accounts is to be billed, and on the strength of what."""

    accounts: pl.DataFrame  # account_id, until_at
    progressive: bool
    documents: Documents
    seen: Seen


def compute(
    account_ids: Sequence[int],
    until: Until,
    issued_at: datetime,
    *,
    progressive: bool = False,
) -> Bill:
    """Snapshot -> propose -> diff -> documents. Reads only, in one consistent snapshot."""
    with reading():
        seen = _seen()
        snapshot = load(account_ids, until, progressive=progressive)
    charged = diff(propose(snapshot), snapshot)
    return Bill(
        accounts=snapshot.accounts.select("account_id", "until_at"),
        progressive=progressive,
        documents=make_documents(charged, snapshot, issued_at),
        seen=seen,
    )


def with_credit(
    bill: Bill, issued_at: datetime, *, lock: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The bill's documents with the accounts' credit used, and the grants that it comes from
    (payments.credit.USES)."""
    parts = partial(parts_with_tax, bill.documents.lines)
    return payments.use_credit(bill.documents.documents, parts, issued_at, lock=lock)


def commit(
    bill: Bill,
    issued_at: datetime,
    run: BillRun | None,
    in_turn: Callable[[], None] | None = None,
) -> list[int]:
    """Issue the bill: documents, postings, open items, what has been billed. One transaction.

    `in_turn()` returns when the chunks before are committed: documents are numbered then. Returns
    the ids of the invoices made.
    """
    with transaction.atomic():
        documents, uses = with_credit(bill, issued_at, lock=True)
        made = invoices.record(
            documents,
            bill.documents.lines,
            bill.documents.taxes,
            issued_at=issued_at,
            bill_run_id=run.id if run else None,
            in_turn=in_turn,
        )
        if made.height:
            parts = bill.documents
            ledger.post(*posting.invoice_postings(made, parts.lines, parts.taxes))
            payments.open_documents(made, issued_at, uses)
            _emit(made)
        if not bill.progressive:
            _mark_billed(bill)
        if in_turn:
            in_turn()
        if run is not None:
            _advance(run, made.height)
    return made["id"].to_list()


def _seen() -> Seen:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT coalesce(max(id), 0) FROM usage_batch),"
            " (SELECT coalesce(max(id), 0) FROM subscriptions_change),"
            " (SELECT coalesce(max(id), 0) FROM customers_billingday)"
        )
        batch_id, change_id, billing_day_id = cursor.fetchone()
    return Seen(batch_id=batch_id, change_id=change_id, billing_day_id=billing_day_id)


def _mark_billed(bill: Bill) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO billing_accountstate
                (account_id, billed_until, last_batch_id, last_change_id, last_billing_day_id)
            SELECT unnest(%s::bigint[]), unnest(%s::timestamptz[]), %s, %s, %s
            ON CONFLICT (account_id) DO UPDATE SET
                billed_until = excluded.billed_until,
                last_batch_id = excluded.last_batch_id,
                last_change_id = excluded.last_change_id,
                last_billing_day_id = excluded.last_billing_day_id
            """,
            [
                *(column.to_list() for column in bill.accounts.get_columns()),
                bill.seen.batch_id,
                bill.seen.change_id,
                bill.seen.billing_day_id,
            ],
        )


def _advance(run: BillRun, invoices_made: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_run SET chunks_done = chunks_done + 1, invoices = invoices + %s"
            " WHERE id = %s",
            [invoices_made, run.id],
        )


def _emit(made: pl.DataFrame) -> None:
    payload = pl.struct(
        "number",
        "currency",
        pl.col("total").cast(pl.String),
        pl.col("due").cast(pl.String),
    ).struct.json_encode()
    events.emit_many(
        "invoice.issued",
        made.select(subject=pl.concat_str(pl.lit("invoice:"), pl.col("id")), payload=payload),
    )
