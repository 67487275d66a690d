"""MurmurHash3 (x64, 128 bits, by Austin Appleby, public domain) of many texts: what is kept of an
id must be the same for ever, so it is no hash of a library that may change. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from meterline.kernel.compiled import Compiled

Array = np.ndarray[Any, Any]
_OLDEST = pl.CompatLevel.oldest()  # one run of bytes, and where each text begins


def hashed(texts: pl.Series) -> tuple[Array, Array]:
    """The two halves of the hash of each text, UInt64; of null as of an empty one."""
    packed = texts.rechunk().to_arrow(compat_level=_OLDEST).cast(pa.large_string())
    _, offsets, data = packed.buffers()
    begins = np.frombuffer(offsets, np.int64)[packed.offset : packed.offset + len(packed) + 1]
    text = np.frombuffer(data, np.uint8) if data else np.empty(0, dtype=np.uint8)
    high, low = (np.empty(len(packed), dtype=np.uint64) for _ in range(2))
    hash_texts(text, begins, high, low)
    return high, low


def _hash_each(data: Array, begins: Array, high: Array, low: Array) -> None:
    one, other = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
    mix_one, mix_other = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
    five, r31, r33 = np.uint64(5), np.uint64(31), np.uint64(33)
    r27, r37 = np.uint64(27), np.uint64(37)
    for i in range(len(high)):
        at, end = begins[i], begins[i + 1]
        size = np.uint64(end - at)
        h1 = h2 = np.uint64(0)
        while at < end:
            left = min(end - at, 16)
            k1 = k2 = np.uint64(0)
            for n in range(min(left, 8)):
                k1 |= np.uint64(data[at + n]) << np.uint64(8 * n)
            for n in range(8, left):
                k2 |= np.uint64(data[at + n]) << np.uint64(8 * (n - 8))
            k1 *= one
            k1 = (k1 << r31) | (k1 >> r33)
            h1 ^= k1 * other
            if left == 16:
                h1 = ((h1 << r27) | (h1 >> r37)) + h2
                h1 = h1 * five + np.uint64(0x52DCE729)
            k2 *= other
            k2 = (k2 << r33) | (k2 >> r31)
            h2 ^= k2 * one
            if left == 16:
                h2 = ((h2 << r31) | (h2 >> r33)) + h1
                h2 = h2 * five + np.uint64(0x38495AB5)
            at += left
        h1 ^= size
        h2 ^= size
        h1 += h2
        h2 += h1
        h1 = (h1 ^ (h1 >> r33)) * mix_one
        h1 = (h1 ^ (h1 >> r33)) * mix_other
        h1 ^= h1 >> r33
        h2 = (h2 ^ (h2 >> r33)) * mix_one
        h2 = (h2 ^ (h2 >> r33)) * mix_other
        h2 ^= h2 >> r33
        high[i] = h1 + h2
        low[i] = h1 + h2 + h2


hash_texts = Compiled(_hash_each, "uint8[]", "int64[]", "out uint64[]", "out uint64[]")
