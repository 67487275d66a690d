"""Guiding: whose record is it, and under which plan? By identifier or code, at the start. Pure."""

from __future__ import annotations

import numpy as np
import polars as pl

from meterline.subscriptions.periods import INSTANT
from meterline.usage.spans import (
    ALWAYS,
    ANY_KIND,
    NEVER,
    NO_KEY,
    NOT_THEN,
    Array,
    Spans,
    instants,
)

GUIDED = ("subscription_id", "account_id", "plan_version_id")


class Holders:
    """Who holds what, and when; found by a hash table of the names."""

    def __init__(self, identifiers: pl.DataFrame, phases: pl.DataFrame) -> None:
        """`identifiers`: subscriptions.frames.IDENTIFIERS; `phases`: PHASES."""
        of_all = phases.select("subscription_id", "timezone", name="code").unique()
        active = phases.filter(pl.col("state") == "active").select(
            *GUIDED, holds_from="start_at", holds_to="end_at"
        )
        by_code = of_all.join(active, on="subscription_id", how="left")
        held = identifiers.select(
            "subscription_id", "value", held_from="start_at", held_to="end_at"
        )
        by_identifier = held.join(by_code.drop("name"), on="subscription_id").select(
            *GUIDED, "timezone", name="value",
            holds_from=pl.max_horizontal("holds_from", "held_from"),
            holds_to=pl.min_horizontal("holds_to", "held_to"),
        )  # fmt: skip
        both = [by_identifier.with_columns(coded=False), by_code.with_columns(coded=True)]
        self._rows = pl.concat(both, how="diagonal").sort("coded", "name")
        self._seed = _seed_of(self._rows)
        self._spans = self._found_by_name()
        self.zones: list[str] = self._rows["timezone"].unique().sort().to_list()

    def find(
        self, names: pl.Series, coded: pl.Series, starts: pl.Series, zone: int = ANY_KIND
    ) -> Array:
        """The row of the holder of each name at an instant (null: never), below 0 where there is
        none (spans.NO_KEY, NOT_THEN); of a time zone or of all."""
        return self._spans.find(_keys(names, coded, self._seed), instants(starts, NEVER), zone)

    def about(self, rows: Array) -> pl.DataFrame:
        """GUIDED of rows."""
        return self._rows.select(GUIDED)[rows]

    def names(self, rows: Array) -> pl.Series:
        """The names of rows."""
        return self._rows["name"].gather(pl.Series(rows))

    def _found_by_name(self) -> Spans:
        rows = self._rows
        active = rows["plan_version_id"].is_not_null().to_numpy()
        zones = rows["timezone"].rank("dense").cast(pl.Int64) - 1
        return Spans(
            _keys(rows["name"], rows["coded"], self._seed),
            instants(rows["holds_from"], ALWAYS),
            np.where(active, instants(rows["holds_to"], NEVER), ALWAYS),
            zones.to_numpy(),
        )


def _seed_of(rows: pl.DataFrame) -> int:
    """One by which all names have different keys."""
    names = rows.select("name", "coded").unique()
    seed = 0
    while len(np.unique(_keys(names["name"], names["coded"], seed))) < names.height:
        seed += 1
    return seed


def _keys(names: pl.Series, coded: pl.Series, seed: int) -> Array:
    """What names are found by: identifiers and codes are hashed by different seeds."""
    if not coded.any():
        return names.hash(seed=2 * seed).to_numpy()
    by_code = names.hash(seed=2 * seed + 1)
    return by_code.zip_with(coded, names.hash(seed=2 * seed)).to_numpy()


def guide(
    records: pl.DataFrame, holders: Holders, again: pl.Series | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records with GUIDED and an instant as `start`; and rejects (line, reason, detail):
    unknown_identifier, inactive_subscription. `records`: normalise's; those that came before
    (`again`) end in neither.
    """
    coded = records["subscription"].is_not_null()
    names = records["identifier"]
    if coded.any():
        names = records["subscription"].zip_with(coded, names)
    rows, starts = _holders(records, names, coded, holders)
    found, lost = rows >= 0, rows < 0
    if again is not None and again.any():
        new = ~again.to_numpy()
        found, lost = found & new, lost & new
    guided = records.drop("local").with_columns(starts)
    if not found.all():
        guided, rows_found = guided.filter(pl.Series(found)), rows[found]
    else:
        rows_found = rows
    rejects = _lost(records.filter(pl.Series(lost)), rows[lost], names.filter(pl.Series(lost)))
    return guided.hstack(holders.about(rows_found)), rejects


def _holders(
    records: pl.DataFrame, names: pl.Series, coded: pl.Series, holders: Holders
) -> tuple[Array, pl.Series]:
    """The row of each record's holder, below 0 for none, and the records' starts."""
    starts, local = records["start"], records["local"]
    rows = holders.find(names, coded, starts)
    if local.null_count() < len(local):
        for number, zone in enumerate(holders.zones):
            moments = in_zone(local, zone)
            here = holders.find(names, coded, moments, number)
            rows = np.where((rows < 0) & (here >= 0), here, rows)
            starts = starts.zip_with(pl.Series(here < 0), moments)
    some = np.flatnonzero(rows >= 0)
    strangers = holders.names(rows[some]).ne_missing(names[some]).to_numpy()
    rows[some[strangers]] = NO_KEY
    return rows, starts


def _lost(records: pl.DataFrame, rows: Array, names: pl.Series) -> pl.DataFrame:
    """Why records have no holder."""
    coded, inactive = records["subscription"].is_not_null(), pl.Series(rows == NOT_THEN)
    words = pl.when(coded).then(pl.lit("unknown subscription ")).otherwise(pl.lit("nobody holds "))
    return records.select(
        "line",
        reason=pl.when(inactive).then(pl.lit("inactive_subscription")).otherwise(
            pl.lit("unknown_identifier")),
        detail=pl.when(inactive).then(
            pl.lit("no active subscription held it at the start of the record")
        ).otherwise(pl.concat_str(words, names.str.slice(0, 100))),
    )  # fmt: skip


def in_zone(local: pl.Series, zone: str) -> pl.Series:
    """Wall clocks as instants of a zone: in the hour that comes twice the first one counts, in the
    one that is skipped the clock as it was before."""
    clock = pl.col("local")
    usual = clock.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    skipped = (clock - pl.duration(hours=1)).dt.replace_time_zone(
        zone, ambiguous="earliest", non_existent="null"
    ) + pl.duration(hours=1)
    moment = pl.coalesce(usual, skipped).dt.convert_time_zone("UTC").cast(INSTANT)
    return local.to_frame("local").select(start=moment).to_series()
