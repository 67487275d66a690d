"""A meter's factor and rounding: the period's total x factor (cubic metres to kWh), rounded."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from meterline.kernel.explain import number
from meterline.kernel.money import from_scaled, round_fraction
from meterline.pricing.columns import check_range, divisor, plain_quantity, quantity_of, units
from meterline.pricing.price import Price


def applies(price: Price) -> bool:
    """Whether the price's meter has a factor or is rounded."""
    return price.kind == "usage" and not (price.factor is None and price.factor_places is None)


def with_factor(price: Price, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` (quantity, divisor) with the quantities that are priced: x factor, rounded half up
    where the meter is rounded, else exact."""
    if not applies(price):
        return rows
    factor = Fraction(price.factor or 1)
    most = Decimal(max(abs(factor.numerator), factor.denominator))
    check_range(price.name, rows, [most], scale=11)
    exact, below = units() * factor.numerator, divisor() * factor.denominator
    if price.factor_places is None:
        return rows.with_columns(quantity=from_scaled(exact, 10), divisor=below.cast(pl.Int64))
    step = 10 ** (10 - price.factor_places)
    rounded = (exact.abs() * 2 + below * step) // (2 * below * step) * exact.sign() * step
    return rows.with_columns(quantity=from_scaled(rounded, 10), divisor=pl.lit(1, pl.Int64))


def plain(price: Price, measured: pl.DataFrame) -> pl.DataFrame:
    """`measured` (quantity) x the factor, to ten decimals: demand, which is compared to others."""
    if not applies(price):
        return measured
    rows = with_factor(price, measured.with_columns(divisor=pl.lit(1, pl.Int64)))
    return rows.with_columns(quantity=plain_quantity()).drop("divisor")


def row_with_factor(price: Price, row: Mapping[str, Any]) -> dict[str, Any]:
    """One row of an explanation with the quantity that is priced."""
    exact = quantity_of(row) * Fraction(price.factor or 1)
    if price.factor_places is not None:
        exact = Fraction(round_fraction(exact, price.factor_places))
    return {**row, "quantity": exact, "divisor": 1}


def told(price: Price) -> str:
    """The factor in words."""
    text = f"measured x {number(price.factor)}" if price.factor is not None else "measured"
    if price.factor_places is not None:
        text += f", rounded to {price.factor_places} decimals"
    return text
