"""How the demo's customers pay an invoice: prompt, late, too little, too much, never."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from meterline.demo.size import Size

PAYMENTS: dict[str, Any] = {
    "account_code": pl.String, "amount": pl.Decimal(38, 10), "currency": pl.String,
    "at": pl.Datetime("us", "UTC"), "reference": pl.String, "invoice": pl.String,
}  # fmt: skip
"""One row a payment; `invoice` is the number that the payer named, or null."""


def payments(
    size: Size, contracts: pl.DataFrame, invoices: pl.DataFrame, issued: datetime
) -> pl.DataFrame:
    """Payments for `invoices` (number, account, currency, due), sorted by time (PAYMENTS).

    Nothing is paid where nothing is due.
    """
    chance = size.chance("payments", issued.isoformat())
    rows = (
        invoices.filter(pl.col("due") > 0)
        .join(contracts.select("account", "payer"), on="account")
        .filter(pl.col("payer") != "never")
        .sort("number")
    )
    wait = pl.Series("wait", chance.integers(2, 13, rows.height))
    wait += (rows["payer"] == "late").cast(pl.Int64) * 26
    due = pl.col("due")
    return (
        rows.with_columns(wait).select(
            account_code="account",
            amount=pl.when(payer="partial").then((due * 6 / 10).round(2))
            .when(payer="generous").then(due.ceil() + 5)
            .otherwise(due),
            currency="currency",
            at=pl.lit(issued) + pl.duration(days="wait"),
            reference=pl.format("transfer {}", "number"),
            invoice=pl.when(pl.Series(chance.random(rows.height) < 0.5)).then("number"),
        )
        .filter(pl.col("amount") > 0)
        .select(pl.col(name).cast(kind) for name, kind in PAYMENTS.items())
        .sort("at", "reference")
    )  # fmt: skip
