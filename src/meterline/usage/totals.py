"""What a batch adds to each subscription's period at each price. Pure."""

from __future__ import annotations

from typing import Any

import polars as pl

from meterline.rating.rate import RATED

KEY: dict[str, Any] = {
    "account_id": pl.Int64,
    "subscription_id": pl.Int64,
    "price_id": pl.Int64,
    "period_start": pl.Date,
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "denominator": pl.Int64,
}
TOTALS: dict[str, Any] = {
    **KEY,
    "events": pl.Int64,
    "quantity": RATED["quantity"],
    "amount": RATED["amount"],
}


def totals(rated: pl.DataFrame) -> pl.DataFrame:
    """TOTALS of rated records (store.RATED)."""
    events = pl.col("quantity").count().cast(pl.Int64)  # null: filtered out
    return _by_key(rated, [events.alias("events"), pl.col("quantity", "amount").sum()])


def added(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """One TOTALS of several; rows that come to nothing are left out."""
    if not parts:
        return pl.DataFrame(schema=TOTALS)
    return (
        _by_key(pl.concat(parts), [pl.col("events", "quantity", "amount").sum()])
        .filter((pl.col("events") != 0) | (pl.col("quantity") != 0) | (pl.col("amount") != 0))
        .sort(list(KEY), nulls_last=True)
    )


def _by_key(rows: pl.DataFrame, sums: list[pl.Expr]) -> pl.DataFrame:
    """TOTALS, a row a key. The fewer columns a key has, the sooner its groups are found: a
    subscription has one account, and what all rows share tells none apart."""
    same = rows.select(pl.col(*KEY).eq_missing(pl.col(*KEY).first()).all()).row(0, named=True)
    key = [name for name in KEY if name == "subscription_id" or not same[name]]
    key = [name for name in key if name != "account_id"]
    return (
        rows.group_by(key)
        .agg(pl.col([name for name in KEY if name not in key]).first(), *sums)
        .select(pl.col(name).cast(kind) for name, kind in TOTALS.items())
    )


def negated(batch: pl.DataFrame) -> pl.DataFrame:
    """What takes TOTALS back."""
    return batch.with_columns(
        -pl.col("events"),
        *((0 - pl.col(name)).cast(TOTALS[name]).alias(name) for name in ("quantity", "amount")),
    )


def control_totals(batch: pl.DataFrame) -> list[dict[str, Any]]:
    """Events, quantity and amount by price, as texts, for the batch's row."""
    sums = (
        batch.with_columns(exact=pl.col("amount").cast(pl.Decimal(38, 20)) / pl.col("denominator"))
        .group_by("price_id")
        .agg(pl.col("events", "quantity", "exact").sum())
        .sort("price_id")
    )
    return [
        {
            "price_id": row["price_id"],
            "events": row["events"],
            "quantity": str(row["quantity"]),
            "amount": str(row["exact"]),
        }
        for row in sums.iter_rows(named=True)
    ]
