"""Splitting on columns gives what splitting one amount gives, for all groups at once."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from meterline.kernel.money import MONEY, split, split_rows

PLACES = {"JPY": 0, "EUR": 2, "KWD": 3}
groups = st.lists(
    st.tuples(
        st.sampled_from(sorted(PLACES)),
        st.lists(st.integers(1, 10**9), min_size=1, max_size=6),
        st.integers(0, 10**9),
    ),
    min_size=1,
    max_size=6,
)


@given(groups)
def test_columns_split_like_single_amounts(
    drawn: list[tuple[str, list[int], int]],
) -> None:
    rows, expected = [], {}
    for number, (currency, weights, amount) in enumerate(drawn):
        unit = Decimal(1).scaleb(-PLACES[currency])
        money = [weight * unit for weight in weights]
        expected[number] = split(amount * unit, money, currency)
        rows += [
            (number, turn, PLACES[currency], amount * unit, weight)
            for turn, weight in enumerate(money)
        ]
    frame = pl.DataFrame(
        rows,
        schema={"group": pl.Int64, "turn": pl.Int64, "places": pl.Int64, "amount": MONEY,
                "weight": MONEY},
        orient="row",
    )  # fmt: skip
    made = split_rows(
        frame.sample(fraction=1, shuffle=True, seed=1),
        amount="amount", weight="weight", group=["group"], order=["turn"],
    ).sort("turn")  # fmt: skip
    for number, parts in expected.items():
        assert made.filter(pl.col("group") == number)["split"].to_list() == parts
