"""The JSON Schema of catalogue files, with the parameters of every price model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meterline.catalog.files import CatalogModel
from meterline.catalog.schema_words import WORDS
from meterline.pricing.registry import all_models

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = "#/$defs/{model}"
_WRITTEN_AS_TEXT = ("UpTo", "AmountLimit")  # "9.8/day" in the file, amount and unit in the model
_LIMITS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
_TIME = r"^([01][0-9]|2[0-4]):[0-5][0-9](:[0-5][0-9])?$"
_DAY_OF_YEAR = r"^[0-9]{2}-[0-9]{2}$"


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
        choices.append(_choice(name))
    definitions["PriceSection"] = {
        "title": "Price",
        "description": "What is charged, and how: the other keys depend on `model`.",
        "type": "object",
        "required": list(common["required"]),
        "properties": {"model": {"enum": sorted(all_models()),
                                 "description": WORDS["price.model"]}},
        "allOf": choices,
    }  # fmt: skip
    return described({"$schema": DIALECT, **as_written(schema)}, WORDS)


def _choice(name: str) -> dict[str, Any]:
    """A price of this model has the keys of this model: editors tell its faults alone."""
    chosen = {"properties": {"model": {"const": name}}, "required": ["model"]}
    return {"if": chosen, "then": {"$ref": f"#/$defs/price_{name}"}}


def _price(name: str, common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    properties = {**common["properties"], **own.get("properties", {})}
    properties["model"] = {
        "const": name,
        "description": own.get("description") or WORDS["price.model"],
    }
    return {
        "type": "object",
        "title": name,
        "properties": properties,
        "required": [*common["required"], *own.get("required", ())],
        "additionalProperties": False,
    }


def as_written(value: Any) -> Any:
    """A schema of models as one of files: numbers may be text and codes numbers, times of day have
    no zone, and what is written as one text is no mapping."""
    if isinstance(value, list):
        return [as_written(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("title") in _WRITTEN_AS_TEXT and value.get("type") == "object":
        return {name: value[name] for name in ("title", "description")} | {
            "type": ["number", "string"]
        }
    found = {_LIMITS.get(name, name): as_written(inner) for name, inner in value.items()}
    if value.get("type") == "string":
        if value.get("format") == "time":
            return {**found, "pattern": _TIME, "format": "text"}
        if "prefixItems" in value:
            return {"type": "string", "pattern": _DAY_OF_YEAR}
        if not {"enum", "const", "format", "pattern"} & value.keys():
            found["type"] = ["string", "integer"]
    return found


def described(schema: dict[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    """`schema` with a description of every key that has none: of `Section.key`, else of `key`."""
    for title, part in [("", schema), *schema["$defs"].items()]:
        section = "price" if title.startswith("price_") else title
        for key, inner in part.get("properties", {}).items():
            if "description" not in inner:
                text = words.get(f"{section}.{key}", words.get(key))
                if text is not None:
                    inner["description"] = text
    return schema
