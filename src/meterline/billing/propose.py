"""bill(snapshot): every line that should have been billed to date. Pure, columnar."""

from __future__ import annotations

import polars as pl

from meterline.billing.charges import (
    commitment,
    discount,
    early_fee,
    minimum,
    one_time,
    recurring,
    rider,
    usage,
)
from meterline.billing.frames import PROPOSED, Snapshot
from meterline.billing.spans import gathered_prices, with_limits


def propose(snapshot: Snapshot) -> pl.DataFrame:
    """PROPOSED lines of all accounts of the snapshot that reach past their horizon."""
    if snapshot.progressive:
        lines = usage.propose(snapshot)
    else:
        lines = pl.concat(
            [
                recurring.propose(snapshot),
                one_time.propose(snapshot),
                early_fee.propose(snapshot),
                usage.propose(snapshot),
            ]
        )
        lines = pl.concat([lines, rider.propose(snapshot, lines)])
        lines = pl.concat([lines, minimum.propose(snapshot, lines), commitment.propose(snapshot)])
    lines = pl.concat([lines, discount.propose(snapshot, lines)]).select(PROPOSED.keys())
    return past_horizon(lines, snapshot)


def past_horizon(lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """The lines that are compared at all: proposed and billed ones are cut by the same rule."""
    track = pl.col("track")
    counts = track.str.contains(r"^(discount\|[^|]*\|)*(rider|minimum|commitment)\|")
    gathered = [price.id for price in gathered_prices(snapshot.prices)]
    by_amount = pl.col("price_id").is_in(gathered).fill_null(False)
    if snapshot.discounts["amount"].count():
        by_amount |= track.str.contains(r"^(discount\|[^|]*\|)+recurring\|")
    horizon = pl.when(counts).then("settled_at").when(by_amount).then("reach_at").otherwise(
        "horizon_at"
    )  # fmt: skip
    moment = pl.col("start_at") == pl.col("end_at")
    reaches = (pl.col("end_at") > horizon) | (moment & (pl.col("start_at") == horizon))
    return lines.pipe(with_limits, snapshot).filter(reaches).select(lines.columns)
