"""Has this record come before within its load, however many there are? Like deduplicate.Seen, in
memory that hardly grows with them.

The newest keys are held; when they are many, their table goes to a file as it is. A filter in
memory, of 16 bits a key, tells which keys need not be sought there: one in some hundreds of those
that are not there passes. The file has no name, so it is gone with the process, however that ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import polars as pl

from meterline.usage import key_filter
from meterline.usage.deduplicate import Array, Seen, entries_of, find_keys
from meterline.usage.errors import NotWritten

_HELD_MOST = 6_000_000  # keys: a table of 96 MiB
_BLOCK_KEYS = 32  # of the filter
_WINDOW = 1 << 20  # slots


class SeenMany:
    """The keys seen so far."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where to write what is too much."""
        self._folder = folder
        self._file: Any = None
        self._tables: list[tuple[int, int]] = []  # in the file: offset, slots
        self._kept = self._room = 0  # keys in tables, and for how many the filter is made
        self._filter = key_filter.empty(0, _BLOCK_KEYS)
        self._newest = Seen()

    def add(self, keyed: pl.DataFrame) -> pl.Series:
        """Remember keys (KEY): which of them were there before, or stand in an earlier row."""
        if self._newest.count >= _HELD_MOST:
            self._keep()
        again = self._newest.add(keyed)
        return again | self._has_kept(keyed, again) if self._tables else again

    def close(self) -> None:
        """Give back what is held and kept: nothing more will be asked."""
        self._newest, self._filter, self._tables = Seen(), key_filter.empty(0, _BLOCK_KEYS), []
        if self._file is not None:
            self._file.close()

    def _has_kept(self, keyed: pl.DataFrame, again: pl.Series) -> pl.Series:
        """Whether each key that is not known to come again stands in a table."""
        entries = entries_of(keyed)
        rows = np.flatnonzero(
            key_filter.passing(*_halves(entries), self._filter) & ~again.to_numpy()
        )
        found = np.zeros(len(entries), dtype=np.bool_)
        for slots in self._mapped():
            found[rows] |= find_keys(entries[rows], slots, False)
        return pl.Series(found)

    def _keep(self) -> None:
        """Write the table of the newest keys."""
        try:
            if self._file is None:
                self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115 (by `close`)
            self._tables.append((self._file.seek(0, 2), len(self._newest.slots)))
            self._file.write(self._newest.slots)
            self._file.flush()
        except OSError as error:
            raise NotWritten(path=self._folder, problem=error) from error
        self._kept += self._newest.count
        self._newest = Seen(_HELD_MOST)
        new = self._mapped(len(self._tables) - 1)
        if self._kept > self._room:
            self._room = max(2 * self._room, self._kept)
            self._filter, new = key_filter.empty(self._room, _BLOCK_KEYS), self._mapped()
        for slots in new:
            _fill(slots, self._filter)

    def _mapped(self, first: int = 0) -> Iterator[Array]:
        """The tables from the first on, one at a time: what is mapped counts as memory in use."""
        for offset, slots in self._tables[first:]:
            yield np.asarray(
                np.memmap(self._file, np.uint32, mode="r+", offset=offset, shape=(slots, 3))
            )


def _fill(slots: Array, words: Array) -> None:
    """Enter a table in the filter, some of it at a time."""
    for first in range(0, len(slots), _WINDOW):
        some = slots[first : first + _WINDOW]
        key_filter.fill(*_halves(some[some[:, 0] != 0]), words)


def _halves(entries: Array) -> tuple[Array, Array]:
    """What the filter takes for a key of an entry."""
    first, second, third = (entries[:, n].astype(np.uint64) for n in range(3))
    return third << np.uint64(32), (first << np.uint64(32)) | second
