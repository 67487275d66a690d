"""The JSON Schema of catalogue files, with the parameters of every price model."""

from __future__ import annotations

from typing import Any

from meterline.catalog.files import CatalogModel
from meterline.pricing.registry import all_models

_REFERENCE = "#/$defs/{model}"


def catalog_schema() -> dict[str, Any]:
    """The schema of a catalogue file: a price takes the keys of its kind and of its model."""
    schema = CatalogModel.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    common = definitions.pop("PriceSection")
    common["properties"].pop("parameters")
    choices = []
    for name, model in sorted(all_models().items()):
        own = model.parameters.model_json_schema(by_alias=True, ref_template=_REFERENCE)
        definitions |= own.pop("$defs", {})
        definitions[f"price_{name}"] = _price(name, common, own)
        choices.append({"$ref": f"#/$defs/price_{name}"})
    definitions["PriceSection"] = {"title": "Price", "anyOf": choices}
    return schema


def _price(name: str, common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    properties = {**common["properties"], **own.get("properties", {})}
    properties["model"] = {"const": name, "description": own.get("description", "")}
    return {
        "type": "object",
        "title": name,
        "properties": properties,
        "required": [*common["required"], *own.get("required", ())],
        "additionalProperties": False,
    }
