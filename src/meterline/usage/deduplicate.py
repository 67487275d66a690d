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
    keyed = keys(records["id"])
    again = _repeated(keyed)
    for known in seen:
        again |= _known(keyed, known)
    if not again.any():
        return records, keyed
    return records.filter(~again), keyed.filter(~again)


def _repeated(keyed: pl.DataFrame) -> pl.Series:
    """Whether an earlier row has the same key. Half the key finds the few that may be: quicker."""
    suspects = keyed["key_high"].is_duplicated()
    if not suspects.any():
        return suspects
    rows = keyed.with_row_index("row").filter(suspects)
    later = rows.filter(~rows.select(pl.struct(KEY).is_first_distinct()).to_series())["row"]
    return _at(later, keyed.height)


def _known(keyed: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
    """Whether the key is among `known`."""
    if known.is_empty():
        return _at(pl.Series([], dtype=pl.UInt32), keyed.height)
    rows = keyed.with_row_index("row").join(known, on=KEY, how="semi")["row"]
    return _at(rows, keyed.height)


def _at(rows: pl.Series, height: int) -> pl.Series:
    """True at some rows, of `height`."""
    found = pl.Series([False]).new_from_index(0, height)
    return found.scatter(rows, True) if len(rows) else found
