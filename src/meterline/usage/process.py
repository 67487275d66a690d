"""Records in, rated records and rejects out: one chunk of a batch. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from meterline.rating.rate import QUANTITY, rate
from meterline.rating.tariff import Tariff
from meterline.subscriptions.periods import INSTANT
from meterline.usage.deduplicate import keys
from meterline.usage.guide import Holders, guide
from meterline.usage.normalise import normalise
from meterline.usage.place import Timelines, with_period_start
from meterline.usage.settle import Cover

TOO_LATE = "too_late"
REJECTS: dict[str, Any] = {"line": pl.UInt32, "reason": pl.String, "detail": pl.String}


@dataclass(frozen=True, kw_only=True)
class Contracts:
    """What guided records are rated by."""

    timelines: Timelines
    tariff: Tariff
    cover: Cover


@dataclass(frozen=True, kw_only=True)
class Reference(Contracts):
    """What records are guided and rated by."""

    holders: Holders


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A chunk as far as it can be worked on without knowing anything else."""

    decoded: pl.DataFrame
    typed: pl.DataFrame  # normalise's
    malformed: pl.DataFrame  # REJECTS
    keys: pl.DataFrame  # deduplicate.KEY of `typed`


@dataclass(frozen=True, kw_only=True)
class Processed:
    """Every record of a chunk that is new is in `records` (rated) or in `rejects`."""

    records: pl.DataFrame  # guided, line is unique
    rated: pl.DataFrame  # store.RATED but origin
    waiting: pl.DataFrame  # as `rated`, of what may use an allowance: not settled yet
    rejects: pl.DataFrame  # REJECTS
    keys: pl.DataFrame  # store.KEYS but origin, of `records`


def prepare(decoded: pl.DataFrame, *, source: str, now: datetime) -> Prepared:
    """Normalise the records of a chunk."""
    typed, malformed = normalise(decoded, source=source, now=now)
    return Prepared(decoded=decoded, typed=typed, malformed=malformed, keys=keys(typed["id"]))


def process(
    prepared: Prepared, again: pl.Series, reference: Reference, *, oldest: datetime | None = None
) -> Processed:
    """Guide, rate and place the records of a chunk, but for those that came before (`again`).
    Those that start before `oldest` are refused: somebody has to look at them."""
    keyed = prepared.keys.hstack(prepared.typed.select("line"))
    guided, lost = guide(prepared.typed, reference.holders, again)
    guided, late = _in_time(guided, oldest)
    records, rated, refused = rate_and_place(guided, reference)
    waits = reference.cover.touches(rated)
    rejects = (prepared.malformed, lost, late, refused)
    return Processed(
        records=records,
        rated=rated if waits is None else rated.filter(~waits),
        waiting=rated.clear() if waits is None else rated.filter(waits),
        rejects=pl.concat([frame.select(REJECTS.keys()) for frame in rejects]),
        keys=keyed
        if records.height == keyed.height
        else keyed.filter(pl.Series(np.isin(keyed["line"].to_numpy(), records["line"].to_numpy()))),
    )


def _in_time(guided: pl.DataFrame, oldest: datetime | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records that do not start before `oldest`, and rejects of those that do."""
    if oldest is None:
        return guided, pl.DataFrame(schema=REJECTS)
    late = pl.col("start") < pl.lit(oldest, INSTANT)
    rejects = guided.filter(late).select(
        "line", reason=pl.lit(TOO_LATE),
        detail=pl.format("came too late: its source takes nothing from before {}",
                         pl.lit(f"{oldest:%Y-%m-%d %H:%M} UTC")),
    )  # fmt: skip
    return guided.filter(~late), rejects


def rate_and_place(
    guided: pl.DataFrame, contracts: Contracts
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The guided records that could be rated, what they were rated at (with period_start), and
    rejects."""
    outcome = rate(guided.rename({"line": "row"}), contracts.tariff)
    refused = outcome.rejects.rename({"row": "line"})
    records = (
        guided.join(refused, on="line", how="anti", maintain_order="left")
        if refused.height
        else guided
    )
    rated = _with_about(outcome.rated.rename({"row": "line"}), records)
    placed = with_period_start(rated, contracts.timelines, contracts.tariff)
    return records, placed.with_columns(covered=pl.lit(0).cast(QUANTITY)), refused


_ABOUT = ("account_id", "subscription_id", "plan_version_id", "start", "duration_us")


def _with_about(rated: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """`rated` with what it needs of its records."""
    about = records.select("line", *_ABOUT)
    if rated["line"].equals(about["line"]):  # a price a record, as is usual
        return rated.hstack(about.drop("line"))
    return rated.join(about, on="line", maintain_order="left")
