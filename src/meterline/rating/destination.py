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

from meterline.rating.card import ANY, KeyField

_WIDTH = 18
_TAILS = 10**6  # first digits that are told apart
_TAIL = 10**_WIDTH // _TAILS
_FEW = 4096
UNKNOWN = -1

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
        text = numbers.cast(pl.String)
        size = text.str.len_bytes()
        digits = text if (size.max() or 0) <= _WIDTH else text.str.slice(0, _WIDTH)  # type: ignore[operator]
        frame = digits.to_frame("n").select(
            value=pl.col("n").cast(pl.Int64, strict=False),
            signed=pl.col("n").str.starts_with("+") | pl.col("n").str.starts_with("-"),
        )
        is_number = (frame["value"].is_not_null() & ~frame["signed"]).fill_null(False).to_numpy()
        length = size.clip(0, _WIDTH).fill_null(0).cast(pl.Int64).to_numpy()
        value = frame["value"].fill_null(0).to_numpy() * _POWERS.take(_WIDTH - length)
        at = self._at(value)
        too_short = length < self.lengths.take(at)
        return self.codes.take(at), np.flatnonzero(~is_number | too_short)

    def _at(self, values: np.ndarray[Any, np.dtype[np.int64]]) -> Codes:
        """The range in which each number lies. Most first digits lie in one range altogether;
        only the others need the search, which is slow in large decks."""
        if len(values) < _FEW or len(self.starts) < _FEW:
            return self._search(values)
        head = values // _TAIL
        at: Codes = self._heads.take(head)
        open_heads = np.flatnonzero(at != self._heads.take(head + 1))
        at[open_heads] = self._search(values[open_heads])
        return at

    def _search(self, values: np.ndarray[Any, np.dtype[np.int64]]) -> Codes:
        found: Codes = (np.searchsorted(self.starts, values, side="right") - 1).astype(np.int32)
        return found

    @cached_property
    def _heads(self) -> Codes:
        """The range in which the smallest number with each first digits lies."""
        smallest = np.arange(_TAILS + 1, dtype=np.int64) * _TAIL
        return self._search(smallest)


_POWERS = 10 ** np.arange(_WIDTH + 1, dtype=np.int64)
