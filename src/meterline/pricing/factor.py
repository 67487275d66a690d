"""A meter's factor and rounding: the period's total x factor (cubic metres to kWh), rounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import polars as pl

from meterline.kernel.explain import number
from meterline.kernel.money import from_scaled, round_fraction
from meterline.pricing.columns import check_range, divisor, plain_quantity, quantity_of, units
from meterline.pricing.price import Price

_ADD_UP = ("count", "sum", "weighted_sum")
_ORDER = ("by_value", "band", "season")
_ROW = "_row"
Row = Mapping[str, Any]


def applies(price: Price) -> bool:
    """Whether the price's meter has a factor or is rounded."""
    return price.kind == "usage" and not (price.factor is None and price.factor_places is None)


def adds_up(price: Price) -> bool:
    """Whether what the price's meter measures by band or value comes to what it measures in all."""
    return price.aggregation in _ADD_UP


def with_factor(price: Price, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` (line, season, band, by_value, quantity, divisor: one for all rows of a line) with
    the quantities that are priced: x factor, exact, or rounded half up where the meter is rounded.

    Where the meter's quantities add up, a line's total is rounded and its rows share it by largest
    remainder; of equal ones the first by value, band and season gets more.
    """
    return _priced(price, rows, "line" if adds_up(price) else _ROW)


def _priced(price: Price, rows: pl.DataFrame, part: str) -> pl.DataFrame:
    """`rows` x factor; what a `part` of them (a column) comes to is rounded, and shared by them."""
    if not applies(price):
        return rows
    factor = Fraction(price.factor or 1)
    numbered = rows.with_row_index(_ROW)
    most = max(abs(factor.numerator), factor.denominator)
    several = cast(int, numbered.group_by(part).len()["len"].max() or 1)
    check_range(price.name, rows, [Decimal(most * several)], scale=11)
    exact, below = units() * factor.numerator, divisor() * factor.denominator
    if price.factor_places is None:
        return rows.with_columns(quantity=from_scaled(exact, 10), divisor=below.cast(pl.Int64))
    step = 10 ** (10 - price.factor_places)
    shared = _shared(numbered.with_columns(_exact=exact, _whole=below * step), part)
    return shared.with_columns(
        quantity=from_scaled(pl.col("_count") * step, 10), divisor=pl.lit(1, pl.Int64)
    ).select(rows.columns)


def _shared(rows: pl.DataFrame, part: str) -> pl.DataFrame:
    """`rows` (_exact, _whole) with `_count`: how many wholes each row has of the rounded
    total of its part."""
    down = pl.col("_exact") // pl.col("_whole")
    total = pl.col("_exact").sum().over(part)
    rounded = (total.abs() * 2 + pl.col("_whole")) // (2 * pl.col("_whole")) * total.sign()
    ranked = rows.with_columns(
        _down=down,
        _short=down * pl.col("_whole") - pl.col("_exact"),
        _missing=rounded - down.sum().over(part),
    ).sort("_short", *(name for name in _ORDER if name in rows.columns), maintain_order=True)
    first = ranked.with_columns(_place=pl.int_range(pl.len()).over(part))
    more = (pl.col("_place") < pl.col("_missing")).cast(pl.Int128)
    return first.with_columns(_count=pl.col("_down") + more).sort(_ROW)


def plain(price: Price, measured: pl.DataFrame) -> pl.DataFrame:
    """`measured` (quantity) x the factor, to ten decimals: demand, which is compared to others."""
    if not applies(price):
        return measured
    rows = _priced(price, measured.with_columns(divisor=pl.lit(1, pl.Int64)), _ROW)
    return rows.with_columns(quantity=plain_quantity()).drop("divisor")


def rows_with_factor(price: Price, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows of an explanation with the quantities that are priced: what `with_factor` does."""
    ordered = sorted(rows, key=lambda row: [row[name] or "" for name in _ORDER])
    exact = [quantity_of(row) * Fraction(price.factor or 1) for row in ordered]
    if price.factor_places is not None:
        parts = [exact] if adds_up(price) else [[one] for one in exact]
        exact = [one for part in parts for one in _split(part, price.factor_places)]
    return [{**row, "quantity": one, "divisor": 1} for row, one in zip(ordered, exact, strict=True)]


def _split(exact: Sequence[Fraction], places: int) -> list[Fraction]:
    """The rounded sum of `exact`, shared over them by largest remainder."""
    scale = 10**places
    down = [one * scale // 1 for one in exact]
    missing = int(round_fraction(sum(exact, Fraction(0)), places) * scale) - sum(down)
    order = sorted(range(len(exact)), key=lambda i: down[i] - exact[i] * scale)
    more = set(order[:missing])
    return [Fraction(one + (i in more), scale) for i, one in enumerate(down)]


def told(price: Price) -> str:
    """The factor in words."""
    text = f"measured x {number(price.factor)}" if price.factor is not None else "measured"
    if price.factor_places is not None:
        text += f", rounded to {price.factor_places} decimals"
    return text
