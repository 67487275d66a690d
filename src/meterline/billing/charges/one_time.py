"""One-time charges: due when the subscription is activated, or when it is cancelled. Pure."""

from __future__ import annotations

import polars as pl

from meterline.billing.frames import PROPOSED, QUANTITY, Snapshot
from meterline.billing.price_lines import LINES, price_lines
from meterline.billing.spans import with_limits


def propose(snapshot: Snapshot) -> pl.DataFrame:
    """PROPOSED lines of the one-time prices that are due at `snapshot.until`."""
    prices = snapshot.price_columns.filter(pl.col("kind") == "one_time")
    if prices.is_empty() or snapshot.phases.is_empty():
        return pl.DataFrame(schema=PROPOSED)
    order = snapshot.phases.sort("subscription_id", "start_at")
    first = order.unique("subscription_id", keep="first", maintain_order=True).with_columns(
        moment=pl.lit("activation"), at="start_at"
    )
    last = order.unique("subscription_id", keep="last", maintain_order=True).with_columns(
        moment=pl.lit("cancellation"), at="end_at"
    )
    due = (
        pl.concat([first, last])
        .join(
            prices,
            left_on=["plan_version_id", "moment"],
            right_on=["plan_version_id", "due"],
        )
        .pipe(with_limits, snapshot)
        .filter(pl.col("at") <= pl.col("until_at"))
    )
    lines = due.with_row_index("line").with_columns(
        start_at=pl.col("at"),
        end_at=pl.col("at"),
        days=pl.lit(0, pl.Int32),
        share_numerator=pl.lit(1, pl.Int64),
        share_denominator=pl.lit(1, pl.Int64),
        limit_numerator=pl.lit(1, pl.Int64),
        limit_denominator=pl.lit(1, pl.Int64),
        track=pl.concat_str(pl.lit("one_time"), "price_id", separator="|"),
    )
    rows = lines.select(
        "line", "days", "quantity",
        *(pl.lit(None, pl.String).alias(name) for name in ("season", "band", "by_value")),
        pl.lit(1, pl.Int64).alias("events"),
        pl.lit(0).cast(pl.Decimal(38, 20)).alias("amount"),
        pl.lit(1, pl.Int64).alias("denominator"),
        pl.lit(None, QUANTITY).alias("demand"),
    )  # fmt: skip
    return price_lines(lines.select(LINES.keys()), rows, snapshot)
