"""The JSON Schema of catalogue files: every price model with its own keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meterline.catalog.schema import catalog_schema
from meterline.pricing.registry import all_models


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
