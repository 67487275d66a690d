"""Terms of a plan that are settled when their interval ends: minimum spend, commitments. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import UTC, datetime

import polars as pl

from meterline.billing.frames import Snapshot
from meterline.billing.spans import spans, with_limits
from meterline.subscriptions.periods import INSTANT, periods, runs

_FAR = pl.lit(datetime(9999, 1, 1, tzinfo=UTC), INSTANT)


def ended_periods(terms: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """The ended periods of terms that each subscription has, as `periods` gives them, with the
    columns of `terms` and `period`, their number.

    `terms`: plan_version_id, term, shared, interval, align, day_count and others; one a plan
    version. Versions with the same `term` (phases of a plan, own prices of a subscription) are one
    stay. Where a term is shared, all subscriptions of an account have it once, and its periods are
    those of the one that began first.
    """
    keyed = snapshot.phases.join(
        terms.select("plan_version_id", "term", "shared"), on="plan_version_id"
    ).with_columns(version="plan_version_id", plan_version_id="term")
    stays = runs(keyed)
    if stays["shared"].any():
        stays = pl.concat([stays.filter(~pl.col("shared")), _of_accounts(stays)])
    own = stays.with_columns(plan_version_id="version").drop("version", "term", "shared")
    found = periods(spans(own, terms, snapshot), snapshot.billing_days)
    return (
        found.pipe(with_limits, snapshot)
        .filter(
            pl.col("end_at") <= pl.col("until_at"),
            pl.col("period_closed"),
            pl.col("end_at") > pl.col("settled_at"),
        )
        .with_row_index("period")
    )


def _of_accounts(stays: pl.DataFrame) -> pl.DataFrame:
    """The stays of shared terms, joined where those of an account's subscriptions touch."""
    key = ["account_id", "term"]
    end = pl.col("end_at").fill_null(_FAR)
    order = stays.filter("shared").sort(*key, "start_at", "subscription_id")
    reached = order.with_columns(reached=end.cum_max().over(key))
    begins = (pl.col("start_at") > pl.col("reached").shift(1).over(key)).fill_null(True)
    return (
        reached.with_columns(stay=begins.cum_sum())
        .group_by("stay", maintain_order=True)
        .agg(pl.all().exclude("end_at", "reached").first(), end_at=pl.col("reached").max())
        .with_columns(end_at=pl.when(pl.col("end_at") < _FAR).then("end_at"))
        .select(stays.columns)
    )


def share_text() -> pl.Expr:
    """The share of a period as explanations keep it."""
    return pl.concat_str("share_numerator", "share_denominator", separator="/").alias("share")


def number(keys: Sequence[Hashable]) -> list[int]:
    """A number for each key; equal keys have the same one."""
    known: dict[Hashable, int] = {}
    return [known.setdefault(key, len(known)) for key in keys]
