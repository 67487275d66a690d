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
PERCENTS = [{"up_to": 100, "percent": "2.5"}, {"percent": "1.1", "flat_amount": "3"}]


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
            reached = number == 0 or quantity > low
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
]
TESTED_ELSEWHERE = {
    "rate_card",  # tests/rating, and the scenarios
    "time_of_use",  # the scenarios, tests/usage/test_real_meter_data.py
    "demand",  # the scenarios
    "dynamic",  # the scenarios
    "matrix",  # the scenarios
    "percentage",  # the scenarios
    "percent_of",  # the scenarios
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
        parameters=model(name).parameters.model_validate(parameters), meter="m", **fields,
    )  # fmt: skip


def rows_of(amounts: list[Decimal], days: int = 30) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "line": line, "season": None, "band": None, "by_value": None, "quantity": quantity,
                "events": 1, "amount": Decimal(0), "denominator": 1, "days": days, "demand": None,
            }
            for line, quantity in enumerate(amounts)
        ],
        schema=ROWS,
    )  # fmt: skip


def test_every_model_is_in_a_suite() -> None:
    assert {name for name, _, _ in CASES} | TESTED_ELSEWHERE == set(all_models())


@pytest.mark.parametrize(("name", "parameters", "reference"), CASES)
@settings(max_examples=60, deadline=None)
@given(amounts=quantities, days=st.integers(1, 31))
def test_columns_agree_with_the_reference(
    name: str, parameters: dict[str, Any], reference: Any, amounts: list[Decimal], days: int
) -> None:
    charged = pricing.charge(price_of(name, parameters), rows_of(amounts, days), calendars={})
    made = {
        line: Fraction(amount) / denominator
        for line, amount, denominator in charged.select("line", "amount", "denominator").rows()
    }
    assert made == {n: reference(Fraction(q), days) for n, q in enumerate(amounts)}


@pytest.mark.parametrize(("name", "parameters", "reference"), CASES)
@settings(max_examples=40, deadline=None)
@given(amounts=quantities, share=st.sampled_from(["1/1", "14/31", "1/3"]))
def test_explanations_evaluate_to_the_amount(
    name: str, parameters: dict[str, Any], reference: Any, amounts: list[Decimal], share: str
) -> None:
    quantity = amounts[0]
    row = {
        key: None if v is None else str(v)
        for key, v in rows_of([quantity]).row(0, named=True).items()
    }
    inputs = {
        "rows": [row], "season": None, "band": None, "by_value": None, "quantity": str(quantity),
        "share": share, "exact": "0/1", "rounding": "half_up", "decimals": 2,
    }  # fmt: skip
    told = pricing.explain(price_of(name, parameters), inputs)
    exact = reference(Fraction(quantity), 30) * Fraction(share)
    assert evaluate(told.expression) == Fraction(told.amount)
    assert abs(Fraction(told.amount) - exact) <= Fraction(1, 200)


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
    ],
)
def test_parameters_that_cannot_be(name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model(name).parameters.model_validate(parameters)
