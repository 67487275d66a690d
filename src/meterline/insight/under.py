"""Snapshots as another catalogue would make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from meterline.billing.frames import COVERED, TOTALS, Commitment, EarlyFee, Minimum, Snapshot
from meterline.billing.snapshot import join_denominators, settled_by, tax_frame, with_reach
from meterline.catalog.candidate import Candidate


@dataclass(frozen=True, kw_only=True)
class Used:
    """What was used, as the other catalogue rates it."""

    totals: pl.DataFrame  # usage.totals.TOTALS
    covered: pl.DataFrame  # COVERED and account_id
    detail: pl.DataFrame  # usage.services.detail


def of_subscriptions(snapshot: Snapshot, subscription_ids: Sequence[int]) -> Snapshot:
    """The snapshot of some subscriptions only."""
    wanted = pl.Series(subscription_ids, dtype=pl.Int64).implode()
    phases = snapshot.phases.filter(pl.col("subscription_id").is_in(wanted))
    return replace(snapshot, phases=phases)


def under(
    candidate: Candidate, snapshot: Snapshot, used: Used, discounts: pl.DataFrame
) -> Snapshot:
    """`snapshot` under the candidate: its versions take the place of those of today, `used` that of
    what was used, `discounts` (DISCOUNTS, as the candidate has them) that of the discounts."""
    known = candidate.versions
    minimums = [
        *(one for one in snapshot.minimums if one.plan_version_id not in known),
        *(Minimum(**one) for one in candidate.minimums),
    ]
    commitments = [
        *(one for one in snapshot.commitments if one.plan_version_id not in known),
        *(Commitment(**one) for one in candidate.commitments),
    ]
    kept = [one for one in snapshot.prices if one.plan_version_id not in known]
    prices = [*kept, *candidate.prices]
    counting = settled_by(
        minimums, commitments, prices, amounts_off=bool(discounts["amount"].count())
    )
    others = snapshot.detail.filter(pl.col("price_id").is_in([one.id for one in kept]))
    return replace(
        snapshot,
        accounts=with_reach(snapshot.accounts, counting),
        phases=_counterparts(snapshot.phases, candidate),
        prices=prices,
        minimums=minimums,
        commitments=commitments,
        early_fees=[
            *(one for one in snapshot.early_fees if one.plan_version_id not in known),
            *(EarlyFee(**one) for one in candidate.early_fees),
        ],
        meters=candidate.meters,
        calendars=candidate.calendars,
        taxes=tax_frame(candidate.taxes),
        discounts=discounts,
        totals=join_denominators(used.totals.select(TOTALS.keys())),
        covered=used.covered.select(COVERED.keys()),
        detail=pl.concat([others, used.detail], how="diagonal"),
    )


def _counterparts(phases: pl.DataFrame, candidate: Candidate) -> pl.DataFrame:
    versions = list(candidate.versions), list(candidate.versions.values())
    return phases.with_columns(
        pl.col(name).replace(*versions) for name in ("plan_version_id", "early_version_id")
    )
