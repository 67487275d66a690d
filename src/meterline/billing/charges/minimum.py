"""Minimum spend of a plan: what its lines lack at the end of the minimum's interval. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from meterline.billing.charges.settlement import ended_periods, number, share_text
from meterline.billing.frames import PROPOSED, QUANTITY, Minimum, Snapshot
from meterline.kernel.money import MONEY, decimals, round_column, to_scaled


def propose(snapshot: Snapshot, lines: pl.DataFrame) -> pl.DataFrame:
    """PROPOSED true-up lines, given the proposed `lines` that the minimums count."""
    if not snapshot.minimums:
        return pl.DataFrame(schema=PROPOSED)
    terms = _terms(snapshot.minimums)
    ended = ended_periods(terms, snapshot)
    if ended.is_empty():
        return pl.DataFrame(schema=PROPOSED)
    ended = ended.with_columns(
        least=round_column(
            to_scaled(pl.col("minimum"), 10) * pl.col("share_numerator").cast(pl.Int128),
            pl.col("share_denominator").cast(pl.Int128),
            pl.col("places"),
            pl.col("rounding"),
            scale=10,
        )
    )
    counted = _counted(ended, terms, lines)
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
                share_text(),
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


def _terms(minimums: Sequence[Minimum]) -> pl.DataFrame:
    same = [(m.plan, m.amount, m.interval, m.price_codes, m.shared) for m in minimums]
    return pl.DataFrame(
        [
            {
                "term": term,
                "plan_version_id": minimum.plan_version_id,
                "shared": minimum.shared,
                "minimum": minimum.amount,
                "interval": minimum.interval,
                "price_codes": list(minimum.price_codes),
                "tax_code": minimum.tax_code,
                "align": minimum.policy.align,
                "day_count": minimum.policy.day_count,
                "rounding": minimum.policy.rounding,
                "places": decimals(minimum.currency),
            }
            for minimum, term in zip(minimums, number(same), strict=True)
        ],
        schema_overrides={
            "minimum": MONEY, "tax_code": pl.String, "places": pl.Int64,
            "price_codes": pl.List(pl.String), "plan_version_id": pl.Int64,
        },
    )  # fmt: skip


def _counted(ended: pl.DataFrame, terms: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """period, counted: the sum of the rounded lines that each minimum counts."""
    countable = lines.join(terms.select("plan_version_id", "term"), on="plan_version_id").select(
        "account_id", "term", "price_code", "kind", "start_at", "amount", of="subscription_id"
    )
    own = pl.col("shared") | (pl.col("of") == pl.col("subscription_id"))
    inside = ended.select(
        "period", "account_id", "subscription_id", "term", "shared", "price_codes",
        period_from="start_at", period_to="end_at",
    ).join(countable, on=["account_id", "term"]).filter(own)  # fmt: skip
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
