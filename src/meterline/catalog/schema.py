"""The JSON Schema of catalogue files, with the parameters of every price model."""

from __future__ import annotations

from typing import Any

from meterline.catalog.files import CatalogModel
from meterline.pricing.registry import all_models


def catalog_schema() -> dict[str, Any]:
    """The schema of a catalogue file. A price also takes the parameters of its model: `models`
    under `$defs` holds the schema of each."""
    schema = CatalogModel.model_json_schema(by_alias=True)
    schema["$defs"]["models"] = {
        name: model.parameters.model_json_schema() for name, model in sorted(all_models().items())
    }
    return schema
