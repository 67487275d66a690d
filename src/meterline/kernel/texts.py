"""Texts as compiled loops read them and make them: 16 bytes a text, as Arrow's string views. Pure.

The first 4 bytes are its length; up to 12 bytes of text follow, or 4 of them, 4 that tell nothing,
and 4 for where in the data the text begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

Array = np.ndarray[Any, Any]
WITHIN = 12  # bytes of text that stand in the view itself
_NO_DATA = np.zeros(1, dtype=np.uint8)


@dataclass(frozen=True, kw_only=True)
class Texts:
    """A column of texts."""

    views: Array  # uint8[texts, 16]
    data: Array  # uint8


def texts_of(column: pl.Series) -> Texts:
    """A String column, its nulls as empty texts; the bytes are not copied if they lie together."""
    filled = column.fill_null("") if column.null_count() else column
    arrow = filled.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    _, places, *parts = arrow.buffers()
    if places is None:
        return Texts(views=np.zeros((0, 16), dtype=np.uint8), data=_NO_DATA)
    views = np.frombuffer(places, dtype=np.uint8)
    views = views[arrow.offset * 16 : (arrow.offset + len(arrow)) * 16].reshape(-1, 16)
    if len(parts) <= 1:
        one = np.frombuffer(parts[0], dtype=np.uint8) if parts and len(parts[0]) else _NO_DATA
        return Texts(views=views, data=one)
    pieces = [np.frombuffer(part, dtype=np.uint8) for part in parts]
    return Texts(views=_as_of_one(views, pieces), data=np.concatenate(pieces))


def _as_of_one(views: Array, pieces: list[Array]) -> Array:
    """Views into several pieces of data as views into all of them, one after another."""
    begins = np.cumsum([0, *(len(piece) for piece in pieces)])
    words = views.copy().view(np.uint32)
    away = words[:, 0] > WITHIN
    words[away, 3] += begins[words[away, 2]].astype(np.uint32)
    return words.view(np.uint8)


def column_of(name: str, views: Array, data: bytes, nulls: int) -> pl.Series:
    """A String column of views (uint32[texts, 4]) into `data`, which is UTF-8; `nulls` of the texts
    are empty: those are null."""
    there = None
    if nulls:
        bits = np.packbits(views[:, 0] != 0, bitorder="little")
        there = pa.py_buffer(bits)
    buffers = [there, pa.py_buffer(views), pa.py_buffer(data)]
    return pl.Series(name, pa.Array.from_buffers(pa.string_view(), len(views), buffers, nulls))
