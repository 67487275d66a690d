"""Usage of the SaaS vendor: API calls a day, and the storage level once a week."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from meterline.demo.contracts import active
from meterline.demo.size import Size


def usage(size: Size, contracts: pl.DataFrame, first: date, after: date) -> pl.DataFrame:
    """The month: id, meter, identifier, start, calls, gigabytes (one of the two is null)."""
    chance = size.chance("software", first.isoformat())
    living = active(contracts, first, after).select(
        "identifier",
        "plan",
        "quantity",
        day=pl.date_ranges("begin", "until", closed="left"),
    )
    rows = living.explode("day").drop_nulls("day")
    scale = 260.0 * rows["quantity"].to_numpy()
    calls = chance.poisson(scale * chance.gamma(1.2, 1 / 1.2, rows.height))
    api = rows.select(
        id=pl.format("a-{}-{}", "identifier", pl.col("day").dt.strftime("%Y%m%d")),
        meter=pl.lit("api_calls"),
        identifier="identifier",
        start=pl.col("day").dt.strftime("%Y-%m-%dT17:00:00Z"),
        calls=pl.Series(calls).cast(pl.String),
        gigabytes=pl.lit(None, dtype=pl.String),
    )
    weekly = rows.filter(pl.col("plan") == "business", pl.col("day").dt.day() % 7 == 1)
    level = np.round(weekly["quantity"].to_numpy() * chance.gamma(3.0, 2.0, weekly.height), 2)
    storage = weekly.select(
        id=pl.format("g-{}-{}", "identifier", pl.col("day").dt.strftime("%Y%m%d")),
        meter=pl.lit("storage"),
        identifier="identifier",
        start=pl.col("day").dt.strftime("%Y-%m-%dT18:00:00Z"),
        calls=pl.lit(None, dtype=pl.String),
        gigabytes=pl.Series(level).round(2).cast(pl.String),
    )
    return pl.concat([api, storage])
