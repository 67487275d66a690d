"""Has this record come before? Within a load and against all records stored earlier; by 128 bits
of hash of its id, of which 96 are kept in memory. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from meterline.kernel.compiled import Compiled
from meterline.usage.murmur import hashed

KEY = ("key_high", "key_low")
_SLOTS_LEAST = 1 << 16

Array = np.ndarray[Any, Any]


def keys(ids: pl.Series) -> pl.DataFrame:
    """key_high, key_low UInt64 of ids; two ids share both by an accident of 1 in 10^20."""
    return pl.DataFrame(dict(zip(KEY, hashed(ids), strict=True)))


class Seen:
    """The keys seen so far: a hash table with open addressing, 12 bytes a slot, at most three
    quarters full."""

    def __init__(self, expected: int = 0) -> None:
        """`expected`: how many there will be, if that is known; it grows with them."""
        self.count = 0
        self.slots = _empty(expected)

    def add(self, keyed: pl.DataFrame) -> pl.Series:
        """Remember keys (KEY): which of them were there before, or stand in an earlier row."""
        if keyed.is_empty():
            return pl.Series([], dtype=pl.Boolean)
        self._grow(self.count + keyed.height)
        again = find_keys(entries_of(keyed), self.slots, True)
        self.count += keyed.height - int(again.sum())
        return pl.Series(again)

    def has(self, keyed: pl.DataFrame) -> pl.Series:
        """Whether each key was seen before."""
        if not self.count:
            return pl.Series([False]).new_from_index(0, keyed.height)
        return pl.Series(find_keys(entries_of(keyed), self.slots, False))

    def _grow(self, count: int) -> None:
        grown = _empty(count)
        if len(grown) > len(self.slots):
            find_keys(self.slots[self.slots[:, 0] != 0], grown, True)
            self.slots = grown


def _empty(count: int) -> Array:
    """Slots for so many keys."""
    slots = max(1 << (count * 4 // 3).bit_length(), _SLOTS_LEAST)
    return np.zeros((slots, 3), dtype=np.uint32)


def entries_of(keyed: pl.DataFrame) -> Array:
    """96 bits of each key; the first 32 are never 0: that marks a free slot."""
    high, low = keyed["key_high"].to_numpy(), keyed["key_low"].to_numpy()
    made = np.empty((keyed.height, 3), dtype=np.uint32)
    made[:, 0] = np.maximum(low >> np.uint64(32), np.uint64(1))
    made[:, 1] = low & np.uint64(0xFFFF_FFFF)
    made[:, 2] = high >> np.uint64(32)
    return made


def _find_each(entries: Array, slots: Array, remember: bool) -> Array:
    """Whether each entry stands in the slots; those that do not are put there if so wished."""
    found = np.zeros(len(entries), dtype=np.bool_)
    last = len(slots) - 1
    for i in range(len(entries)):
        slot: Any = np.int64(entries[i, 2]) * len(slots) >> 32
        while slots[slot, 0] != 0:
            same = slots[slot, 0] == entries[i, 0] and slots[slot, 1] == entries[i, 1]
            if same and slots[slot, 2] == entries[i, 2]:
                found[i] = True
                break
            slot = slot + 1 if slot < last else 0
        if remember and not found[i]:
            for part in range(3):
                slots[slot, part] = entries[i, part]
    return found


find_keys = Compiled(_find_each, "uint32[,]", "out uint32[,]", "boolean")
