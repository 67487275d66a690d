"""How much of what was billed in advance is earned by a day. Pure."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from meterline.kernel.money import MONEY, round_column, to_scaled

ADVANCE_LINES: dict[str, Any] = {
    "account_id": pl.Int64,
    "currency": pl.String,
    "start": pl.Date,  # local days of the account; the end is not part of the period
    "end": pl.Date,
    "amount": MONEY,
}

_EARNED: dict[str, Any] = {"account_id": pl.Int64, "currency": pl.String, "earned": MONEY}


def earned(lines: pl.DataFrame, until: date, places: dict[str, int]) -> pl.DataFrame:
    """account_id, currency, earned: of each line (ADVANCE_LINES) the days before `until` as a share
    of its days, rounded line by line; all of it once its period is over, so no cent is lost.

    A line with a period of less than a day is earned on its first day. Lines that credit what is
    not used (negative) count alike. `places`: decimals by currency.
    """
    if lines.is_empty():
        return pl.DataFrame(schema=_EARNED)
    days = (pl.col("end") - pl.col("start")).dt.total_days().clip(1)
    gone = (pl.lit(until) - pl.col("start")).dt.total_days()
    parts = lines.select(
        "account_id",
        "currency",
        amount=round_column(
            to_scaled(pl.col("amount")) * pl.min_horizontal(gone.clip(0), days).cast(pl.Int128),
            days.cast(pl.Int128),
            pl.col("currency").replace_strict(places, return_dtype=pl.Int64),
            "half_up",
        ),
    )
    return parts.group_by("account_id", "currency").agg(earned=pl.col("amount").sum().cast(MONEY))
