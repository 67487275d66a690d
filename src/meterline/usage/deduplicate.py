"""Has this record come before? By 128 bits of hash of its id, within a load and against all
records stored earlier. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

_SEEDS = (11, 7919)
KEY = ("key_high", "key_low")
_BITS_LEAST, _BITS_MOST = 20, 27


def keys(ids: pl.Series) -> pl.DataFrame:
    """key_high, key_low UInt64 of ids; two ids share both by an accident of 1 in 10^20."""
    return pl.DataFrame({name: ids.hash(seed=seed) for name, seed in zip(KEY, _SEEDS, strict=True)})


class Seen:
    """The keys seen so far. A filter on the first bits of a key lets most new ones pass quickly;
    only those it holds back are looked up exactly. It grows with them, up to 128 MiB."""

    def __init__(self) -> None:
        self.count = 0
        self._parts: list[pl.DataFrame] = []
        self._bits = _BITS_LEAST
        self._filter: np.ndarray[Any, Any] | None = None  # made with the first keys

    def add(self, keyed: pl.DataFrame) -> None:
        """Remember keys (KEY)."""
        if keyed.is_empty():
            return
        self.count += keyed.height
        self._parts.append(keyed.select(KEY))
        if self._filter is None or (self.count << 4 > 1 << self._bits < 1 << _BITS_MOST):
            self._bits = min(max(self.count.bit_length() + 6, _BITS_LEAST), _BITS_MOST)
            self._filter = np.zeros(1 << self._bits, dtype=bool)
            for part in self._parts:
                self._filter[self._slots(part)] = True
        else:
            self._filter[self._slots(keyed)] = True

    def has(self, keyed: pl.DataFrame) -> pl.Series:
        """Whether each key was seen before."""
        suspects = None if self._filter is None else self._filter[self._slots(keyed)]
        if suspects is None or not suspects.any():
            return _at(pl.Series([], dtype=pl.UInt32), keyed.height)
        rows = keyed.with_row_index("row").filter(pl.Series(suspects))
        # the few suspects make the hash table, the many keys pass through it
        found = pl.concat([part.join(rows, on=KEY, how="semi") for part in self._parts])
        return _at(rows.join(found, on=KEY, how="semi")["row"], keyed.height)

    def _slots(self, keyed: pl.DataFrame) -> np.ndarray[Any, Any]:
        return (keyed["key_high"].to_numpy() >> np.uint64(64 - self._bits)).view(np.int64)


def new_records(
    records: pl.DataFrame, keyed: pl.DataFrame, again: pl.Series, seen: Sequence[Seen]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records whose id none of `seen` and no earlier row has, and KEY of them.

    `keyed`: KEY of `records`; `again`: which of them are `repeated`.
    """
    for known in seen:
        again = again | known.has(keyed)
    if not again.any():
        return records, keyed
    return records.filter(~again), keyed.filter(~again)


def repeated(keyed: pl.DataFrame) -> pl.Series:
    """Whether an earlier row has the same key. Half the key finds the few that may be: quicker."""
    suspects = keyed["key_high"].is_duplicated()
    if not suspects.any():
        return suspects
    rows = keyed.with_row_index("row").filter(suspects)
    later = rows.filter(~rows.select(pl.struct(KEY).is_first_distinct()).to_series())["row"]
    return _at(later, keyed.height)


def _at(rows: pl.Series, height: int) -> pl.Series:
    """True at some rows, of `height`."""
    found = pl.Series([False]).new_from_index(0, height)
    return found.scatter(rows, True) if len(rows) else found
