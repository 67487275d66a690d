"""Which key of a card an event matches, against a reference that tries every key."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from meterline.rating.card import ANY, KeyField
from meterline.rating.destination import UNKNOWN, Destinations

DIGITS = st.text("0129", min_size=1, max_size=4)
VALUES = st.one_of(DIGITS, st.sampled_from(["", "+39", "abc", "9" * 25]), st.none())


def longest(keys: dict[tuple[str, ...], int], value: str | None) -> int:
    """The code of the longest key that begins the value, else that of any."""
    found = [key for (key,) in keys if key != ANY and (value or "").startswith(key)]
    return keys[(max(found, key=len),)] if found else keys.get((ANY,), UNKNOWN)


@given(st.sets(st.one_of(DIGITS, st.sampled_from([ANY, "+3", "a"])), max_size=8),
       st.lists(VALUES, min_size=1, max_size=20))  # fmt: skip
def test_the_longest_prefix_wins_and_any_takes_the_rest(
    prefixes: set[str], values: list[str | None]
) -> None:
    keys = {(prefix,): code for code, prefix in enumerate(sorted(prefixes))}
    found = Destinations(fields=(KeyField(field="to"),), keys=keys).find(
        pl.DataFrame({"to": pl.Series(values, dtype=pl.String)}), ["to"]
    )
    assert found.tolist() == [longest(keys, value) for value in values]
