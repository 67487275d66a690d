"""What goes wrong with usage in real life: late records, unknown numbers, nonsense, twins."""

from __future__ import annotations

import numpy as np
import polars as pl


def hold_back(
    chance: np.random.Generator, records: pl.DataFrame, share: float = 0.01
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records that arrive in time, and those that come a month late."""
    late = pl.Series(chance.random(records.height) < share)
    return records.filter(~late), records.filter(late)


def spoil(chance: np.random.Generator, records: pl.DataFrame, share: float = 0.003) -> pl.DataFrame:
    """Records among them of numbers that nobody has, and of an amount that is none.

    Spoilt records bear ids of their own, so the good ones stay as they are.
    """
    picked = records.filter(pl.Series(chance.random(records.height) < share))
    value = next(name for name in ("duration", "megabytes", "calls") if name in records.columns)
    wrong = picked.with_columns(
        pl.Series("unknown", chance.random(picked.height) < 0.7, dtype=pl.Boolean)
    ).with_columns(
        pl.format("{}-x", "id").alias("id"),
        pl.when("unknown")
        .then(pl.format("999{}", pl.col("identifier").str.tail(7)))
        .otherwise("identifier")
        .alias("identifier"),
        pl.when("unknown").then(pl.col(value)).otherwise(pl.lit("n/a")).alias(value),
    )
    return pl.concat([records, wrong.drop("unknown")])


def repeat(
    chance: np.random.Generator, records: pl.DataFrame, share: float = 0.005
) -> pl.DataFrame:
    """The same records, some of them delivered twice within the file."""
    return pl.concat([records, records.filter(pl.Series(chance.random(records.height) < share))])
