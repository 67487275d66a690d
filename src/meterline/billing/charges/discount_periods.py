"""For which charge periods a discount holds. Pure."""

from __future__ import annotations

import polars as pl

from meterline.billing.frames import Snapshot
from meterline.billing.spans import accounts_on_anniversary
from meterline.kernel.interval import Interval
from meterline.subscriptions.periods import INSTANT, SPAN_SCHEMA, periods

_KEYS = ["subscription_id", "discount_code", "of_account", "since", "recurring", "interval",
         "align", "day_count"]  # fmt: skip


def within(applies: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """`applies` without the lines of charge periods that do not begin while the discount holds, or
    are past its number of periods.

    A line that begins within a period (another quantity, another plan) is of that period, unless
    the discount was given at that very moment. Counted are the periods of the line's own interval
    that begin while the discount holds; a stub is one, a trial is none of the recurring ones.
    """
    since, until, start = pl.col("since_at"), pl.col("until_at"), pl.col("start_at")
    lasting = pl.col("kind") != "one_time"
    asked = applies.filter(since <= start, lasting | pl.col("periods").is_not_null())
    if not asked.is_empty():
        asked = by_cycle(asked.with_columns(since=since), snapshot)
        within_one = pl.max_horizontal(since, until.fill_null(since)) > start - _longest(asked)
        asked = asked.filter(within_one | pl.col("periods").is_not_null())
    if asked.is_empty():
        return applies.filter(_holds(start))
    found = _periods_of(asked, snapshot)
    return (
        applies.join(found, on="target", how="left")
        .filter(
            _holds(pl.when(lasting).then("period_from").fill_null(start)) | (start == since),
            (pl.col("past") < pl.col("periods")).fill_null(True),
        )
        .drop("period_from", "past")
    )


def _longest(lines: pl.DataFrame) -> pl.Expr:
    """How long the interval of each line lasts at most."""
    texts = lines["interval"].unique().drop_nulls().to_list()
    longest = {text: Interval.parse(text).longest for text in texts}
    return pl.col("interval").replace_strict(longest, return_dtype=pl.Duration("us"))


def _holds(begins: pl.Expr) -> pl.Expr:
    """Whether a discount holds when a period begins."""
    until = pl.col("until_at")
    return (begins >= pl.col("since_at")) & (until.is_null() | (begins < until))


def _periods_of(asked: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """The period in which each line begins: target, period_from, and past: how many periods have
    begun since the discount was given."""
    ways = _ways(asked)
    placed = periods(_spans(ways, snapshot), snapshot.billing_days)
    begun = pl.col("ordinal").filter(pl.col("start_at") >= pl.col("since")).min().over("held")
    counted = placed.with_columns(past=pl.col("ordinal") - begun)
    return (
        asked.join(ways.select("held", *_KEYS), on=_KEYS)
        .join_where(
            counted.select("past", of="held", period_from="start_at", period_to="end_at"),
            pl.col("held") == pl.col("of"),
            pl.col("start_at") >= pl.col("period_from"),
            pl.col("start_at") < pl.col("period_to"),
        )
        .select("target", "period_from", "past")
    )


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
