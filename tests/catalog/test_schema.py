"""The JSON Schema of catalogue files: every price model with its own keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from json_schema import faults

from meterline.catalog.schema import catalog_schema
from meterline.catalog.yaml import load_all
from meterline.pricing.registry import all_models
from meterline.scenario.files import Malformed
from meterline.scenario.read import read
from meterline.scenario.schema import scenario_schema

ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = sorted((ROOT / "examples").rglob("catalogue.yaml"))
SCENARIOS = sorted(
    path
    for folder in (
        *(ROOT / "examples").glob("*/tests"),
        ROOT / "tests" / "scenario" / "cases",
        ROOT.parent / "shared" / "oracles",
    )
    for path in folder.rglob("*.yaml")
    if path.parent.name != "files"
)
SMALL = """\
currency: EUR
meters: {calls: {aggregation: count}}
calendars: {day: {timezone: UTC, bands: [{band: peak, from: "08:00", to: "18:00"}, {band: rest}]}}
plans:
  a:
    prices:
      base: {kind: recurring, model: flat, amount: "9.90"}
      calls: {kind: usage, meter: calls, model: graduated, minimum_amount: "0.15/day",
              tiers: [{up_to: "10/day", unit_amount: 0}, {unit_amount: "0.1"}]}
"""


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix("#/$defs/")
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_schema_holds_all_that_it_refers_to() -> None:
    schema = catalog_schema()
    assert set(schema["properties"]) >= {"currency", "plans", "meters", "rate_cards"}
    assert set(references(schema)) <= set(schema["$defs"])


def test_each_model_takes_its_own_keys() -> None:
    definitions = catalog_schema()["$defs"]
    names = [one.removeprefix("price_") for one in references(definitions["PriceSection"])]
    assert set(names) >= set(all_models())
    flat, graduated = definitions["price_flat"], definitions["price_graduated"]
    assert flat["properties"]["model"]["const"] == "flat"
    assert "amount" in flat["required"] and "tiers" not in flat["properties"]
    assert "tiers" in graduated["required"] and "tax" in graduated["properties"]
    assert "parameters" not in flat["properties"]


@pytest.mark.parametrize(
    "schema", [catalog_schema(), scenario_schema()], ids=["catalog", "scenario"]
)
def test_editors_can_tell_what_every_key_is(schema: dict[str, Any]) -> None:
    bare = [
        f"{title}.{key}"
        for title, part in [("", schema), *schema["$defs"].items()]
        for key, inner in part.get("properties", {}).items()
        if not inner.get("description")
    ]
    assert bare == []
    assert set(references(schema)) <= set(schema["$defs"])


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.name)
def test_catalogues_fit_the_schema(path: Path) -> None:
    (document,) = load_all(path.read_text("utf-8"), str(path))
    assert faults(catalog_schema(), document.data) == []


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_scenarios_fit_the_schema(path: Path) -> None:
    schema = scenario_schema()
    read_ones = read(path)
    for one, document in zip(read_ones, load_all(path.read_text("utf-8"), str(path)), strict=True):
        if not isinstance(one, Malformed):
            assert faults(schema, document.data) == []


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ("currency: EUR", "money: EUR", "$.money: unknown"),
        ("aggregation: count", "aggregation: counted", "$.meters.calls.aggregation"),
        ("model: flat, ", "model: flattish, ", "$.plans.a.prices.base.model"),
        ('amount: "9.90"', 'unit_amount: "9.90"', "$.plans.a.prices.base.amount: missing"),
        ("unit_amount: 0", "unit_price: 0", "$.plans.a.prices.calls.tiers"),
        ("kind: recurring, ", "", "$.plans.a.prices.base.kind: missing"),
        ('"08:00"', '"8 am"', "$.calendars.day.bands"),
        ('up_to: "10/day"', "up_to: [10]", "$.plans.a.prices.calls.tiers"),
        ("prices:", "price:", "$.plans.a.price: unknown"),
    ],
)
def test_wrong_catalogues_do_not_fit(before: str, after: str, place: str) -> None:
    (document,) = load_all(SMALL, "small.yaml")
    assert faults(catalog_schema(), document.data) == []
    (wrong,) = load_all(SMALL.replace(before, after, 1), "wrong.yaml")
    told = faults(catalog_schema(), wrong.data)
    assert any(one.startswith(place) for one in told), told


@pytest.mark.parametrize(
    "step",
    [
        "{do: subscribed, account: A, plan: a}", "{do: subscribe, account: A}",
        "{do: bill, untill: 2024-01-01}", "{do: usage, meter: calls, count: 0}",
    ],
)  # fmt: skip
def test_wrong_scenarios_do_not_fit(step: str) -> None:
    text = f"scenario: s\ncatalog: c.yaml\naccounts: {{A: {{}}}}\nsteps: [{step}]\n"
    (document,) = load_all(text, "s.yaml")
    assert faults(scenario_schema(), document.data)
