"""How much of what was billed in advance is earned at an instant. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from meterline.kernel.money import MONEY, round_column, to_scaled

ADVANCE_LINES: dict[str, Any] = {
    "account_id": pl.Int64,
    "currency": pl.String,
    "start_at": pl.Datetime("us", "UTC"),
    "end_at": pl.Datetime("us", "UTC"),
    "amount": MONEY,
}


def earned(lines: pl.DataFrame, until: datetime, places: dict[str, int]) -> pl.DataFrame:
    """account_id, currency, earned: in proportion to the time of each line's period (ADVANCE_LINES)
    that has gone by, rounded line by line; all of a line when its period is over, so no cent is
    lost. `places`: decimals by currency.
    """
    moment = pl.lit(until, ADVANCE_LINES["start_at"])
    begun = lines.filter(pl.col("start_at") < moment)
    whole = (pl.col("end_at") - pl.col("start_at")).dt.total_microseconds()
    gone = (pl.min_horizontal("end_at", moment) - pl.col("start_at")).dt.total_microseconds()
    parts = begun.select(
        "account_id",
        "currency",
        "amount",
        # millionths of the period: finer would overflow, and no cent is that fine
        share=gone.cast(pl.Int128) * _PARTS // whole,
        places=pl.col("currency").replace_strict(places, return_dtype=pl.Int64),
        over=gone >= whole,
    ).with_columns(
        rounded=round_column(
            to_scaled(pl.col("amount")) * pl.col("share"),
            pl.lit(_PARTS, pl.Int128),
            pl.col("places"),
            pl.lit("half_up"),
        )
    )
    return parts.group_by("account_id", "currency").agg(
        earned=pl.when("over").then("amount").otherwise("rounded").sum().cast(MONEY)
    )


_PARTS = 10**6
