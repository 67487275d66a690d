"""Runs of keys that lie on disk, sorted, each with a filter that tells most of what is not there;
looked up without being read, and merged two at a time. Pure, but for the files that it maps.

A key (deduplicate.KEY) has an owner: the batch with which it goes if that is backed out, or NOBODY:
it has been taken out of the runs before.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from meterline.kernel.compiled import Compiled
from meterline.usage import key_filter
from meterline.usage.deduplicate import KEY

NOBODY = 0
ENTRIES: dict[str, Any] = {"key_high": pl.UInt64, "key_low": pl.UInt64, "owner": pl.Int64}
_BLOCK_KEYS = 48  # of the filter
_NAMES = ("high", "low", "owner", "filter")
_WINDOW = 1 << 20  # keys: so many are worked on before the pages that were touched are given back

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class KeyRun:
    """Keys in the order of high and low, each once."""

    high: Array
    low: Array
    owner: Array
    filter: Array

    def find(self, high: Array, low: Array) -> Array:
        """The row of each key, -1 where it is not there."""
        rows = np.full(len(high), -1, dtype=np.int64)
        asked = np.flatnonzero(key_filter.passing(high, low, self.filter))
        rows[asked] = find_rows(high[asked], low[asked], self.high, self.low)
        return rows

    def release(self) -> None:
        """Give back the memory of what was looked at, but for the filter."""
        _release(self.high, self.low, self.owner)


def opened(path: Path) -> KeyRun:
    """The run in a folder, mapped into memory. Raises OSError, or ValueError for what is none."""
    parts = {name: np.asarray(np.load(path / f"{name}.npy", mmap_mode="r")) for name in _NAMES}
    if len({len(parts[name]) for name in _NAMES[:3]}) != 1:
        raise ValueError(f"{path} is no run of keys")
    return KeyRun(**parts)


def write(entries: pl.DataFrame, path: Path) -> int:
    """Write the run of ENTRIES (a key once) into a folder; how many keys it has."""
    ordered = entries.sort(KEY)
    arrays = [ordered[name].to_numpy() for name in ENTRIES]
    for name, array in zip(_NAMES, arrays, strict=False):
        np.save(path / f"{name}.npy", array)
    _write_filter(arrays[0], arrays[1], path)
    return ordered.height


def merge(older: KeyRun, newer: KeyRun, path: Path, *, dead: Array, last: bool) -> int:
    """Write the run of both into a folder; what the newer one says of a key holds. How many keys
    it has.

    `dead`: owners (sorted) whose keys have gone. `last`: there is nothing older, so that keys of
    nobody need not be kept.
    """
    old = (older.high, older.low, older.owner)
    new = (newer.high, newer.low, newer.owner)
    most = len(older.high) + len(newer.high)
    made = [_map(path, _NAMES[n], old[n].dtype, most) for n in range(len(old))]
    high, low, owner = made
    count = 0
    for a, b in _windows(older.high, newer.high):
        count += merge_runs(
            old[0][a], old[1][a], old[2][a], new[0][b], new[1][b], new[2][b], dead, last,
            high[count:], low[count:], owner[count:],
        )  # fmt: skip
        _release(*old, *new, *made)
    _write_filter(high[:count], low[:count], path)
    for name, array in zip(_NAMES, made, strict=False):
        _shorten(path / f"{name}.npy", array.dtype, count)
    return count


def _windows(older: Array, newer: Array) -> Iterator[tuple[slice, slice]]:
    """What to merge at a time: rows of both whose keys lie in the same range. Keys are spread
    evenly, so ranges of one size hold about as many."""
    count = (len(older) + len(newer)) // _WINDOW + 1
    width = ((1 << 64) - 1) // count
    first = [0, 0]
    for nth in range(1, count):
        bound = np.uint64(nth * width)
        end = [int(np.searchsorted(high, bound)) for high in (older, newer)]
        yield slice(first[0], end[0]), slice(first[1], end[1])
        first = end
    yield slice(first[0], len(older)), slice(first[1], len(newer))


def _release(*arrays: Array) -> None:
    """Give back the pages of mapped files that were touched: they count as memory in use. What was
    written there stays, in the file."""
    for array in arrays:
        base: Any = array
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, mmap.mmap):
            base.madvise(mmap.MADV_DONTNEED)


def _map(path: Path, name: str, kind: Any, count: int) -> Array:
    """An array in a file, whose room is taken at once: a full disk is an OSError here, where it
    would end the process once the pages are written."""
    file = path / f"{name}.npy"
    if not count:  # nothing cannot be mapped
        np.save(file, np.empty(0, dtype=kind))
        return np.asarray(np.load(file))
    made = np.lib.format.open_memmap(file, mode="w+", dtype=kind, shape=(count,))
    with file.open("r+b") as opened:
        os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
    return np.asarray(made)


def _shorten(file: Path, kind: Any, count: int) -> None:
    """Let a file of an array end after so many of its values."""
    told = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": (count,)}
    with file.open("r+b") as opened:
        np.lib.format.read_magic(opened)
        np.lib.format.read_array_header_1_0(opened)
        values = opened.tell()
        opened.seek(0)
        np.lib.format.write_array_header_1_0(opened, told)
        assert opened.tell() == values  # the header has room for any count
        opened.truncate(values + count * kind.itemsize)


def _write_filter(high: Array, low: Array, path: Path) -> None:
    words = key_filter.empty(len(high), _BLOCK_KEYS)
    for first in range(0, len(high), _WINDOW):
        window = slice(first, first + _WINDOW)
        key_filter.fill(high[window], low[window], words)
        _release(high, low)
    np.save(path / "filter.npy", words)


def _find_each(high: Array, low: Array, run_high: Array, run_low: Array) -> Array:
    """The row of each key, or -1. Keys are spread evenly, so each is sought around where it is to
    be expected."""
    rows = np.full(len(high), -1, dtype=np.int64)
    count = len(run_high)
    for i in range(len(high)):
        top = high[i] >> np.uint64(32)
        expected: Any = np.int64((top * np.uint64(count)) >> np.uint64(32))
        step, first = 64, expected
        while first > 0 and run_high[first] >= high[i]:
            first, step = max(expected - step, 0), step * 4
        step, end = 64, expected
        while end < count and run_high[end] < high[i]:
            end, step = min(expected + step, count), step * 4
        while first < end:
            middle = (first + end) // 2
            if run_high[middle] < high[i]:
                first = middle + 1
            else:
                end = middle
        while first < count and run_high[first] == high[i]:
            if run_low[first] == low[i]:
                rows[i] = first
                break
            first += 1
    return rows


def _merge_each(
    old_high: Array, old_low: Array, old_owner: Array,
    new_high: Array, new_low: Array, new_owner: Array,
    dead: Array, last: bool, high: Array, low: Array, owner: Array,
) -> int:  # fmt: skip
    """How many keys there are in both, which are written to `high`, `low`, `owner`."""
    i = j = count = 0
    while i < len(old_high) or j < len(new_high):
        if j == len(new_high):
            older, newer = True, False
        elif i == len(old_high):
            older, newer = False, True
        elif old_high[i] != new_high[j]:
            older = old_high[i] < new_high[j]
            newer = not older
        else:
            older, newer = old_low[i] <= new_low[j], new_low[j] <= old_low[i]
        if newer:
            high[count], low[count], whose = new_high[j], new_low[j], new_owner[j]
            j += 1
        else:
            high[count], low[count], whose = old_high[i], old_low[i], old_owner[i]
        if older:
            i += 1
        first, end = 0, len(dead)
        while first < end:
            middle = (first + end) // 2
            if dead[middle] < whose:
                first = middle + 1
            else:
                end = middle
        owner[count] = 0 if first < len(dead) and dead[first] == whose else whose
        if owner[count] != 0 or not last:
            count += 1
    return count


find_rows = Compiled(_find_each, "uint64[]", "uint64[]", "uint64[]", "uint64[]")
merge_runs = Compiled(
    _merge_each, "uint64[]", "uint64[]", "int64[]", "uint64[]", "uint64[]", "int64[]", "int64[]",
    "boolean", "out uint64[]", "out uint64[]", "out int64[]",
)  # fmt: skip
