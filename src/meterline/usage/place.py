"""To which period of its price a rated record belongs. Pure; the same periods as billing's."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from meterline.rating.tariff import Tariff
from meterline.subscriptions.periods import INSTANT, BillingDays, periods, runs


def with_period_start(
    rated: pl.DataFrame, phases: pl.DataFrame, billing_days: BillingDays, tariff: Tariff
) -> pl.DataFrame:
    """`rated` (subscription_id, plan_version_id, price_id, start, ...) with period_start Date."""
    if rated.is_empty():
        return rated.with_columns(period_start=pl.lit(None, pl.Date))
    prices = _schedules(tariff, rated["price_id"].unique().to_list())
    window = (rated["start"].min(), rated["start"].max())
    table = _periods(phases, prices, billing_days, window)  # type: ignore[arg-type]
    keyed = rated.join(prices.select("price_id", "schedule"), on="price_id", maintain_order="left")
    joined = keyed.join(
        table, on=["subscription_id", "plan_version_id", "schedule"], maintain_order="left"
    )
    placed = joined.filter(
        pl.col("start") >= pl.col("period_from"), pl.col("start") < pl.col("period_to")
    ).drop("schedule", "period_from", "period_to")
    assert placed.height == rated.height, "every record of a phase lies in one of its periods"
    return placed


def _schedules(tariff: Tariff, price_ids: list[int]) -> pl.DataFrame:
    """price_id, plan_version_id, interval, align, day_count, schedule (equal for equal ones)."""
    prices = [tariff.prices[price_id] for price_id in price_ids]
    frame = pl.DataFrame(
        {
            "price_id": [price.id for price in prices],
            "plan_version_id": [price.plan_version_id for price in prices],
            "interval": [str(price.interval) for price in prices],
            "align": [price.policy.align for price in prices],
            "day_count": [price.policy.day_count for price in prices],
        },
        schema_overrides={"price_id": pl.Int64, "plan_version_id": pl.Int64},
    )
    return frame.with_columns(
        schedule=pl.struct("interval", "align", "day_count").rank("dense").cast(pl.Int32)
    )


def _periods(
    phases: pl.DataFrame,
    prices: pl.DataFrame,
    billing_days: BillingDays,
    window: tuple[datetime, datetime],
) -> pl.DataFrame:
    """The usage periods of all runs that reach into the window."""
    schedules = prices.drop("price_id").unique()
    reaching = runs(phases).filter(
        pl.col("start_at") <= window[1],
        pl.col("end_at").is_null() | (pl.col("end_at") > window[0]),
    )
    spans = reaching.join(schedules, on="plan_version_id").select(
        "subscription_id", "plan_version_id", "schedule", "interval", "align", "day_count",
        "timezone", pl.col("account_id").alias("billing_days"),
        pl.col("charge_start").alias("first"), "anchor", "day_start",
        "start_at", "end_at",
        pl.lit(window[0], INSTANT).alias("since_at"), pl.lit(window[1], INSTANT).alias("until_at"),
    )  # fmt: skip
    return periods(spans, billing_days).select(
        "subscription_id", "plan_version_id", "schedule",
        period_from="start_at", period_to="end_at", period_start="start_date",
    )  # fmt: skip
