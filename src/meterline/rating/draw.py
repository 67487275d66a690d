"""How events draw on the lots of allowances: one pass over their pairs. Pure.

A *lot* is what one period of one allowance grants. Events draw in the order of their start, each
on its lots in their order (priority, code, age).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from meterline.kernel.compiled import Compiled

Array = np.ndarray[Any, Any]
_SAFE = 2**62
_DECIMALS = (0, 5, 10, 15, 20)  # that all amounts may have in common as zeroes


def allocate(demand: pl.Series, lots: pl.DataFrame, pairs: pl.DataFrame) -> pl.Series:
    """How many units of its lot cover its event, by pair (Int128, as `pairs`).

    `demand`: Int128 >= 0 by row, the rows in the order in which they draw. `lots`: lot UInt32,
    left Int128, increment Int128 > 0 in the same units (only whole increments of an event are
    covered), level Int32 (the order in which an event draws; lots of one level share no event).
    `pairs`: row UInt32 ascending, lot UInt32: which events may draw on which lots.
    """
    place = np.zeros(int(lots["lot"].max() or 0) + 1, dtype=np.int64)  # type: ignore[arg-type]
    place[lots["lot"].to_numpy()] = np.arange(lots.height)
    row, lot = pairs["row"].to_numpy().astype(np.int64), place[pairs["lot"].to_numpy()]
    order = None
    if (row[1:] == row[:-1]).any():
        order = np.lexsort((lots["level"].to_numpy()[lot], row))
        row, lot = row[order], lot[order]
    unit, (wanted, left, increment) = _counted(demand, lots["left"], lots["increment"])
    units = np.zeros(len(row), dtype=wanted.dtype)
    (draw if units.dtype == np.int64 else draw.plain)(row, lot, increment, wanted, left, units)
    if order is not None:
        units[order] = units.copy()
    whole = units.tolist() if units.dtype == object else units
    return pl.Series("units", whole, pl.Int128) * pl.Series([unit], dtype=pl.Int128)


def _counted(*series: pl.Series) -> tuple[int, list[Array]]:
    """Int128 as multiples of a unit that fit 63 bits, or else as Python's whole numbers; copies."""
    assert not any(part.null_count() for part in series), "NumPy would make floats of nulls"
    most = max((int(part.abs().max() or 0) for part in series), default=0)  # type: ignore[arg-type]
    for decimals in _DECIMALS:
        unit = pl.Series([10**decimals], dtype=pl.Int128)
        if most < _SAFE * 10**decimals and (
            decimals == 0 or not any((part % unit != 0).any() for part in series)
        ):
            found = [
                (part // unit if decimals else part).cast(pl.Int64).to_numpy().copy()
                for part in series
            ]
            return 10**decimals, found
    return 1, [np.array([*part.to_list(), None], dtype=object)[:-1] for part in series]


def _draw(
    row: Array, lot: Array, increment: Array, wanted: Array, left: Array, units: Array
) -> None:
    """Fill `units` of each pair, from what is `wanted` by row and `left` and its `increment` by
    lot; both are less by it then."""
    for i in range(len(row)):
        step, rest = increment[lot[i]], left[lot[i]]
        taken = min(wanted[row[i]], rest)
        if taken > 0:
            taken = taken // step * step
            wanted[row[i]] -= taken
            left[lot[i]] = rest - taken
            units[i] = taken


draw = Compiled(
    _draw, "int64[]", "int64[]", "int64[]", "out int64[]", "out int64[]", "out int64[]"
)  # fmt: skip
