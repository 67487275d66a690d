"""One suite for all price models: columns agree with a reference that goes unit by unit and row by
row, explanations evaluate to the amount, and lines do not depend on their neighbours."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from meterline import pricing
from meterline.kernel.explain import evaluate
from meterline.kernel.money import round_fraction
from meterline.pricing.columns import AmountTooLarge
from meterline.pricing.price import Price
from meterline.pricing.registry import all_models, model

ROWS: dict[str, Any] = {
    "line": pl.UInt32, "season": pl.String, "band": pl.String, "by_value": pl.String,
    "quantity": pl.Decimal(38, 10), "events": pl.Int64, "amount": pl.Decimal(38, 20),
    "denominator": pl.Int64, "days": pl.Int32, "demand": pl.Decimal(38, 10),
}  # fmt: skip

TIERS = [
    {"up_to": 10, "unit_amount": "0.3"},
    {"up_to": 25, "unit_amount": "0.21", "flat_amount": "1.5"},
    {"unit_amount": "0.0333", "flat_amount": "0.07"},
]
BLOCKS = [{"up_to": 10, "unit_amount": "2", "size": 4}, {"unit_amount": "1", "size": 3}]
PER_DAY = [{"up_to": "0.5/day", "unit_amount": "-0.0814"}, {"unit_amount": "0"}]
PERCENTS = [
    {"up_to": 100, "percent": "2.5", "flat_amount": "0.7"},
    {"percent": "1.0000000001", "flat_amount": "3.0000000001"},
]
LARGEST = "9999999999999999.9999999999"  # what a price or a quantity can be
EU = '["eu"]'


def bounds(tiers: list[dict[str, Any]], days: int) -> list[tuple[Fraction, Fraction | None]]:
    """(above, up to) of each tier."""
    found, low = [], Fraction(0)
    for tier in tiers:
        text = str(tier.get("up_to", ""))
        if not text:
            high = None
        elif text.endswith("/day"):
            high = Fraction(text.removesuffix("/day")) * days
        else:
            high = Fraction(text)
        found.append((low, high))
        low = high if high is not None else low
    return found


def graduated(tiers: list[dict[str, Any]], rate: str = "unit_amount", part: int = 1) -> Any:
    def reference(quantity: Fraction, days: int) -> Fraction:
        total = Fraction(0)
        for number, (tier, (low, high)) in enumerate(zip(tiers, bounds(tiers, days), strict=True)):
            inside = max(Fraction(0), (quantity if high is None else min(quantity, high)) - low)
            reached = quantity > low or (number == 0 and rate == "unit_amount")
            if "size" in tier:
                inside = Fraction(ceil(inside / tier["size"]))
            total += inside * Fraction(tier[rate]) / part
            total += Fraction(tier.get("flat_amount", 0)) if reached else 0
        return total

    return reference


def volume(quantity: Fraction, days: int) -> Fraction:
    for tier, (_, high) in zip(TIERS, bounds(TIERS, days), strict=True):
        if high is None or quantity <= high:
            flat = Fraction(tier.get("flat_amount", "0"))
            return quantity * Fraction(tier["unit_amount"]) + flat
    raise AssertionError


CASES: list[tuple[str, dict[str, Any], Callable[[Fraction, int], Fraction]]] = [
    ("flat", {"amount": "9.99"}, lambda quantity, days: Fraction("9.99")),
    ("per_unit", {"unit_amount": "0.0171"}, lambda q, days: q * Fraction("0.0171")),
    (
        "per_unit",
        {"unit_amount": "-0.3", "free_units": 7},
        lambda q, days: max(q - 7, Fraction(0)) * Fraction("-0.3"),
    ),
    ("graduated", {"tiers": TIERS}, graduated(TIERS)),
    ("graduated", {"tiers": BLOCKS}, graduated(BLOCKS)),
    ("graduated", {"tiers": PER_DAY}, graduated(PER_DAY)),
    ("graduated_percentage", {"tiers": PERCENTS}, graduated(PERCENTS, "percent", 100)),
    ("volume", {"tiers": TIERS}, volume),
    (
        "package",
        {"size": 6, "amount": "2.5", "free_units": 4},
        lambda q, days: ceil(max(q - 4, Fraction(0)) / 6) * Fraction("2.5"),
    ),
    (
        "percentage",
        {"percent": "0.0000000007", "fixed_amount": "0.2"},
        lambda q, days: q * Fraction(7, 10**12) + Fraction("0.2"),
    ),
    ("percent_of", {"percent": "-12.5", "of": ["x"]}, lambda q, days: q * Fraction(-1, 8)),
    (
        "matrix",
        {"cells": [{"when": {"zone": "eu"}, "unit_amount": "0.3"}], "default": "0.1"},
        lambda q, days: q * Fraction("0.3"),
    ),
]
TESTED_ELSEWHERE = {
    "rate_card",  # tests/rating, and the scenarios
    "time_of_use",  # test_intervals.py
    "demand",  # test_intervals.py
    "dynamic",  # the scenarios
}
quantities = st.lists(
    st.one_of(
        st.sampled_from([Decimal(n) for n in (0, 4, 7, 10, 25, 31, 100)]),
        st.decimals(0, 10**6, places=6),
        st.decimals(0, 10**9, places=10),
    ),
    min_size=1,
    max_size=6,
)


def price_of(name: str, parameters: dict[str, Any], **fields: Any) -> Price:
    return Price(
        id=1, plan_version_id=1, code="p", name="P", kind="usage", model=name,
        parameters=model(name).parameters.model_validate(parameters), meter="m",
        by=("zone",) if name == "matrix" else (), **fields,
    )  # fmt: skip


def rows_of(name: str, amounts: list[Decimal], days: int = 30) -> pl.DataFrame:
    value = EU if name == "matrix" else None
    return pl.DataFrame(
        [
            {
                "line": line, "season": None, "band": None, "by_value": value, "quantity": quantity,
                "events": 1, "amount": Decimal(0), "denominator": 1, "days": days, "demand": None,
            }
            for line, quantity in enumerate(amounts)
        ],
        schema=ROWS,
    )  # fmt: skip


def test_every_model_is_in_a_suite() -> None:
    assert {name for name, _, _ in CASES} | TESTED_ELSEWHERE == set(all_models())


def charged(name: str, parameters: dict[str, Any], rows: pl.DataFrame) -> dict[int, Fraction]:
    made = pricing.charge(price_of(name, parameters), rows, calendars={})
    return {
        line: Fraction(amount) / denominator
        for line, amount, denominator in made.select("line", "amount", "denominator").rows()
    }


@pytest.mark.parametrize(("name", "parameters", "reference"), CASES)
@settings(max_examples=60, deadline=None)
@given(amounts=quantities, days=st.integers(1, 31))
def test_columns_agree_with_the_reference(
    name: str, parameters: dict[str, Any], reference: Any, amounts: list[Decimal], days: int
) -> None:
    made = charged(name, parameters, rows_of(name, amounts, days))
    assert made == {n: reference(Fraction(q), days) for n, q in enumerate(amounts)}


@pytest.mark.parametrize(("name", "parameters", "reference"), CASES)
@settings(max_examples=30, deadline=None)
@given(amounts=quantities, divisors=st.lists(st.integers(1, 10**7), min_size=6, max_size=6))
def test_a_quantity_is_a_fraction(
    name: str, parameters: dict[str, Any], reference: Any, amounts: list[Decimal],
    divisors: list[int],
) -> None:  # fmt: skip
    below = divisors[: len(amounts)]
    rows = rows_of(name, amounts).with_columns(divisor=pl.Series(below, dtype=pl.Int64))
    made = charged(name, parameters, rows)
    exact = [Fraction(q) / d for q, d in zip(amounts, below, strict=True)]
    assert made == {n: reference(q, 30) for n, q in enumerate(exact)}


WIDE: list[tuple[str, Callable[[str], dict[str, Any]], Callable[[Fraction, Fraction], Fraction]]]
WIDE = [
    ("flat", lambda r: {"amount": r}, lambda q, r: r),
    ("per_unit", lambda r: {"unit_amount": r}, lambda q, r: q * r),
    ("package", lambda r: {"size": 7, "amount": r}, lambda q, r: ceil(q / 7) * r),
    (
        "graduated",
        lambda r: {"tiers": [{"up_to": 3, "unit_amount": 0}, {"unit_amount": r}]},
        lambda q, r: max(q - 3, Fraction(0)) * r,
    ),
    ("graduated", lambda r: {"tiers": [{"unit_amount": r, "size": "0.1"}]},
     lambda q, r: ceil(q * 10) * r),
    ("volume", lambda r: {"tiers": [{"unit_amount": r, "flat_amount": r}]},
     lambda q, r: q * r + r),
    ("graduated_percentage", lambda r: {"tiers": [{"percent": r}]}, lambda q, r: q * r / 100),
    ("percentage", lambda r: {"percent": r, "fixed_amount": r}, lambda q, r: q * r / 100 + r),
    ("percent_of", lambda r: {"percent": r, "of": ["x"]}, lambda q, r: q * r / 100),
    (
        "matrix",
        lambda r: {"cells": [{"when": {"zone": "eu"}, "unit_amount": r}]},
        lambda q, r: q * r,
    ),
]  # fmt: skip
digits = st.integers(0, 16).flatmap(
    lambda whole: st.decimals(0, min(Decimal(10) ** whole, Decimal(LARGEST)), places=10)
)


@pytest.mark.parametrize(("name", "parameters", "reference"), WIDE)
@settings(max_examples=80, deadline=None)
@given(quantity=digits, rate=digits, divisor=st.sampled_from([1, 3, 2_592_000]))
def test_many_digits_are_exact_or_refused(
    name: str, parameters: Any, reference: Any, quantity: Decimal, rate: Decimal, divisor: int
) -> None:
    rows = rows_of(name, [quantity]).with_columns(divisor=pl.lit(divisor, pl.Int64))
    exact = reference(Fraction(quantity) / divisor, Fraction(rate))
    try:
        made = charged(name, parameters(str(rate)), rows)
    except AmountTooLarge as error:
        assert abs(exact) * divisor >= 10**15, error.message  # no refusal of what is not large
    else:
        assert made == {0: exact}


@pytest.mark.parametrize(("name", "parameters", "reference"), WIDE[1:])
def test_the_largest_quantity_at_the_largest_price_is_refused(
    name: str, parameters: Any, reference: Any
) -> None:
    with pytest.raises(AmountTooLarge, match="check the usage"):
        charged(name, parameters(LARGEST), rows_of(name, [Decimal(LARGEST)]))


@pytest.mark.parametrize(("name", "parameters", "reference"), CASES)
@settings(max_examples=40, deadline=None)
@given(
    amounts=quantities,
    share=st.sampled_from(["1/1", "14/31", "1/3"]),
    divisor=st.sampled_from([1, 31]),
)
def test_explanations_evaluate_to_the_amount(
    name: str, parameters: dict[str, Any], reference: Any, amounts: list[Decimal], share: str,
    divisor: int,
) -> None:  # fmt: skip
    rows = rows_of(name, amounts[:1]).with_columns(divisor=pl.lit(divisor, pl.Int64))
    row = {key: None if v is None else str(v) for key, v in rows.row(0, named=True).items()}
    inputs = {
        "rows": [row], "season": None, "band": None, "by_value": row["by_value"],
        "quantity": row["quantity"], "share": share, "exact": "0/1", "rounding": "half_up",
        "decimals": 2,
    }  # fmt: skip
    told = pricing.explain(price_of(name, parameters), inputs)
    exact = reference(Fraction(amounts[0]) / divisor, 30) * Fraction(share)
    assert evaluate(told.expression) == Fraction(told.amount)
    assert Fraction(told.amount) == Fraction(round_fraction(exact, 2))


@pytest.mark.parametrize("name", sorted(all_models()))
def test_parameters_are_declared_and_documented(name: str) -> None:
    schema = model(name).parameters.model_json_schema()
    assert schema["additionalProperties"] is False
    for field, facts in schema.get("properties", {}).items():
        assert "description" in facts or "$ref" in facts or "anyOf" in facts, field
    assert (type(model(name)).__doc__ or "").strip()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("graduated", {"tiers": []}),
        ("graduated", {"tiers": [{"up_to": 5, "unit_amount": 1}]}),
        ("graduated", {"tiers": [{"unit_amount": 1}, {"unit_amount": 2}]}),
        ("volume", {"tiers": [{"up_to": 5}, {"up_to": 5}, {"unit_amount": 1}]}),
        ("volume", {"tiers": [{"up_to": 9}, {"up_to": 5}, {"unit_amount": 1}]}),
        ("package", {"size": 0, "amount": 1}),
        ("package", {"amount": 1}),
        ("per_unit", {"unit_amount": "NaN"}),
        ("per_unit", {"unit_amount": "1e400"}),
        ("per_unit", {"unit_amount": 1, "free_units": -1}),
        ("flat", {"amount": 1, "amonut": 2}),
        ("percentage", {"percent": 1, "min_per_event": 2, "max_per_event": 1}),
        ("percentage", {"percent": 1, "free_events": -1}),
        ("percent_of", {"percent": 1, "of": []}),
        ("percent_of", {"percent": 1, "of": ["a", "a"]}),
        ("matrix", {"cells": []}),
        ("matrix", {"cells": [{"when": {}, "unit_amount": 1}]}),
        ("matrix", {"cells": [{"when": {"a": []}, "unit_amount": 1}]}),
        ("matrix", {"cells": [{"when": {"a": True}, "unit_amount": 1}]}),
        ("matrix", {"cells": [{"when": {"a": "x"}, "unit_amount": 1}] * 2}),
    ],
)
def test_parameters_that_cannot_be(name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model(name).parameters.model_validate(parameters)
