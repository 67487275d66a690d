"""Has this record come before? By 128 bits of hash of its id, within a load and against all
records stored earlier. Pure."""

from __future__ import annotations

import polars as pl

_SEEDS = (11, 7919)
KEY = ("key_high", "key_low")


def keys(ids: pl.Series) -> pl.DataFrame:
    """key_high, key_low UInt64 of ids; two ids share both by an accident of 1 in 10^20."""
    return pl.DataFrame({name: ids.hash(seed=seed) for name, seed in zip(KEY, _SEEDS, strict=True)})


def new_records(
    records: pl.DataFrame, seen: list[pl.DataFrame]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records whose id none of `seen` (frames of KEY) has and no earlier row has; and KEY of
    them, to be seen from now on."""
    keyed = records.hstack(keys(records["id"]))
    fresh = keyed.filter(pl.struct(KEY).is_first_distinct())
    for known in seen:
        if known.height and fresh.height:
            fresh = fresh.join(known, on=KEY, how="anti", maintain_order="left")
    return fresh.drop(KEY), fresh.select(KEY)
