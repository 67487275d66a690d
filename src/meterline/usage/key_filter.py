"""A filter of keys: most of those that are not there are told without looking where they lie. Pure.

It has blocks of 512 bits, a line of the processor's cache. A key has six bits in one block; the
high half of its high half tells which block, its low half which bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from meterline.kernel.compiled import Compiled

_WORDS = 8  # a block

Array = np.ndarray[Any, Any]


def empty(count: int, keys: int) -> Array:
    """A filter for so many keys, of so many to a block: of 48 one in a hundred that are not there
    passes, of 32 one in some hundreds."""
    return np.zeros((count // keys + 1) * _WORDS, dtype=np.uint64)


def _fill_each(high: Array, low: Array, words: Array) -> None:
    blocks = np.uint64(len(words) // 8)
    for i in range(len(high)):
        block = ((high[i] >> np.uint64(32)) * blocks) >> np.uint64(32)
        for nth in range(6):
            bit = (low[i] >> np.uint64(9 * nth)) & np.uint64(511)
            word = block * np.uint64(8) + (bit >> np.uint64(6))
            words[word] |= np.uint64(1) << (bit & np.uint64(63))


def _pass_each(high: Array, low: Array, words: Array) -> Array:
    found = np.zeros(len(high), dtype=np.bool_)
    blocks = np.uint64(len(words) // 8)
    for i in range(len(high)):
        block = ((high[i] >> np.uint64(32)) * blocks) >> np.uint64(32)
        found[i] = True
        for nth in range(6):
            bit = (low[i] >> np.uint64(9 * nth)) & np.uint64(511)
            word = words[block * np.uint64(8) + (bit >> np.uint64(6))]
            if not (word >> (bit & np.uint64(63))) & np.uint64(1):
                found[i] = False
                break
    return found


fill = Compiled(_fill_each, "uint64[]", "uint64[]", "out uint64[]")
passing = Compiled(_pass_each, "uint64[]", "uint64[]", "uint64[]")
