"""Which key of a card an event matches: the longest prefix, or the exact value.

Keys of digits are laid out once as disjoint ranges of 18-digit numbers, so that millions of
numbers are looked up by one binary search. What is no number, or has several key fields, is looked
up by its distinct values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import polars as pl

from meterline.kernel.compiled import Compiled
from meterline.kernel.texts import texts_of
from meterline.rating.card import ANY, KeyField

_WIDTH = 18
_TAILS = 10**6  # first digits that are told apart
_TAIL = 10**_WIDTH // _TAILS
_FEW = 4096
UNKNOWN = -1

Array = np.ndarray[Any, Any]
Codes = np.ndarray[Any, np.dtype[np.int32]]


@dataclass
class Destinations:
    """The distinct keys of a card; a destination is the index of a key."""

    fields: tuple[KeyField, ...]
    keys: dict[tuple[str, ...], int]

    def __post_init__(self) -> None:
        single = len(self.fields) == 1 and self.fields[0].match == "prefix"
        self._ranges = (
            _Ranges({key[0]: code for key, code in self.keys.items()}) if single else None
        )
        self._resolve = lru_cache(maxsize=100_000)(self._look_up)

    def find(self, frame: pl.DataFrame, names: Sequence[str]) -> Codes:
        """The destination of each row by its properties `names`, UNKNOWN where none matches."""
        if self._ranges is None:
            return self._find_distinct(frame, names)
        codes, open_rows = self._ranges.find(frame[names[0]])
        if open_rows.size:
            codes[open_rows] = self._find_distinct(frame[open_rows], names)
        return codes

    def _find_distinct(self, frame: pl.DataFrame, names: Sequence[str]) -> Codes:
        values = frame.select(pl.col(name).cast(pl.String).fill_null("") for name in names)
        distinct = values.unique(maintain_order=True)
        found = distinct.with_columns(
            code=pl.Series([self._resolve(row) for row in distinct.iter_rows()], dtype=pl.Int32)
        )
        joined = values.join(found, on=list(names), how="left", maintain_order="left")
        return joined["code"].to_numpy().astype(np.int32)

    def _look_up(self, values: tuple[str, ...]) -> int:
        """The most specific key: longer matches of earlier fields win."""
        return self._descend((), values)

    def _descend(self, chosen: tuple[str, ...], values: tuple[str, ...]) -> int:
        position = len(chosen)
        if position == len(self.fields):
            return self.keys.get(chosen, UNKNOWN)
        value = values[position]
        if self.fields[position].match == "prefix":
            candidates = [value[:length] for length in range(len(value), 0, -1)]
        else:
            candidates = [value] if value else []
        for candidate in [*candidates, ANY]:
            code = self._descend((*chosen, candidate), values)
            if code != UNKNOWN:
                return code
        return UNKNOWN


class _Ranges:
    """Prefixes of digits as disjoint ranges: starts ascending, each with its code and the length of
    its prefix."""

    def __init__(self, prefixes: dict[str, int]) -> None:
        digits = [p for p in prefixes if p.isascii() and p.isdigit() and len(p) <= _WIDTH]
        length = np.array([len(prefix) for prefix in digits], dtype=np.int64)
        value = np.array([int(prefix) for prefix in digits], dtype=np.int64)
        code = np.array([prefixes[prefix] for prefix in digits], dtype=np.int32)
        span = _POWERS.take(_WIDTH - length)
        ends = (value + 1) * span
        self.starts = np.unique(np.concatenate([[0], value * span, ends[ends < _POWERS[_WIDTH]]]))
        # of numbers that no prefix begins
        self.codes = np.full(len(self.starts), prefixes.get(ANY, UNKNOWN), dtype=np.int32)
        self.lengths = np.zeros(len(self.starts), dtype=np.int32)
        for size in np.unique(length):  # the longer ones go over the shorter ones
            inside = length == size
            order = np.argsort(value[inside])
            known, codes = value[inside][order], code[inside][order]
            first = self.starts // _POWERS[_WIDTH - size]
            at = np.searchsorted(known, first).clip(max=len(known) - 1)
            same = known[at] == first
            self.codes[same], self.lengths[same] = codes[at[same]], size

    def find(self, numbers: pl.Series) -> tuple[Codes, np.ndarray[Any, np.dtype[np.int64]]]:
        """Codes, and the positions of rows that must be looked up as texts."""
        texts = texts_of(numbers.cast(pl.String))
        codes = np.empty(len(texts.views), dtype=np.int32)
        texts_only = np.zeros(len(texts.views), dtype=np.bool_)
        large = len(codes) >= _FEW and len(self.starts) >= _FEW
        find_ranges(
            texts.views, texts.data, _POWERS, self._heads if large else _NO_HEADS, self.starts,
            self.codes, self.lengths, codes, texts_only,
        )  # fmt: skip
        return codes, np.flatnonzero(texts_only)

    @cached_property
    def _heads(self) -> Codes:
        """The range in which the smallest number with each first digits lies: in large decks most
        numbers need no search, since what begins so lies in one range altogether."""
        smallest = np.arange(_TAILS + 1, dtype=np.int64) * _TAIL
        found: Codes = (np.searchsorted(self.starts, smallest, side="right") - 1).astype(np.int32)
        return found


_POWERS = 10 ** np.arange(_WIDTH + 1, dtype=np.int64)
_NO_HEADS = np.zeros(0, dtype=np.int32)


def _find_each(
    views: Array, data: Array, powers: Array, heads: Array, starts: Array, codes: Array,
    lengths: Array, found: Array, texts_only: Array,
) -> None:  # fmt: skip
    """Fills `found` with the code of the range in which each number lies, and tells which texts are
    no numbers or shorter than the prefix there."""
    for i in range(len(views)):
        view = views[i]
        length = view[0] | view[1] << 8 | view[2] << 16 | view[3] << 24
        begin = view[12] | view[13] << 8 | view[14] << 16 | view[15] << 24
        taken, value, digits = np.int64(min(length, 18)), np.int64(0), length > 0
        for k in range(taken):
            digit = (view[4 + k] if length <= 12 else data[begin + k]) - 48
            digits &= 0 <= digit <= 9
            value = value * 10 + digit
        if not digits:
            found[i], texts_only[i] = -1, True
            continue
        value *= powers[18 - taken]
        least, most = 0, len(starts) - 1
        if len(heads):
            head = value // 10**12
            least, most = heads[head], heads[head + 1]
        while least < most:
            middle = (least + most + 1) // 2
            if starts[middle] <= value:
                least = middle
            else:
                most = middle - 1
        found[i] = codes[least]
        texts_only[i] = taken < lengths[least]


find_ranges = Compiled(
    _find_each, "uint8[,]", "uint8[]", "int64[]", "int32[]", "int64[]", "int32[]", "int32[]",
    "out int32[]", "out boolean[]",
)  # fmt: skip
