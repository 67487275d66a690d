"""For how many charge periods a discount holds. Pure."""

from __future__ import annotations

import polars as pl

from meterline.billing.frames import Snapshot
from meterline.billing.spans import accounts_on_anniversary
from meterline.subscriptions.periods import INSTANT, SPAN_SCHEMA, periods

_KEYS = ["subscription_id", "discount_code", "of_account", "since", "recurring", "interval",
         "align", "day_count"]  # fmt: skip


def within(applies: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """`applies` without the lines past the discount's number of periods.

    Counted are the periods of the line's own interval that begin while the discount holds; a stub
    is one, a trial is none of the recurring ones.
    """
    limited = applies.filter(pl.col("periods").is_not_null()).with_columns(since=pl.col("since_at"))
    if limited.is_empty():
        return applies
    limited = by_cycle(limited, snapshot)
    ways = _ways(limited)
    placed = periods(_spans(ways, snapshot), snapshot.billing_days)
    counted = placed.filter(pl.col("start_at") >= pl.col("since")).with_columns(
        past=pl.col("ordinal") - pl.col("ordinal").min().over("held")
    )
    past = limited.join(ways.select("held", *_KEYS), on=_KEYS).join_where(
        counted.select("past", of="held", period_from="start_at", period_to="end_at"),
        pl.col("held") == pl.col("of"),
        pl.col("start_at") >= pl.col("period_from"),
        pl.col("start_at") < pl.col("period_to"),
        pl.col("past") >= pl.col("periods"),
    )
    return applies.join(past.select("target"), on="target", how="anti")


def by_cycle(limited: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Recurring prices of a shorter interval than the billing cycle have one line a cycle, which
    counts as one period."""
    prices = snapshot.price_columns.filter(pl.col("kind") == "recurring").sort("average_days")
    longest = prices.group_by("plan_version_id", maintain_order=True).agg(
        longest=pl.col("interval").last()
    )
    recurring = pl.col("kind") == "recurring"
    anniversary = pl.col("account_id").is_in(accounts_on_anniversary(snapshot))
    cycle = (
        pl.when(~recurring).then("interval")
        .when(anniversary).then("longest")
        .when(pl.col("average_days") < 365 / 12).then(pl.lit("month"))
        .otherwise("interval")
    )  # fmt: skip
    return (
        limited.join(longest, on="plan_version_id", how="left")
        .join(prices.select("price_id", "average_days"), on="price_id", how="left")
        .with_columns(interval=cycle, recurring=recurring)
    )


def _ways(limited: pl.DataFrame) -> pl.DataFrame:
    """Each way in which periods are counted (_KEYS, its number `held`), and how far."""
    return (
        limited.group_by(_KEYS)
        .agg(pl.col("account_id").first(), until_at=pl.col("start_at").max())
        .with_row_index("held")
    )


def _spans(ways: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """A span for each way, from where the first of its periods began."""
    begun = snapshot.phases.sort("start_at").group_by("subscription_id", maintain_order=True).agg(
        begin=pl.col("start_at").first(),
        charge_start=pl.col("charge_start").last(),
        day_start=pl.col("day_start").filter(pl.col("anchor").is_null()).last(),
        in_trial=pl.col("trial_end").first().is_not_null(),
    )  # fmt: skip
    placed = ways.join(begun, on="subscription_id").join(
        snapshot.accounts.select("account_id", "timezone"), on="account_id"
    )
    parts = [
        part.with_columns(charged_at=_midnight(pl.col("charge_start"), zone))
        for (zone,), part in placed.partition_by("timezone", as_dict=True).items()
    ]
    return (
        pl.concat(parts)
        .with_columns(
            start_at=pl.when(pl.col("recurring") & pl.col("in_trial"))
            .then(pl.max_horizontal("begin", "charged_at"))
            .otherwise("begin"),
            end_at=pl.lit(None, INSTANT),
            since_at=pl.col("since"),
            billing_days=pl.col("account_id"),
            first=pl.col("charge_start"),
            anchor=pl.lit(None, pl.Date),
        )
        .select("held", "since", *SPAN_SCHEMA)
    )


def _midnight(day: pl.Expr, zone: str) -> pl.Expr:
    return (
        day.cast(pl.Datetime("us"))
        .dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
    )
