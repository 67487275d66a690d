"""Minimum spend of a plan: what its lines lack at the end of the minimum's interval. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from meterline.billing.frames import PROPOSED, QUANTITY, Minimum, Snapshot
from meterline.billing.spans import spans, with_limits
from meterline.kernel.money import MONEY, decimals, round_column, to_scaled
from meterline.subscriptions.periods import periods, runs


def propose(snapshot: Snapshot, lines: pl.DataFrame) -> pl.DataFrame:
    """PROPOSED true-up lines, given the proposed `lines` that the minimums count."""
    if not snapshot.minimums:
        return pl.DataFrame(schema=PROPOSED)
    ended = _ended_periods(snapshot)
    if ended.is_empty():
        return pl.DataFrame(schema=PROPOSED)
    counted = _counted(snapshot, ended, lines)
    gap = pl.col("least") - pl.col("counted").fill_null(0)
    return (
        ended.join(counted, on="period", how="left")
        .with_columns(amount=gap.cast(MONEY))
        .filter(pl.col("amount") > 0)
        .with_columns(
            kind=pl.lit("minimum"),
            name=pl.lit("Minimum"),
            quantity=pl.lit(None, QUANTITY),
            advance=pl.lit(False),
            track=pl.concat_str(
                pl.lit("minimum"), "plan_version_id", pl.col("start_date").cast(pl.String),
                separator="|",
            ),
            inputs=pl.struct(
                pl.col("minimum").cast(pl.String),
                pl.concat_str("share_numerator", "share_denominator", separator="/").alias("share"),
                pl.col("least").cast(pl.String),
                pl.col("counted").fill_null(0).cast(pl.String),
                "rounding",
                pl.col("places").alias("decimals"),
            ).struct.json_encode(),
            price_id=pl.lit(None, pl.Int64),
            **{
                name: pl.lit(None, pl.String)
                for name in ("price_code", "season", "band", "by_value")
            },
        )
        .select(pl.col(name).cast(kind) for name, kind in PROPOSED.items())
    )  # fmt: skip


def _ended_periods(snapshot: Snapshot) -> pl.DataFrame:
    """The ended periods of every minimum, with `least`: the prorated minimum, rounded."""
    plans = _plan_frame(snapshot.minimums, snapshot)
    found = periods(spans(runs(snapshot.phases), plans, snapshot), snapshot.billing_days)
    return (
        found.pipe(with_limits, snapshot)
        .filter(
            pl.col("end_at") <= pl.col("until_at"),
            pl.col("period_closed"),
            pl.col("end_at") > pl.col("horizon_at"),
        )
        .with_row_index("period")
        .with_columns(
            least=round_column(
                to_scaled(pl.col("minimum")) * pl.col("share_numerator").cast(pl.Int128),
                pl.col("share_denominator").cast(pl.Int128),
                pl.col("places"),
                pl.col("rounding"),
            )
        )
    )


def _plan_frame(minimums: Sequence[Minimum], snapshot: Snapshot) -> pl.DataFrame:
    policies = {price.plan_version_id: price for price in snapshot.prices}
    return pl.DataFrame(
        [
            {
                "plan_version_id": minimum.plan_version_id,
                "minimum": minimum.amount,
                "interval": minimum.interval,
                "price_codes": list(minimum.price_codes),
                "tax_code": minimum.tax_code,
                "align": policies[minimum.plan_version_id].policy.align,
                "day_count": policies[minimum.plan_version_id].policy.day_count,
                "rounding": policies[minimum.plan_version_id].policy.rounding,
                "places": decimals(policies[minimum.plan_version_id].currency),
            }
            for minimum in minimums
        ],
        schema_overrides={
            "minimum": MONEY, "tax_code": pl.String, "places": pl.Int64,
            "price_codes": pl.List(pl.String), "plan_version_id": pl.Int64,
        },
    )  # fmt: skip


def _counted(snapshot: Snapshot, ended: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """period, counted: the sum of the rounded lines that each minimum counts."""
    inside = ended.select(
        "period", "subscription_id", "plan_version_id", "price_codes",
        period_from="start_at", period_to="end_at",
    ).join(
        lines.select(
            "subscription_id", "plan_version_id", "price_code", "kind", "start_at", "amount"
        ),
        on=["subscription_id", "plan_version_id"],
    )  # fmt: skip
    named = pl.col("price_code").is_in(pl.col("price_codes"))
    any_usage = (pl.col("price_codes").list.len() == 0) & (pl.col("kind") == "usage")
    return (
        inside.filter(
            pl.col("start_at") >= pl.col("period_from"),
            pl.col("start_at") < pl.col("period_to"),
            named | any_usage,
        )
        .group_by("period")
        .agg(pl.col("amount").sum().alias("counted"))
    )
