"""Usage rated anew, under a tariff that is not in force, after its allowances. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import polars as pl

from meterline.billing.frames import COVERED
from meterline.rating.allowance import Allowance
from meterline.usage.grants import lots
from meterline.usage.process import REJECTS, Contracts, rate_and_place
from meterline.usage.settle import USED, USES, settle
from meterline.usage.totals import TOTALS, added, totals


@dataclass(frozen=True, kw_only=True)
class Rerated:
    """What the usage of many subscriptions comes to under another tariff."""

    totals: pl.DataFrame  # usage.totals.TOTALS
    covered: pl.DataFrame  # billing.frames.COVERED and account_id
    detail: Sequence[tuple[pl.DataFrame, pl.DataFrame]]  # rated, records: of detailed prices
    rejects: pl.DataFrame  # plan_version_id, meter, reason, detail (an example), records
    records: int


REJECTED = {
    "plan_version_id": pl.Int64, "meter": pl.String, "reason": pl.String, "detail": pl.String,
    "records": pl.UInt32,
}  # fmt: skip


def rerate(
    parts: Iterable[pl.DataFrame],
    contracts: Contracts,
    versions: Mapping[int, int],
    detailed: Collection[int],
) -> Rerated:
    """Rate guided records (usage.services.guided), a part at a time, and let them draw on the
    allowances of `contracts.cover`, from nothing taken.

    `versions`: price by which a record was rated -> plan version by which it is rated now.
    `detailed`: ids of prices whose rated records are kept one by one.
    """
    sums, rows, refused, waiting, count = [], [], [], [], 0
    for part in parts:
        guided = part.with_columns(
            line=pl.int_range(count + 1, count + part.height + 1, dtype=pl.UInt32),
            plan_version_id=pl.col("price_id").replace_strict(
                dict(versions), return_dtype=pl.Int64
            ),
        ).drop("price_id")
        count += guided.height
        records, rated, rejects = rate_and_place(guided, contracts)
        refused.append(_told(rejects, guided))
        waits = contracts.cover.touches(rated)
        if waits is not None:
            waiting.append((records, rated.filter(waits)))
            rated = rated.filter(~waits)
        rows.append(_kept(records, rated, detailed))
        sums += [totals(rated)] if rated.height else []
    uses = pl.DataFrame(schema=USES)
    if waiting:
        records, rated, uses = _settled(waiting, contracts)
        rows.append(_kept(records, rated, detailed))
        sums.append(totals(rated))
    return Rerated(
        totals=added(sums) if sums else pl.DataFrame(schema=TOTALS),
        covered=_covered(uses, contracts.cover.allowances),
        detail=[one for one in rows if one[1].height],
        rejects=_summed(pl.concat([pl.DataFrame(schema=REJECTED), *refused])),
        records=count,
    )


def _settled(
    waiting: Sequence[tuple[pl.DataFrame, pl.DataFrame]], contracts: Contracts
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Records that may use allowances, what is left of them to pay, and what they used."""
    rated = pl.concat([one for _, one in waiting])
    records = pl.concat([one for one, _ in waiting], how="diagonal").join(
        rated, on="line", how="semi"
    )
    cover, timelines = contracts.cover, contracts.timelines
    window = cast(tuple[datetime, datetime], (rated["start"].min(), rated["start"].max()))
    found = lots(timelines.phases, cover.carriers, cover.allowances, timelines.billing_days, window)
    none = pl.DataFrame(schema=USED)
    outcome = settle(records, rated, cover, found, none, contracts.tariff)
    return records, outcome.rated, outcome.uses


def _covered(uses: pl.DataFrame, allowances: Sequence[Allowance]) -> pl.DataFrame:
    money = [one.digest for one in allowances if one.money]
    return (
        uses.with_columns(money=pl.col("definition").is_in(money))
        .group_by("account_id", *(name for name in COVERED if name != "amount"))
        .agg(pl.col("amount").sum())
        .filter(pl.col("amount") != 0)
        .select("account_id", *(pl.col(name).cast(kind) for name, kind in COVERED.items()))
    )


def _kept(
    records: pl.DataFrame, rated: pl.DataFrame, detailed: Collection[int]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rated records of detailed prices, and their records."""
    rows = rated.filter(pl.col("price_id").is_in(list(detailed)))
    return rows, records.join(rows, on="line", how="semi")


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
