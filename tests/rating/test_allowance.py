"""Drawing on lots: columns agree with a reference that goes event by event; sums are kept."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from meterline.rating.allowance import allocate

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


@given(stories())
def test_columns_draw_as_events_one_by_one(story: tuple[list[tuple[int, int]], list[Lot]]) -> None:
    events, lots = story
    pairs = [
        (row, number)
        for row, (owner, _) in enumerate(events)
        for number, lot in enumerate(lots)
        if lot[0] == owner
    ]
    made = allocate(
        pl.Series([demand for _, demand in events], dtype=pl.Int128),
        pl.DataFrame(
            [(number, *lot[1:]) for number, lot in enumerate(lots)],
            schema={
                "lot": pl.UInt32, "left": pl.Int128, "increment": pl.Int128, "level": pl.Int32,
            },
            orient="row",
        ),
        pl.DataFrame(pairs, schema={"row": pl.UInt32, "lot": pl.UInt32}, orient="row"),
    )  # fmt: skip
    assert {(row, lot): units for row, lot, units in made.iter_rows()} == greedy(events, lots)
    assert made.height == made.select("row", "lot").n_unique()
