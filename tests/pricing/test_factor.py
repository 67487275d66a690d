"""A meter's factor and rounding: the period's total is rounded, and its parts come to it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.kernel.money import round_fraction
from meterline.pricing import factor
from meterline.pricing.price import Price
from meterline.pricing.registry import model

SCHEMA = {
    "line": pl.UInt32, "season": pl.String, "band": pl.String, "by_value": pl.String,
    "quantity": pl.Decimal(38, 10), "divisor": pl.Int64,
}  # fmt: skip
BANDS = ("a", "b", "c", "d")
parts = st.lists(st.decimals(-1000, 10**6, places=4), min_size=1, max_size=len(BANDS))


def price(aggregation: Any, factor_: Decimal | None, places: int | None) -> Price:
    return Price(
        id=1, plan_version_id=1, code="p", name="P", kind="usage", model="per_unit", meter="m",
        parameters=model("per_unit").parameters.model_validate({"unit_amount": 1}),
        aggregation=aggregation, factor=factor_, factor_places=places,
    )  # fmt: skip


def rows(lines: Sequence[Sequence[Decimal]], divisors: Sequence[int]) -> pl.DataFrame:
    found = [
        (number, None, BANDS[i], None, quantity, divisors[number])
        for number, line in enumerate(lines)
        for i, quantity in enumerate(line)
    ]
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


@settings(max_examples=200, deadline=None)
@given(
    lines=st.lists(parts, min_size=1, max_size=3),
    divisors=st.lists(st.integers(1, 10**6), min_size=3, max_size=3),
    by=st.one_of(st.none(), st.decimals("0.0001", 40, places=4)),
    places=st.integers(0, 6),
)
def test_parts_come_to_the_rounded_total(
    lines: list[list[Decimal]], divisors: list[int], by: Decimal | None, places: int
) -> None:
    one = price("sum", by, places)
    made = factor.with_factor(one, rows(lines, divisors))
    assert set(made["divisor"]) == {1}
    for number, line in enumerate(lines):
        exact = [Fraction(q) * Fraction(by or 1) / divisors[number] for q in line]
        found = [Fraction(q) for q in made.filter(pl.col("line") == number)["quantity"]]
        assert sum(found) == Fraction(round_fraction(sum(exact, Fraction(0)), places))
        assert all(abs(f - e) < Fraction(1, 10**places) for f, e in zip(found, exact, strict=True))
        told = factor.rows_with_factor(
            one,
            [{"season": None, "band": BANDS[i], "by_value": None, "quantity": str(q),
              "divisor": str(divisors[number])} for i, q in enumerate(line)],
        )  # fmt: skip
        assert [row["quantity"] for row in told] == found


@pytest.mark.parametrize("aggregation", ["max", "latest", "unique", "average"])
def test_what_does_not_add_up_is_rounded_by_itself(aggregation: str) -> None:
    two = rows([[Decimal("1.5"), Decimal("2.5")]], [1])
    made = factor.with_factor(price(aggregation, None, 0), two)
    assert made["quantity"].to_list() == [2, 3]


def test_without_rounding_it_is_exact() -> None:
    two = rows([[Decimal("0.1"), Decimal("0.2")]], [3])
    made = factor.with_factor(price("sum", Decimal("1.1"), None), two)
    assert [Fraction(q) / d for q, d in made.select("quantity", "divisor").rows()] == [
        Fraction(11, 300), Fraction(22, 300)
    ]  # fmt: skip
