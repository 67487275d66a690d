"""Stretches of a subscription over which a price is charged. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

import polars as pl

from meterline.billing.frames import Snapshot
from meterline.pricing.price import Price
from meterline.subscriptions.periods import INSTANT


def after_trial(phases: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Phases cut to what follows their trial: recurring prices are charged there."""
    if phases["trial_end"].null_count() == phases.height:
        return phases
    zones = accounts.select("account_id", "timezone")
    trial = (
        phases.filter(pl.col("trial_end").is_not_null())
        .select("account_id", "trial_end")
        .unique()
        .join(zones, on="account_id")
    )
    ends = with_midnight(trial, "trial_end", "trial_end_at").drop("timezone")
    return (
        phases.join(ends, on=["account_id", "trial_end"], how="left")
        .with_columns(start_at=pl.max_horizontal("start_at", "trial_end_at"))
        .drop("trial_end_at")
        .filter(pl.col("end_at").is_null() | (pl.col("end_at") > pl.col("start_at")))
    )


def with_midnight(frame: pl.DataFrame, day: str, into: str) -> pl.DataFrame:
    """`frame` (timezone, and a Date column `day`) with the instant at which the day begins."""
    parts = [
        part.with_columns(
            pl.col(day)
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone(zone[0], ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC")
            .alias(into)
        )
        for zone, part in frame.partition_by("timezone", as_dict=True).items()
    ]
    return pl.concat(parts) if parts else frame.with_columns(pl.lit(None, INSTANT).alias(into))


def spans(phases: pl.DataFrame, prices: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Phases x the prices of their plan version, with the columns that `periods` takes."""
    accounts = snapshot.accounts.select("account_id", "timezone", "reach_at", "until_at")
    return (
        phases.join(prices, on="plan_version_id")
        .join(accounts, on="account_id")
        .with_columns(
            billing_days=pl.col("account_id"),
            first=pl.col("charge_start"),
            since_at=pl.col("reach_at"),
        )
        .with_row_index("span")
    )


def billing_cycle(charged: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """`charged` (spans) with `cycle`: the interval of the account's billing cycle.

    A month where the account has a billing day. Under anniversaries, the longest interval among
    the prices of the plan, since there each subscription has a cycle of its own.
    """
    on_anniversary = accounts_on_anniversary(snapshot)
    longest = (
        pl.col("interval").sort_by("average_days").last().over("subscription_id", "plan_version_id")
    )
    fixed = ~pl.col("account_id").is_in(on_anniversary)
    month_days = 365 / 12
    return charged.with_columns(
        cycle=pl.when(fixed & (pl.col("average_days") < month_days))
        .then(pl.lit("month"))
        .when(fixed)
        .then(pl.col("interval"))
        .otherwise(longest)
    )


def gathered_prices(prices: Sequence[Price]) -> list[Price]:
    """The recurring prices of which one line may have several intervals, those that are shorter
    than a billing cycle can be. What the last of them covers may change after the line's end."""
    recurring = [price for price in prices if price.kind == "recurring"]
    cycles: dict[int, Fraction] = defaultdict(lambda: Fraction(365, 12))
    for price in recurring:
        cycles[price.plan_version_id] = max(cycles[price.plan_version_id], _length(price))
    return [price for price in recurring if _length(price) < cycles[price.plan_version_id]]


def _length(price: Price) -> Fraction:
    return Fraction(*price.interval.average_days)


def accounts_on_anniversary(snapshot: Snapshot) -> list[int]:
    """The accounts whose cycles run from each subscription's first day charged."""
    return [account for account, days in snapshot.billing_days.items() if days[-1].day is None]


def billing_day_since(snapshot: Snapshot) -> pl.DataFrame:
    """account_id and gathered_at of the accounts on anniversaries that got a billing day: the
    instant from which it holds."""
    days = {
        account: last.since
        for account, (*_, before, last) in (
            (account, known) for account, known in snapshot.billing_days.items() if len(known) > 1
        )
        if before.day is None and last.day is not None
    }
    found = snapshot.accounts.select("account_id", "timezone").filter(
        pl.col("account_id").is_in(list(days))
    )
    since = pl.col("account_id").replace_strict(days, return_dtype=pl.Date)
    return with_midnight(found.with_columns(since=since), "since", "gathered_at").select(
        "account_id", "gathered_at"
    )


def with_limits(frame: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """`frame` (by account_id) with the account's until_at, horizon_at, settled_at and reach_at."""
    return frame.join(snapshot.limits, on="account_id")
