"""Rows of an import of subscriptions whose base does not fit, or that have none and need one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from meterline.customers import csvfile
from meterline.kernel.errors import MeterlineError
from meterline.subscriptions import bases, bulk
from meterline.subscriptions.bases import Bases
from meterline.subscriptions.errors import (
    BaseElsewhere,
    BaseNeeded,
    NotAnAddon,
    SubscriptionEnded,
)
from meterline.subscriptions.timeline import phase_at

_Error = Callable[[dict[str, Any]], MeterlineError]


def check_bases(sheet: csvfile.Sheet) -> None:
    """Reject add-ons without a base, and rows whose base is not there, is on another account, is
    over, has a base itself or a plan to which theirs is no add-on. A base may be in the file."""
    rows, contracts = bulk.with_contracts(sheet.rows)
    of = {key: list(one.offer.terms.addon_to) for key, one in contracts.items()}
    rows = rows.with_columns(
        addon_to=pl.col("key").replace_strict(of, return_dtype=pl.List(pl.String))
    )
    alone = rows.filter(pl.col("base").is_null())
    lonely = alone.filter(pl.col("addon_to").list.len() > 0)
    _reject(sheet, lonely, lambda row: BaseNeeded(plan=row["plan"], bases=_fitting(row)))
    named = sheet.rows["base"].drop_nulls().unique().to_list()
    if not named:
        return
    under = bases.load(named).beside(_in_file(alone.join(lonely, on="line", how="anti"), contracts))
    csvfile.check_known(sheet, "base", dict.fromkeys(under.rows["base"], 0), "subscription")
    beside = rows.drop("base_id", "stay").join(under.rows, on="base", maintain_order="left")
    elsewhere = pl.col("base_account_id") != pl.col("account_id")
    _reject(sheet, beside.filter(elsewhere), _elsewhere)
    beside = beside.filter(~elsewhere)
    pairs = beside.select("key", "stay").unique()
    fits = {pair: _fits(contracts[pair[0]], under, pair[1]) for pair in pairs.iter_rows()}
    found = pl.struct("key", "stay").map_elements(
        lambda pair: fits[pair["key"], pair["stay"]], return_dtype=pl.String
    )
    told = beside.with_columns(found=found)
    wrong = (pl.col("found") == "other") | pl.col("base_of").is_not_null()
    _reject(sheet, told.filter(pl.col("found") == "over"), lambda row: _over(row, under))
    _reject(sheet, told.filter(wrong), _no_addon)


def _in_file(alone: pl.DataFrame, contracts: Mapping[int, bulk.Contract]) -> Bases:
    """The rows of the file as bases of others."""
    rows = alone.select(
        base="code", base_id=pl.lit(None, pl.Int64), base_account_id="account_id",
        base_account="account", base_of=pl.lit(None, pl.Int64),
        stay=pl.format("row {}", "key"),
    )  # fmt: skip
    return Bases(
        rows=rows,
        timelines={f"row {key}": one.phases for key, one in contracts.items()},
        plans={
            phase.plan_version_id: one.offer.plan
            for one in contracts.values()
            for phase in one.phases
        },
    )


def _fits(contract: bulk.Contract, under: Bases, stay: str) -> str:
    """Whether a contract can begin beside a timeline: `fits`, `over`, or `other` plans."""
    base = under.timelines[stay]
    begin = contract.start.effective_at
    phase = phase_at(base, max(begin, base[0].start_at)) if base else None
    if phase is None:
        return "over"
    plan = under.plans[phase.plan_version_id]
    return "fits" if plan in contract.offer.terms.addon_to else "other"


def _reject(sheet: csvfile.Sheet, wrong: pl.DataFrame, error: _Error) -> None:
    made = [error(row) for row in wrong.iter_rows(named=True)]
    told = wrong.select("line").with_columns(
        reason=pl.Series([one.code for one in made], dtype=pl.String),
        detail=pl.Series([one.message for one in made], dtype=pl.String),
    )
    for (reason,), part in told.partition_by("reason", as_dict=True).items():
        sheet.reject(part, str(reason), pl.col("detail"))


def _fitting(row: Mapping[str, Any]) -> str:
    return ", ".join(row["addon_to"]) or "no other"


def _elsewhere(row: dict[str, Any]) -> MeterlineError:
    return BaseElsewhere(base=row["base"], holder=row["base_account"], account=row["account"])


def _no_addon(row: dict[str, Any]) -> MeterlineError:
    at = _text(row["start_at"], row["timezone"])
    return NotAnAddon(plan=row["plan"], base=row["base"], at=at, bases=_fitting(row))


def _over(row: dict[str, Any], under: Bases) -> MeterlineError:
    base, zone = under.timelines[row["stay"]], row["timezone"]
    begin, end = (base[0].start_at, base[-1].end_at) if base else (row["start_at"],) * 2
    return SubscriptionEnded(
        code=row["base"], at=_text(row["start_at"], zone), start=_text(begin, zone),
        end=_text(end, zone),
    )  # fmt: skip


def _text(at: Any, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
