"""Riders: a share of other lines of the same subscription and period. Pure.

A rider's line of a period counts the rounded lines that start in it, riders too. What is due of
these now is due of the rider now: where it counts a fee in advance and usage in arrears, its line
comes with the fee, and its correction with the usage. `timing: arrears` waits for the period's end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter

import polars as pl

from meterline.billing.frames import PROPOSED, QUANTITY, Snapshot, price_frame
from meterline.billing.price_lines import LINES, ROWS, price_lines
from meterline.billing.spans import spans, with_limits
from meterline.kernel.money import MONEY
from meterline.pricing.price import Price
from meterline.subscriptions.periods import periods


def propose(snapshot: Snapshot, lines: pl.DataFrame) -> pl.DataFrame:
    """PROPOSED lines of the riders on the proposed `lines`; progressive bills have none."""
    found = [pl.DataFrame(schema=PROPOSED)]
    riders = [price for price in snapshot.prices if price.model == "percent_of"]
    for group in in_order(riders):
        made = _of_group(group, snapshot, pl.concat([lines, *found]))
        found.append(made)
    return pl.concat(found)


def in_order(riders: Sequence[Price]) -> list[list[Price]]:
    """Riders in groups: each after those that it counts. A catalogue has no cycles."""
    codes = {(rider.plan_version_id, rider.code): rider for rider in riders}
    graph = TopologicalSorter(
        {
            rider.id: [
                codes[rider.plan_version_id, code].id
                for code in rider.parameter("of")
                if (rider.plan_version_id, code) in codes
            ]
            for rider in riders
        }
    )
    by_id: Mapping[int, Price] = {rider.id: rider for rider in riders}
    groups = []
    graph.prepare()
    while graph.is_active():
        ready = graph.get_ready()
        groups.append([by_id[one] for one in sorted(ready)])
        graph.done(*ready)
    return groups


def _of_group(riders: Sequence[Price], snapshot: Snapshot, counted: pl.DataFrame) -> pl.DataFrame:
    charged = spans(snapshot.runs, price_frame(riders), snapshot)
    lines = (
        periods(charged, snapshot.billing_days)
        .pipe(with_limits, snapshot)
        .filter(
            pl.col("advance") | ((pl.col("end_at") <= pl.col("until_at")) & pl.col("period_closed"))
        )
        .with_columns(
            share_numerator=pl.lit(1, pl.Int64),
            share_denominator=pl.lit(1, pl.Int64),
            limit_numerator="share_numerator",
            limit_denominator="share_denominator",
            track=pl.concat_str(
                pl.lit("rider"), "price_id", pl.col("start_date").cast(pl.String), separator="|"
            ),
        )
        .with_row_index("line")
    )
    rows = _counted(riders, lines, _as_billed(counted, snapshot))
    priced = lines.join(rows, on="line", how="semi").select(LINES.keys())
    return _to_billed_end(price_lines(priced, rows, snapshot), snapshot)


def _to_billed_end(proposed: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """`proposed`, each to the end to which it was billed: what is corrected after an early end
    is still the line of the whole period, so that both are compared for equally long."""
    key = ["subscription_id", "track"]
    ends = snapshot.billed.group_by(key).agg(pl.col("end_at").max().alias("billed_end"))
    return (
        proposed.join(ends, on=key, how="left")
        .with_columns(end_at=pl.max_horizontal("end_at", "billed_end"))
        .select(PROPOSED.keys())
    )


def _counted(riders: Sequence[Price], lines: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """ROWS whose quantity is what the counted lines of each rider's line come to."""
    targets = pl.DataFrame(
        [(rider.id, code) for rider in riders for code in rider.parameter("of")],
        schema={"price_id": pl.Int64, "price_code": pl.String},
        orient="row",
    )
    inside = (
        lines.select(
            "line", "price_id", "subscription_id", "plan_version_id", "days",
            period_from="start_at", period_to="end_at",
        )
        .join(targets, on="price_id")
        .join(
            counted.select(
                "subscription_id", "plan_version_id", "price_code", "start_at", "amount"
            ),
            on=["subscription_id", "plan_version_id", "price_code"],
        )
        .filter(
            pl.col("start_at") >= pl.col("period_from"), pl.col("start_at") < pl.col("period_to")
        )
    )  # fmt: skip
    return (
        inside.group_by("line")
        .agg(pl.col("amount").sum().alias("quantity"), pl.col("days").first())
        .with_columns(
            *(pl.lit(None, pl.String).alias(name) for name in ("season", "band", "by_value")),
            events=pl.lit(1, pl.Int64),
            amount=pl.lit(0),
            denominator=pl.lit(1, pl.Int64),
            demand=pl.lit(None, QUANTITY),
        )
        .select(pl.col(name).cast(kind) for name, kind in ROWS.items())
    )


def _as_billed(counted: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """`counted` with what was billed in advance where nothing of it comes back (credit: none)."""
    kept = [
        price.id
        for price in snapshot.prices
        if price.kind == "recurring" and price.timing == "advance" and price.policy.credit == "none"
    ]
    key = ["subscription_id", "price_id", "start_at"]
    stands = (
        snapshot.billed.filter(pl.col("price_id").is_in(kept), pl.col("kind") == "recurring")
        .group_by(key)
        .agg(pl.col("amount").sum().alias("billed"))
    )
    return counted.join(stands, on=key, how="left").with_columns(
        amount=pl.coalesce("billed", "amount").cast(MONEY)
    )
