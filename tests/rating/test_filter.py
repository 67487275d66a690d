"""A meter's filter, and the values of `by`: every record is rated or rejected, once a price."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.pricing.price import Meter, Price
from meterline.pricing.registry import model
from meterline.rating.rate import rate
from meterline.rating.tariff import compile_tariff
from meterline.rating.values import by_values

CELLS = {"cells": [{"when": {"zone": "x"}, "unit_amount": 1}]}
MODELS: list[tuple[str, dict[str, Any]]] = [
    ("per_unit", {"unit_amount": 1}), ("dynamic", {"value": "cost"}), ("matrix", CELLS),
]  # fmt: skip
texts = st.sampled_from(["eu", "us", "asia", None])


def frame(rows: list[tuple[str | None, str | None, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"row": n, "plan_version_id": 1, "meter": "m", "duration_us": None, "quantity": None,
             "start": datetime(2026, 4, 1, tzinfo=UTC), 
             "property:region": region, "property:v": value, "property:cost": value,
             "property:zone": zone}
            for n, (region, value, zone) in enumerate(rows)
        ],
        schema={
            "row": pl.UInt32, "plan_version_id": pl.Int64, "meter": pl.String,
            "duration_us": pl.Int64, "quantity": pl.Decimal(38, 10),
            "start": pl.Datetime("us", "UTC"), "property:region": pl.String,
            "property:v": pl.String, "property:cost": pl.String, "property:zone": pl.String,
        },
    )  # fmt: skip


@pytest.mark.parametrize(("name", "parameters"), MODELS)
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(
    st.tuples(texts, st.sampled_from(["1.5", "0", "-2", "x", None]), st.sampled_from(["x", "y"])),
    min_size=1, max_size=8,
))  # fmt: skip
def test_what_is_filtered_out_is_rated_as_nothing(
    name: str, parameters: dict[str, Any], rows: list[tuple[str | None, str | None, str]]
) -> None:
    price = Price(
        id=7, plan_version_id=1, code="p", name="P", kind="usage", model=name, meter="m",
        parameters=model(name).parameters.model_validate(parameters),
        by=("zone",) if name == "matrix" else (),
    )  # fmt: skip
    meter = Meter(code="m", aggregation="sum", value="v", filter={"region": ("eu", "us")})
    made = rate(frame(rows), compile_tariff([price], {"m": meter}, {}, []))
    rated = {row["row"]: row for row in made.rated.iter_rows(named=True)}
    refused = set(made.rejects["row"])
    assert len(rated) + len(refused) == len(rows)
    for number, (region, value, zone) in enumerate(rows):
        good = value in ("1.5", "0") and (name != "matrix" or zone == "x")
        if region not in ("eu", "us"):
            assert rated[number]["quantity"] is None
            assert rated[number]["amount"] == 0
        elif good:
            assert rated[number]["quantity"] == Decimal(str(value))
        else:
            assert number in refused


@given(rows=st.lists(st.tuples(texts, texts), min_size=1))
def test_by_values_tell_values_apart(rows: list[tuple[str | None, str | None]]) -> None:
    one, other = (pl.Series(column, dtype=pl.String) for column in zip(*rows, strict=True))
    made = by_values([one, other]).to_list()
    assert len(set(made)) == len(set(rows))
    pairs = list(zip(made, rows, strict=True))
    assert all((a == b) == (c == d) for a, c in pairs for b, d in pairs)
