"""Price models by name: the files of `models/`, and those that other packages register."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from meterline.kernel.errors import NotSupported
from meterline.pricing import models
from meterline.pricing.model import PriceModel

ENTRY_POINTS = "meterline.pricing_models"


@cache
def all_models() -> dict[str, PriceModel]:
    """Every known price model by its name."""
    modules = [import_module(f"{models.__name__}.{m.name}") for m in iter_modules(models.__path__)]
    found = [module.MODEL for module in modules]
    found += [entry.load() for entry in entry_points(group=ENTRY_POINTS)]
    return {model.name: model for model in found}


def model(name: str) -> PriceModel:
    """The price model of a name; NotSupported where there is none."""
    try:
        return all_models()[name]
    except KeyError:
        raise NotSupported(what=f"price model {name}") from None
