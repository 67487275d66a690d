"""Which proposed bills are unlike what their accounts were billed before. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl

FACTOR = 3  # times the median, or a third of it
LEAST = Decimal(20)  # units of the currency below which a change is no matter
MONTHS = 6

OUTLIERS: dict[str, Any] = {
    "account_id": pl.Int64,
    "account_code": pl.String,
    "currency": pl.String,
    "total": pl.Decimal(28, 10),
    "usual": pl.Decimal(28, 10),  # median of the last bills; null: there are none
    "why": pl.String,  # of REASONS
}
REASONS = ("negative", "nothing", "after_nothing", "more", "less")


def outliers(proposed: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Rows of OUTLIERS, those furthest from the usual first.

    `proposed`: account_id, account_code, currency, total (Decimal), a row a document; several
    documents of an account in a currency count together. `history`: account_id, currency, total of
    its invoices of the last MONTHS, a row each. An account without history is not judged, but for
    a total below zero. The median of an even number is the lower one of the two in the middle.
    """
    keys = ["account_id", "currency"]
    usual = history.group_by(keys).agg(usual=pl.col("total").sort().get((pl.len() - 1) // 2))
    bills = proposed.group_by([*keys, "account_code"]).agg(pl.col("total").sum())
    judged = bills.join(usual, on=keys, how="left").with_columns(
        far=(pl.col("total") - pl.col("usual").fill_null(0)).abs()
    )
    why = (
        pl.when((pl.col("total") < 0) & (pl.col("usual").is_null() | (pl.col("usual") >= 0)))
        .then(pl.lit("negative"))
        .when(pl.col("usual").is_null() | (pl.col("far") < LEAST))
        .then(None)
        .when((pl.col("total") == 0) & (pl.col("usual") > 0))
        .then(pl.lit("nothing"))
        .when((pl.col("usual") == 0) & (pl.col("total") > 0))
        .then(pl.lit("after_nothing"))
        .when((pl.col("usual") > 0) & (pl.col("total") > pl.col("usual") * FACTOR))
        .then(pl.lit("more"))
        .when((pl.col("usual") > 0) & (pl.col("total") * FACTOR < pl.col("usual")))
        .then(pl.lit("less"))
    )
    found = judged.with_columns(why=why).filter(pl.col("why").is_not_null())
    ordered = found.sort(["far", "account_id"], descending=[True, False])
    return ordered.select(pl.col(name).cast(kind) for name, kind in OUTLIERS.items())
