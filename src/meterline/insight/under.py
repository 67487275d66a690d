"""Snapshots as another catalogue would make them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from meterline.billing.frames import TOTALS, Minimum, Snapshot
from meterline.billing.snapshot import (
    join_denominators,
    tax_frame,
    with_discount_terms,
    with_reach,
)
from meterline.catalog.candidate import Candidate


def of_subscriptions(snapshot: Snapshot, subscription_ids: Sequence[int]) -> Snapshot:
    """The snapshot of some subscriptions only."""
    wanted = pl.Series(subscription_ids, dtype=pl.Int64).implode()
    phases = snapshot.phases.filter(pl.col("subscription_id").is_in(wanted))
    return replace(snapshot, phases=phases)


def under(
    candidate: Candidate, snapshot: Snapshot, totals: pl.DataFrame, detail: pl.DataFrame
) -> Snapshot:
    """`snapshot` under the candidate: its versions take the place of those of today, `totals`
    (usage.totals.TOTALS) and `detail` (usage.services.detail) that of what was used."""
    minimums = [
        *(one for one in snapshot.minimums if one.plan_version_id not in candidate.versions),
        *(Minimum(**one) for one in candidate.minimums),
    ]
    kept = [one for one in snapshot.prices if one.plan_version_id not in candidate.versions]
    discounts = snapshot.discounts.select(
        "subscription_id", "position", "discount_code", "since_at"
    )
    return replace(
        snapshot,
        accounts=with_reach(snapshot.accounts, minimums),
        phases=snapshot.phases.with_columns(
            pl.col("plan_version_id").replace(
                list(candidate.versions), list(candidate.versions.values())
            )
        ),
        prices=[*kept, *candidate.prices],
        minimums=minimums,
        meters=candidate.meters,
        calendars=candidate.calendars,
        taxes=tax_frame(candidate.taxes),
        discounts=with_discount_terms(discounts, candidate.discounts),
        totals=join_denominators(totals.select(TOTALS.keys())),
        detail=detail,
    )
