"""Formats for the journal: each a module with `export(journal) -> Iterator[str]`, found by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

import polars as pl

from meterline.ledger.errors import UnknownExport

ENTRY_POINTS = "meterline.ledger_exports"
Export = Callable[[pl.DataFrame], Iterator[str]]


@cache
def _all() -> dict[str, Export]:
    found: dict[str, Export] = {
        module.name: import_module(f"{__name__}.{module.name}").export
        for module in iter_modules(__path__)
        if module.name != "names"
    }
    return found | {entry.name: entry.load() for entry in entry_points(group=ENTRY_POINTS)}


def known() -> list[str]:
    """The names of all formats."""
    return sorted(_all())


def export(format: str) -> Export:
    """The writer of a format. Raises UnknownExport."""
    try:
        return _all()[format]
    except KeyError:
        raise UnknownExport(format=format, known=", ".join(known())) from None
