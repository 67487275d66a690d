"""Drawing on lots: columns agree with a reference that goes event by event; sums are kept."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.rating.draw import allocate

Lot = tuple[int, int, int, int]  # owner, left, increment, level


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[Lot]]:
    """Events (owner, demand) in order, and lots: an owner has at most one a level."""
    events = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), max_size=12))
    keys = st.tuples(st.integers(0, 2), st.integers(0, 3))
    places = draw(st.lists(keys, max_size=8, unique=True))
    sizes = st.tuples(st.integers(-5, 60), st.sampled_from([1, 1, 3, 10]))
    return events, [(owner, *draw(sizes), level) for owner, level in places]


def greedy(events: list[tuple[int, int]], lots: list[Lot]) -> dict[tuple[int, int], int]:
    """Event by event, each on its lots in their order; only whole increments."""
    left = [max(lot[1], 0) for lot in lots]
    uses = {}
    for row, (owner, whole) in enumerate(events):
        demand = whole
        mine = [n for n, lot in enumerate(lots) if lot[0] == owner]
        for number in sorted(mine, key=lambda n: lots[n][3]):
            increment = lots[number][2]
            units = min(demand, left[number]) // increment * increment
            if units:
                uses[row, number] = units
                left[number] -= units
                demand -= units
    return uses


@pytest.mark.parametrize("unit", [1, 10**20, 3**60], ids=["small", "decimals", "beyond 63 bits"])
@given(story=stories())
def test_columns_draw_as_events_one_by_one(
    unit: int, story: tuple[list[tuple[int, int]], list[Lot]]
) -> None:
    events, lots = story
    pairs = [
        (row, number)
        for row, (owner, _) in enumerate(events)
        for number, lot in enumerate(lots)
        if lot[0] == owner
    ]
    units = allocate(
        pl.Series([demand * unit for _, demand in events], dtype=pl.Int128),
        pl.DataFrame(
            [
                (number, left * unit, increment * unit, level)
                for number, (_, left, increment, level) in enumerate(lots)
            ],
            schema={
                "lot": pl.UInt32, "left": pl.Int128, "increment": pl.Int128, "level": pl.Int32,
            },
            orient="row",
        ),
        pl.DataFrame(pairs, schema={"row": pl.UInt32, "lot": pl.UInt32}, orient="row"),
    )  # fmt: skip
    assert (units.dtype, len(units)) == (pl.Int128, len(pairs))
    taken = {pair: made for pair, made in zip(pairs, units.to_list(), strict=True) if made}
    assert taken == {pair: made * unit for pair, made in greedy(events, lots).items()}
