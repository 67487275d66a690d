"""Rounding and splitting: exact, whatever the mode."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.kernel.money import (
    UnknownCurrency,
    decimals,
    from_scaled,
    round_amount,
    round_column,
    round_fraction,
    split,
    to_scaled,
)

MODES = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "up": ROUND_UP,
    "down": ROUND_DOWN,
}
amounts = st.decimals(
    min_value="-1000000", max_value="1000000", places=6, allow_nan=False, allow_infinity=False
)


@pytest.mark.parametrize(
    ("currency", "places"), [("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("HUF", 2)]
)
def test_decimals_of_a_currency(currency: str, places: int) -> None:
    assert decimals(currency) == places


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrency, match="'XXQ'"):
        decimals("XXQ")


@given(amounts, st.sampled_from(sorted(MODES)), st.integers(0, 4))
def test_rounding_agrees_with_decimal(value: Decimal, mode: str, places: int) -> None:
    expected = value.quantize(Decimal(1).scaleb(-places), rounding=MODES[mode])
    assert round_fraction(Fraction(value), places, mode) == expected  # type: ignore[arg-type]


@given(
    st.lists(st.tuples(amounts, st.integers(1, 10_000)), min_size=1, max_size=20),
    st.sampled_from(sorted(MODES)),
    st.sampled_from([0, 2, 3]),
)
def test_columns_round_like_single_amounts(
    pairs: list[tuple[Decimal, int]], mode: str, places: int
) -> None:
    frame = pl.DataFrame(
        {"amount": [a for a, _ in pairs], "denominator": [d for _, d in pairs]},
        schema={"amount": pl.Decimal(38, 20), "denominator": pl.Int128},
    )
    expected = [round_fraction(Fraction(a) / d, places, mode) for a, d in pairs]  # type: ignore[arg-type]
    for how in ((places, mode), (pl.lit(places), pl.lit(mode))):
        rounded = frame.select(
            round_column(to_scaled(pl.col("amount")), pl.col("denominator"), *how)
        ).to_series()
        assert rounded.to_list() == expected


def test_scaling_there_and_back_is_exact() -> None:
    amount = Decimal("-123456789012345678.12345678901234567891")
    frame = pl.DataFrame({"a": [amount]}, schema={"a": pl.Decimal(38, 20)})
    assert frame.select(from_scaled(to_scaled(pl.col("a")), 20)).item() == amount


@given(
    amounts,
    st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(lambda w: sum(w) > 0),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_a_split_loses_no_cent(amount: Decimal, weights: list[int], currency: str) -> None:
    whole = round_amount(amount, currency)
    parts = split(whole, weights, currency)
    assert sum(parts) == whole
    unit = Decimal(1).scaleb(-decimals(currency))
    for part, weight in zip(parts, weights, strict=True):
        assert abs(Fraction(part) - Fraction(whole) * weight / sum(weights)) < Fraction(unit)


@pytest.mark.parametrize(
    ("amount", "weights", "currency", "parts"),
    [
        ("0.05", [1, 1, 1], "USD", ["0.02", "0.02", "0.01"]),
        ("5", [1, 1, 1], "JPY", ["2", "2", "1"]),
        ("-0.05", [1, 1, 1], "USD", ["-0.02", "-0.02", "-0.01"]),
        ("10", [0, 3, 1], "EUR", ["0", "7.50", "2.50"]),
        ("0.01", [1, 5], "EUR", ["0.00", "0.01"]),
    ],
)
def test_split(amount: str, weights: list[int], currency: str, parts: list[str]) -> None:
    assert split(Decimal(amount), weights, currency) == [Decimal(part) for part in parts]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1]])
def test_split_needs_positive_weights(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(Decimal(1), weights, "EUR")
