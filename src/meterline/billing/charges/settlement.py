"""Terms of a plan that are settled when their interval ends: minimum spend, commitments. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import polars as pl

from meterline.billing.frames import Snapshot
from meterline.billing.spans import spans, with_limits
from meterline.subscriptions.periods import periods, runs


def ended_periods(terms: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """The ended periods of terms that each subscription has, as `periods` gives them, with the
    columns of `terms` and `period`, their number.

    `terms`: plan_version_id, term, interval, align, day_count and others; one a plan version.
    Versions with the same `term` (phases of a plan, own prices of a subscription) are one stay.
    """
    keyed = snapshot.phases.join(
        terms.select("plan_version_id", "term"), on="plan_version_id"
    ).with_columns(version="plan_version_id", plan_version_id="term")
    stays = runs(keyed).with_columns(plan_version_id="version").drop("version", "term")
    found = periods(spans(stays, terms, snapshot), snapshot.billing_days)
    return (
        found.pipe(with_limits, snapshot)
        .filter(
            pl.col("end_at") <= pl.col("until_at"),
            pl.col("period_closed"),
            pl.col("end_at") > pl.col("horizon_at"),
        )
        .with_row_index("period")
    )


def share_text() -> pl.Expr:
    """The share of a period as explanations keep it."""
    return pl.concat_str("share_numerator", "share_denominator", separator="/").alias("share")


def number(keys: Sequence[Hashable]) -> list[int]:
    """A number for each key; equal keys have the same one."""
    known: dict[Hashable, int] = {}
    return [known.setdefault(key, len(known)) for key in keys]
