"""Rows that hold for a time, found by a key and an instant: who has a number then, which period of
a subscription it lies in. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from meterline.kernel.compiled import Compiled

Array = np.ndarray[Any, Any]
ALWAYS, NEVER = -(2**63), 2**63 - 1
NO_KEY, NOT_THEN = -1, -2
ANY_KIND = -1


class Spans:
    """Spans `[since, until)` by key, in a hash table with open addressing.

    `keys` UInt64, spread evenly over 64 bits, equal ones next to each other; `since`, `until`:
    microseconds (ALWAYS, NEVER); `kinds`: further numbers by which spans of a key may be told
    apart.
    """

    def __init__(self, keys: Array, since: Array, until: Array, kinds: Array) -> None:
        # next to each other, since what is looked at of a row is looked at together
        self._rows = np.column_stack([keys.view(np.int64), since, until, kinds])
        self._slots = np.full(1 << (2 * len(keys) + 1).bit_length(), -1, dtype=np.int32)
        enter_keys(keys, self._slots)

    def find(self, keys: Array, instants: Array, kind: int = ANY_KIND) -> Array:
        """The row of each key's span, of a kind or of any, that contains its instant (NEVER: none);
        NO_KEY or NOT_THEN where there is none."""
        return find_spans(keys, instants, kind, self._slots, self._rows)


def instants(moments: pl.Series, missing: int) -> Array:
    """Microseconds of instants; `missing` for nulls."""
    return moments.to_physical().fill_null(missing).cast(pl.Int64).to_numpy()


def _enter_each(keys: Array, slots: Array) -> None:
    """Put the first row of each key into the slots."""
    last = len(slots) - 1
    for row in range(len(keys)):
        if row and keys[row] == keys[row - 1]:
            continue
        slot: Any = np.int64(keys[row] & np.uint64(last))
        while slots[slot] >= 0:
            slot = slot + 1 if slot < last else 0
        slots[slot] = row


def _find_each(wanted: Array, at: Array, kind: int, slots: Array, rows: Array) -> Array:
    """`rows`: [row, key or since or until or kind]."""
    found = np.full(len(wanted), NO_KEY, dtype=np.int64)
    last = len(slots) - 1
    for i in range(len(wanted)):
        key = np.int64(wanted[i])
        slot: Any = np.int64(wanted[i] & np.uint64(last))
        while slots[slot] >= 0 and rows[slots[slot], 0] != key:
            slot = slot + 1 if slot < last else 0
        row = slots[slot]
        if row < 0:
            continue
        found[i] = NOT_THEN
        while row < len(rows) and rows[row, 0] == key:
            inside = rows[row, 1] <= at[i] < rows[row, 2]
            if inside and (kind == ANY_KIND or kind == rows[row, 3]):
                found[i] = row
                break
            row += 1
    return found


enter_keys = Compiled(_enter_each, "uint64[]", "out int32[]")
find_spans = Compiled(
    _find_each, "uint64[]", "int64[]", "int64", "int32[]", "int64[,]"
)  # fmt: skip
