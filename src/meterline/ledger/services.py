"""Posting to the books and reading them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from django.db import connection, transaction

from meterline.kernel.money import MONEY, decimals
from meterline.ledger import exports
from meterline.ledger.models import TrialBalance
from meterline.ledger.posting import DEFERRED_REVENUE, recognition_postings
from meterline.ledger.recognition import ADVANCE_LINES, earned
from meterline.platform import clock
from meterline.platform.database import read_frame, write_frame

JOURNAL: dict[str, Any] = {
    "entry_id": pl.Int64,
    "date": pl.Date,
    "kind": pl.String,
    "reference": pl.String,
    "account_code": pl.String,
    "ledger_account": pl.String,
    "currency": pl.String,
    "amount": MONEY,
}
TRIAL_BALANCE: dict[str, Any] = {
    "ledger_account": pl.String, "currency": pl.String, "debit": MONEY, "credit": MONEY,
    "balance": MONEY,
}  # fmt: skip
_RECOGNITION_LOCK = 7206401


def post(entries: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Write entries and their lines (posting.ENTRIES, LINES), in the current transaction.

    Returns key, entry_id. The database refuses the commit of an entry that does not balance.
    """
    used = entries.join(lines.select("key").unique(), on="key", how="semi", maintain_order="left")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval('ledger_entry_id_seq') FROM generate_series(1, %s)", [used.height]
        )
        ids = [row[0] for row in cursor.fetchall()]
    numbered = used.with_columns(id=pl.Series(ids, dtype=pl.Int64))
    now = pl.lit(clock.now()).dt.convert_time_zone("UTC")
    write_frame("ledger_entry", numbered.drop("key").with_columns(posted_at=now))
    keys = numbered.select("key", pl.col("id").alias("entry_id"))
    write_frame("ledger_line", lines.join(keys, on="key").drop("key"))
    return keys


def recognise(until: date) -> int:
    """Move what is earned of advance billing before the day `until` to revenue, dated the day
    before it; the number of entries made. What was moved is not moved again, and nothing happens
    where recognition has got further already.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_RECOGNITION_LOCK])
            cursor.execute("SELECT max(date) FROM ledger_entry WHERE kind = 'recognition'")
            newest = cursor.fetchone()[0]
        if newest is not None and newest >= until:
            return 0
        lines = _advance_lines(until)
        places = {code: decimals(code) for code in lines["currency"].unique()}
        should = earned(lines, until, places)
        open_ = (
            should.join(_recognised(), on=["account_id", "currency"], how="left")
            .with_columns(amount=pl.col("earned") - pl.col("recognised").fill_null(0))
            .filter(pl.col("amount") != 0)
            .sort("account_id", "currency")
            .with_row_index("key")
            .with_columns(
                pl.col("key").cast(pl.Int64),
                date=pl.lit(until - timedelta(days=1)),
                reference=pl.lit(f"earned before {until}"),
            )
        )
        post(*recognition_postings(open_))
    return open_.height


def _advance_lines(until: date) -> pl.DataFrame:
    """Lines billed in advance on documents issued before `until`."""
    return read_frame(
        """
        SELECT l.account_id, i.currency, (l.start_at AT TIME ZONE a.timezone)::date,
            (l.end_at AT TIME ZONE a.timezone)::date, l.amount
        FROM invoices_line l
        JOIN invoices_invoice i ON i.id = l.invoice_id
        JOIN customers_account a ON a.id = l.account_id
        WHERE l.advance AND i.issue_date < %s
        """,
        [until],
        schema=ADVANCE_LINES,
    )


def _recognised() -> pl.DataFrame:
    return read_frame(
        """
        SELECT l.account_id, l.currency, sum(l.amount)
        FROM ledger_line l JOIN ledger_entry e ON e.id = l.entry_id
        WHERE e.kind = 'recognition' AND l.ledger_account = %s
        GROUP BY l.account_id, l.currency
        """,
        [DEFERRED_REVENUE],
        schema={"account_id": pl.Int64, "currency": pl.String, "recognised": MONEY},
    )


def trial_balance(at: date | None = None) -> pl.DataFrame:
    """ledger_account, currency, debit, credit, balance of all entries dated up to `at`."""
    dated = "JOIN ledger_entry e ON e.id = l.entry_id WHERE e.date <= %s" if at else ""
    return read_frame(
        f"""
        SELECT l.ledger_account, l.currency, coalesce(sum(l.amount) FILTER (WHERE l.amount > 0), 0),
            coalesce(-sum(l.amount) FILTER (WHERE l.amount < 0), 0), sum(l.amount)
        FROM ledger_line l {dated}
        GROUP BY l.ledger_account, l.currency ORDER BY l.currency, l.ledger_account
        """,
        [at] if at else [],
        schema=TRIAL_BALANCE,
    )


def keep_trial_balance(at: date | None) -> None:
    """Add the books up to `at` up, and keep the result for pages."""
    now = clock.now()
    rows = trial_balance(at).with_columns(pl.col("debit", "credit", "balance").cast(pl.String))
    TrialBalance.objects.update_or_create(
        up_to=at.isoformat() if at else "",
        defaults={"computed_at": now, "content": rows.to_dicts()},
    )


def kept_trial_balance(at: date | None) -> tuple[pl.DataFrame, datetime] | None:
    """The trial balance as it was last kept, and when; None: never."""
    kept = TrialBalance.objects.filter(up_to=at.isoformat() if at else "").first()
    if kept is None:
        return None
    frame = pl.DataFrame(kept.content, schema=dict.fromkeys(TRIAL_BALANCE, pl.String))
    return frame.cast(pl.Schema(TRIAL_BALANCE)), kept.computed_at


def differences(trial: pl.DataFrame) -> dict[str, Decimal]:
    """By currency, what the books are out of balance by: 0, unless someone wrote past them."""
    sums = trial.group_by("currency").agg(pl.col("balance").sum()).sort("currency")
    return dict(sums.iter_rows())


def export(format: str, *, since: date | None = None, until: date | None = None) -> Iterator[str]:
    """The journal's text in a format (exports.names()), entries dated [since, until)."""
    journal = read_frame(
        """
        SELECT e.id, e.date, e.kind, e.reference, coalesce(a.code, ''), l.ledger_account,
            l.currency, l.amount
        FROM ledger_entry e JOIN ledger_line l ON l.entry_id = e.id
        LEFT JOIN customers_account a ON a.id = e.account_id
        WHERE (%s::date IS NULL OR e.date >= %s::date) AND (%s::date IS NULL OR e.date < %s::date)
        ORDER BY e.date, e.id, l.id
        """,
        [since, since, until, until],
        schema=JOURNAL,
    )
    return exports.export(format)(journal)
