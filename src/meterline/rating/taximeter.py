"""The taximeter: what each event comes to by the steps of a rate card's rows, band by band.

An event is charged in increments. Each increment costs what the step and the band in which it
starts say; a card that splits increments cuts them where the band changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from meterline.kernel.compiled import Compiled

Array = np.ndarray[Any, Any]
NO_ROW = -1
NO_END = 2**62
START, INCREMENT, COEFFICIENT = 0, 1, 2


def _charged(  # noqa: PLR0912 (what is compiled calls no other function)
    start: Array, end: Array, units: Array, begin: Array, destination: Array, rows: Array,
    edges: Array, bands: Array, finer: int, coarser: int, elapses: bool, split: bool,
    lists: Array, steps: Array, total: Array, first_row: Array, band: Array,
) -> Array:  # fmt: skip
    """Whether each event found a row in every band that it crossed; fills `total` (charged units x
    coefficient), `first_row` (NO_ROW: none) and `band` (the code of the one it starts in).

    By event: `start` in microseconds, `end` after which no edge matters, `units`, `begin` (charging
    begins there), `destination` (below 0: unknown). `rows`: row[destination, band]. `edges`: when
    bands begin, ascending, the first before all starts, and `bands`: their codes; `elapses`: units
    are time, so that bands change under way. `finer` units are `coarser` microseconds. `lists`: the
    step list of each row; `steps`: [list, step, START or INCREMENT or COEFFICIENT].
    """
    known = np.zeros(len(start), dtype=np.bool_)
    width, first = steps.shape[1], 0
    for i in range(len(start)):
        if start[i] < edges[first] or (first + 1 < len(edges) and start[i] >= edges[first + 1]):
            first = np.searchsorted(edges, start[i], side="right") - 1
        stretch = first
        band[i] = bands[stretch]
        first_row[i] = NO_ROW
        if destination[i] < 0:
            continue
        row = rows[destination[i], bands[stretch]]
        if row == NO_ROW:
            continue
        first_row[i] = row
        known[i] = True
        position, last, owed, owed_step = begin[i], units[i], 0, 0
        of_row, reached, edge = lists[row], 0, position
        while position < last or (split and owed > position):
            if position >= edge:
                while (
                    elapses
                    and stretch + 1 < len(edges)
                    and edges[stretch + 1] <= start[i] + position * coarser // finer
                ):
                    stretch += 1
                edge = NO_END
                if elapses and stretch + 1 < len(edges) and end[i] > edges[stretch + 1]:
                    edge = -((start[i] - edges[stretch + 1]) * finer // coarser)
                row = rows[destination[i], bands[stretch]]
                if row == NO_ROW:
                    known[i] = False
                    break
                of_row, reached = lists[row], 0
            while reached + 1 < width and steps[of_row, reached + 1, START] <= position:
                reached += 1
            step = reached
            within = split and owed > position
            if within:
                step = owed_step
                while steps[of_row, step, START] == NO_END:
                    step -= 1
            stop = min(last, edge)
            if step + 1 < width:
                stop = min(stop, steps[of_row, step + 1, START])
            length, increment = stop - position, steps[of_row, step, INCREMENT]
            if increment != 1:
                length = -(-length // increment) * increment
            if split:
                until = owed if within else position + length
                length = min(until, edge) - position
                owed = until if until > position + length else 0
                owed_step = owed_step if within else step
            position += length
            total[i] += int(length) * steps[of_row, step, COEFFICIENT]
    return known


charged = Compiled(
    _charged, "int64[]", "int64[]", "int64[]", "int64[]", "int32[]", "int32[,]", "int64[]",
    "int64[]", "int64", "int64", "boolean", "boolean", "int64[]", "int64[,,]", "out int64[]",
    "out int64[]", "out int64[]",
)  # fmt: skip
