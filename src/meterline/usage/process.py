"""Records in, rated records, rejects and duplicates out: one chunk of a batch. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from meterline.rating.rate import QUANTITY, rate
from meterline.rating.tariff import Tariff
from meterline.usage.deduplicate import Seen, keys, new_records, repeated
from meterline.usage.guide import guide
from meterline.usage.normalise import normalise
from meterline.usage.place import Timelines, with_period_start
from meterline.usage.settle import Cover

REJECTS: dict[str, Any] = {"line": pl.UInt32, "reason": pl.String, "detail": pl.String}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What records are guided and rated by."""

    by_identifier: pl.DataFrame  # guide.holdings
    by_code: pl.DataFrame
    timelines: Timelines
    tariff: Tariff
    cover: Cover


@dataclass(frozen=True, kw_only=True)
class Processed:
    """Every record of a chunk is in `records` (rated), in `rejects`, or counted in `duplicates`."""

    records: pl.DataFrame  # guided, line is unique
    rated: pl.DataFrame  # store.RATED but origin
    waiting: pl.DataFrame  # as `rated`, of what may use an allowance: not settled yet
    rejects: pl.DataFrame  # REJECTS
    keys: pl.DataFrame  # store.KEYS but origin, of `records`
    seen: pl.DataFrame  # deduplicate.KEY of all new ones, rejected ones too
    duplicates: int


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A chunk as far as it can be worked on without knowing anything else."""

    decoded: pl.DataFrame
    typed: pl.DataFrame  # normalise's
    malformed: pl.DataFrame  # REJECTS
    keys: pl.DataFrame  # deduplicate.KEY of `typed`
    repeated: pl.Series  # whether an earlier row has the same one


def prepare(decoded: pl.DataFrame, *, source: str, now: datetime) -> Prepared:
    """Normalise the records of a chunk, and see which are there twice."""
    typed, malformed = normalise(decoded, source=source, now=now)
    keyed = keys(typed["id"])
    return Prepared(
        decoded=decoded, typed=typed, malformed=malformed, keys=keyed, repeated=repeated(keyed)
    )


def process(prepared: Prepared, reference: Reference, seen: Sequence[Seen]) -> Processed:
    """Deduplicate (against `seen`), guide, rate and place the records of a chunk."""
    typed, malformed = prepared.typed, prepared.malformed
    fresh, fresh_keys = new_records(typed, prepared.keys, prepared.repeated, seen)
    lines = fresh_keys.hstack(fresh.select("line"))
    guided, lost = guide(fresh, reference.by_identifier, reference.by_code)
    records, rated, refused = rate_and_place(guided, reference)
    waits = reference.cover.touches(rated)
    return Processed(
        records=records,
        rated=rated if waits is None else rated.filter(~waits),
        waiting=rated.clear() if waits is None else rated.filter(waits),
        rejects=pl.concat([frame.select(REJECTS.keys()) for frame in (malformed, lost, refused)]),
        keys=lines
        if records.height == lines.height
        else lines.join(records, on="line", how="semi"),
        seen=fresh_keys,
        duplicates=typed.height - fresh.height,
    )


def rate_and_place(
    guided: pl.DataFrame, reference: Reference
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The guided records that could be rated, what they were rated at (with period_start), and
    rejects."""
    outcome = rate(guided.rename({"line": "row"}), reference.tariff)
    refused = outcome.rejects.rename({"row": "line"})
    records = (
        guided.join(refused, on="line", how="anti", maintain_order="left")
        if refused.height
        else guided
    )
    about = records.select(
        "line", "account_id", "subscription_id", "plan_version_id", "start", "duration_us"
    )
    rated = outcome.rated.rename({"row": "line"}).join(about, on="line", maintain_order="left")
    placed = with_period_start(rated, reference.timelines, reference.tariff)
    return records, placed.with_columns(covered=pl.lit(0).cast(QUANTITY)), refused
