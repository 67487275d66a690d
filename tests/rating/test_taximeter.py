"""The taximeter agrees with one that goes second by second, compiled and run by Python alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meterline.rating.taximeter import NO_END, NO_ROW, charged

EDGES = np.array([-(10**12), 100, 160, 300, 305])
BANDS = np.array([0, 1, 0, 1, 0])
SECOND = 1_000_000

Steps = list[tuple[int, int, int]]  # start, increment, coefficient


@st.composite
def step_lists(draw: st.DrawFn) -> Steps:
    starts = [0, *sorted(draw(st.sets(st.integers(1, 90), max_size=2)))]
    return [
        (start, draw(st.sampled_from([1, 7, 30, 60])), draw(st.integers(0, 9))) for start in starts
    ]


def by_seconds(
    start: int, units: int, begin: int, cards: list[Steps | None], split: bool
) -> int | None:
    """What an event comes to; None where a band has no row."""
    band = BANDS[np.searchsorted(EDGES, start, side="right") - 1]
    if cards[band] is None:
        return None
    at, total, left, began_in = begin, 0, 0, 0
    while at < units or (split and left):
        steps = cards[BANDS[np.searchsorted(EDGES, start + at, side="right") - 1]]
        if steps is None:
            return None
        if not left:
            began_in = max(n for n, (first, _, _) in enumerate(steps) if first <= at)
            left = steps[began_in][1]
            if not split:
                total += left * steps[began_in][2]
                at, left = at + left, 0
                continue
        total += steps[min(began_in, len(steps) - 1)][2]
        at, left = at + 1, left - 1
    return total


@given(
    events=st.lists(
        st.tuples(st.integers(0, 320), st.integers(0, 200), st.integers(0, 40)), max_size=6
    ),
    cards=st.lists(st.none() | step_lists(), min_size=2, max_size=2),
    split=st.booleans(),
)
def test_it_agrees_with_one_that_goes_by_seconds(
    events: list[tuple[int, int, int]], cards: list[Steps | None], split: bool
) -> None:
    width = max((len(one) for one in cards if one), default=1)
    steps = np.full((2, width, 3), NO_END)
    steps[:, :, 1:] = 1
    for number, card in enumerate(cards):
        for place, step in enumerate(card or []):
            steps[number, place] = step
    rows = np.array([[NO_ROW if one is None else n for n, one in enumerate(cards)]], np.int32)
    start, units, begin = np.array(events, dtype=np.int64).reshape(-1, 3).T.copy()
    begin = np.minimum(begin, units)

    def run(meter: Any, steps: Any, zeroes: Any) -> list[int | None]:
        known = meter(
            start * SECOND, (start + units + 61) * SECOND, units, begin,
            np.zeros(len(start), np.int32), rows, EDGES * SECOND, BANDS, 1, SECOND, True, split,
            np.arange(2), steps, zeroes, np.zeros(len(start), np.int64),
            np.zeros(len(start), np.int64),
        )  # fmt: skip
        return [int(one) if there else None for one, there in zip(zeroes, known, strict=True)]

    expected = [
        by_seconds(*event, cards, split)
        for event in zip(start.tolist(), units.tolist(), begin.tolist(), strict=True)
    ]
    assert run(charged, steps, np.zeros(len(start), np.int64)) == expected
    assert run(charged.plain, steps.astype(object), np.zeros(len(start), object)) == expected
