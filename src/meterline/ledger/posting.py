"""What documents and payments do to the books. Pure: frames in, entries and lines out.

Amounts on the debit side are positive. Accounts of the ledger: receivable, cash, customer_credit,
deferred_revenue, revenue:KIND (of invoice lines), tax_payable:CODE, goodwill, breakage.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from meterline.kernel.money import MONEY

ENTRIES: dict[str, Any] = {
    "key": pl.Int64,  # joins lines to their entry
    "date": pl.Date,
    "kind": pl.String,
    "reference": pl.String,
    "account_id": pl.Int64,
}
LINES: dict[str, Any] = {
    "key": pl.Int64,
    "ledger_account": pl.String,
    "account_id": pl.Int64,
    "currency": pl.String,
    "amount": MONEY,
}
RECEIVABLE = "receivable"
CASH = "cash"
CUSTOMER_CREDIT = "customer_credit"
DEFERRED_REVENUE = "deferred_revenue"
RECURRING_REVENUE = "revenue:recurring"
GOODWILL = "goodwill"
BREAKAGE = "breakage"

Posting = tuple[pl.DataFrame, pl.DataFrame]


def invoice_postings(documents: pl.DataFrame, lines: pl.DataFrame, taxes: pl.DataFrame) -> Posting:
    """Entries of issued documents (id, number, account_id, kind, currency, issue_date, total,
    credit_applied, due), of their lines and taxes (by account_id; one document an account).

    What is billed in advance is deferred revenue. A credit note becomes credit of the customer.
    """
    entries = documents.select(
        pl.col("id").alias("key"), pl.col("issue_date").alias("date"), "kind",
        pl.col("number").alias("reference"), "account_id",
    )  # fmt: skip
    about = documents.select(pl.col("id").alias("key"), "account_id", "currency")
    owed = pl.col("total") >= 0
    customer = [
        _lines(documents, RECEIVABLE, pl.when(owed).then("due")),
        _lines(documents, CUSTOMER_CREDIT, pl.when(owed).then("credit_applied").otherwise("total")),
    ]
    earned = lines.select(
        "account_id", "amount",
        ledger_account=pl.when("advance").then(pl.lit(DEFERRED_REVENUE))
        .otherwise(pl.concat_str(pl.lit("revenue:"), "kind")),
    )  # fmt: skip
    owing = taxes.select(
        "account_id", "amount", ledger_account=pl.concat_str(pl.lit("tax_payable:"), "code")
    )
    sums = (
        pl.concat([earned.select(_SUMMED), owing.select(_SUMMED)])
        .group_by("account_id", "ledger_account")
        .agg(pl.col("amount").sum())
        .join(about, on="account_id")
        .with_columns(amount=0 - pl.col("amount"))
    )
    return entries.select(ENTRIES.keys()), _clean([*customer, sums])


_SUMMED = ("account_id", "ledger_account", "amount")


def payment_postings(payments: pl.DataFrame) -> Posting:
    """Entries of payments and the like: key, date, kind, reference, account_id, currency, amount,
    allocated (to invoices; the rest is credit; of a chargeback: taken back from invoices).
    """
    kind, rest = pl.col("kind"), pl.col("amount") - pl.col("allocated")
    incoming = kind.is_in(["payment", "credit"])
    sign = pl.when(incoming).then(1).otherwise(-1)
    against = (
        pl.when(kind.is_in(["credit", "void"])).then(pl.lit(GOODWILL))
        .when(kind == "expiry").then(pl.lit(BREAKAGE))
        .otherwise(pl.lit(CASH))
    )  # fmt: skip
    parts = [
        _lines(payments, against, pl.col("amount") * sign, key="key"),
        _lines(payments, RECEIVABLE, 0 - pl.col("allocated") * sign, key="key"),
        _lines(payments, CUSTOMER_CREDIT, 0 - rest * sign, key="key"),
    ]
    return payments.select(ENTRIES.keys()), _clean(parts)


def recognition_postings(earned: pl.DataFrame) -> Posting:
    """Entries that move `amount` (key, date, reference, account_id, currency) from deferred
    revenue to revenue."""
    entries = earned.with_columns(kind=pl.lit("recognition")).select(ENTRIES.keys())
    parts = [
        _lines(earned, DEFERRED_REVENUE, pl.col("amount"), key="key"),
        _lines(earned, RECURRING_REVENUE, 0 - pl.col("amount"), key="key"),
    ]
    return entries, _clean(parts)


def _lines(
    frame: pl.DataFrame, ledger_account: str | pl.Expr, amount: pl.Expr, key: str = "id"
) -> pl.DataFrame:
    named = pl.lit(ledger_account) if isinstance(ledger_account, str) else ledger_account
    return frame.select(
        pl.col(key).alias("key"), named.alias("ledger_account"), "account_id", "currency",
        amount.alias("amount"),
    )  # fmt: skip


def _clean(parts: list[pl.DataFrame]) -> pl.DataFrame:
    typed = [part.select(pl.col(name).cast(kind) for name, kind in LINES.items()) for part in parts]
    return pl.concat(typed).filter(pl.col("amount") != 0).sort("key", maintain_order=True)
