"""Usage rated anew, under a tariff that is not in force. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from meterline.usage.process import REJECTS, Reference, rate_and_place
from meterline.usage.totals import TOTALS, added, totals


@dataclass(frozen=True, kw_only=True)
class Rerated:
    """What the usage of many subscriptions comes to under another tariff."""

    totals: pl.DataFrame  # usage.totals.TOTALS
    detail: tuple[pl.DataFrame, ...]  # rated records of prices that look at each of them
    rejects: pl.DataFrame  # plan_version_id, meter, reason, detail (an example), records
    records: int


REJECTED = {
    "plan_version_id": pl.Int64, "meter": pl.String, "reason": pl.String, "detail": pl.String,
    "records": pl.UInt32,
}  # fmt: skip


def rerate(
    parts: Iterable[pl.DataFrame],
    reference: Reference,
    versions: Mapping[int, int],
    detailed: Collection[int],
) -> Rerated:
    """Rate guided records (usage.services.guided), a part at a time.

    `versions`: plan version by which a record was guided -> the one it is rated by; records of
    others are left out. `detailed`: ids of prices whose rated records are kept one by one.
    """
    sums, rows, refused, count = [], [], [], 0
    for part in parts:
        guided = part.with_columns(
            pl.col("plan_version_id").replace_strict(
                dict(versions), default=None, return_dtype=pl.Int64
            )
        ).filter(pl.col("plan_version_id").is_not_null())
        count += guided.height
        _, rated, rejects = rate_and_place(guided, reference)
        sums.append(totals(rated))
        refused.append(_told(rejects, guided))
        if detailed:
            rows.append(rated.filter(pl.col("price_id").is_in(list(detailed))))
    return Rerated(
        totals=added(sums) if sums else pl.DataFrame(schema=TOTALS),
        detail=tuple(rows),
        rejects=_summed(pl.concat([pl.DataFrame(schema=REJECTED), *refused])),
        records=count,
    )


def _told(rejects: pl.DataFrame, guided: pl.DataFrame) -> pl.DataFrame:
    about = guided.select("line", "plan_version_id", pl.col("meter").cast(pl.String))
    return (
        rejects.select(REJECTS.keys())
        .join(about, on="line")
        .group_by("plan_version_id", "meter", "reason")
        .agg(pl.col("detail").first(), records=pl.len())
        .select(REJECTED.keys())
    )


def _summed(told: pl.DataFrame) -> pl.DataFrame:
    return told.group_by("plan_version_id", "meter", "reason", maintain_order=True).agg(
        pl.col("detail").first(), pl.col("records").sum()
    )
