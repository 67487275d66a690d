"""Tiers per unit of billed demand: exact, however many decimals the demand has."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pricing.test_models import price_of, rows_of

from meterline import pricing
from meterline.kernel.explain import evaluate

FINE = Decimal("1.2345678901")  # x 300.5 has eleven decimals


def tiers(**more: Any) -> list[dict[str, Any]]:
    return [
        {"up_to": "300.5/demand", "unit_amount": "0.1234567891", **more},
        {"up_to": "1000.0000000001/demand", "unit_amount": "0.05", "flat_amount": "1.5"},
        {"unit_amount": "-0.0000000003", "flat_amount": "2"},
    ]


def graduated(quantity: Fraction, demand: Fraction) -> Fraction:
    first, second = Fraction("300.5") * demand, Fraction("1000.0000000001") * demand
    total = min(quantity, first) * Fraction("0.1234567891")
    if quantity > first:
        total += (min(quantity, second) - first) * Fraction("0.05") + Fraction("1.5")
    if quantity > second:
        total += (quantity - second) * Fraction("-0.0000000003") + 2
    return total


def volume(quantity: Fraction, demand: Fraction) -> Fraction:
    if quantity <= Fraction("300.5") * demand:
        return quantity * Fraction("0.1234567891")
    if quantity <= Fraction("1000.0000000001") * demand:
        return quantity * Fraction("0.05") + Fraction("1.5")
    return quantity * Fraction("-0.0000000003") + 2


def time_of_use(across: str) -> dict[str, Any]:
    rates = {"peak": {"tiers": tiers()}}
    return {"calendar": "c", "rates": rates, "tiers_across_bands": across}


@pytest.mark.parametrize(
    ("name", "parameters", "reference"),
    [
        ("graduated", {"tiers": tiers()}, graduated),
        ("volume", {"tiers": tiers()}, volume),
        ("time_of_use", time_of_use("per_band"), graduated),
        ("time_of_use", time_of_use("pro_rata"), graduated),
    ],
)
@given(
    used=st.lists(
        st.tuples(st.decimals(0, 10**4, places=10), st.decimals(0, 30, places=10)), min_size=1
    ),
    divisor=st.sampled_from([1, 7, 31]),
)
@example(used=[(Decimal(371), FINE), (Decimal(10), Decimal(2)), (Decimal(9999), FINE)], divisor=1)
@example(used=[(Decimal(371), FINE)], divisor=31)
def test_tiers_per_demand(
    name: str, parameters: dict[str, Any], reference: Any, used: list[tuple[Decimal, Decimal]],
    divisor: int,
) -> None:  # fmt: skip
    price = price_of(name, parameters)
    band = pl.lit("peak" if name == "time_of_use" else None, pl.String)
    rows = rows_of(name, [quantity for quantity, _ in used]).with_columns(
        demand=pl.Series([demand for _, demand in used], dtype=pl.Decimal(38, 10)),
        divisor=pl.lit(divisor, pl.Int64), band=band,
    )  # fmt: skip
    made = pricing.charge(price, rows, calendars={})
    found = {row["line"]: row for row in made.iter_rows(named=True)}
    for line, (quantity, demand) in enumerate(used):
        exact = reference(Fraction(quantity) / divisor, Fraction(demand))
        assert Fraction(found[line]["amount"]) / found[line]["denominator"] == exact
        text = {key: None if v is None else str(v)
                for key, v in rows.row(line, named=True).items()}  # fmt: skip
        told = pricing.explain(
            price,
            {"rows": [text], "season": None, "band": text["band"], "by_value": None,
             "quantity": "0", "share": "1/1", "exact": "0/1", "rounding": "down", "decimals": 9},
        )  # fmt: skip
        assert evaluate(told.parts[0].expression) == exact


def test_blocks_are_counted_from_the_exact_limit() -> None:
    price = price_of("graduated", {"tiers": tiers(size=7)})
    rows = rows_of("graduated", [Decimal(1000)]).with_columns(
        demand=pl.lit(FINE).cast(pl.Decimal(38, 10))
    )
    made = pricing.charge(price, rows, calendars={}).row(0, named=True)
    limit = Fraction("300.5") * Fraction(FINE)
    assert Fraction(made["amount"]) / made["denominator"] == (
        ceil(limit / 7) * Fraction("0.1234567891")
        + (1000 - limit) * Fraction("0.05") + Fraction("1.5")
    )  # fmt: skip


def test_blocks_of_the_period_are_shared_over_its_bands() -> None:
    blocks = [{"up_to": 10, "unit_amount": 3, "size": 4}, {"unit_amount": 1}]
    rates = {band: {"tiers": blocks} for band in ("peak", "rest")}
    price = price_of(
        "time_of_use", {"calendar": "c", "rates": rates, "tiers_across_bands": "pro_rata"}
    )
    rows = rows_of("time_of_use", [Decimal(3), Decimal(6)]).with_columns(
        line=pl.lit(0, pl.UInt32), band=pl.Series(["peak", "rest"])
    )
    made = pricing.charge(price, rows, calendars={})
    found = {row["band"]: Fraction(row["amount"]) / row["denominator"]
             for row in made.iter_rows(named=True)}  # fmt: skip
    assert found == {"peak": Fraction(9 * 3, 9), "rest": Fraction(9 * 6, 9)}  # three blocks of 3
