"""Catalogue files: parse and check; every fault at once, with file, line, field and expectation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator

from meterline.catalog import check
from meterline.catalog.errors import CatalogInvalid, Problem
from meterline.catalog.model_types import Section, Text
from meterline.catalog.plan_sections import PlanSection
from meterline.catalog.sections import (
    CalendarSection,
    DiscountSection,
    MeterSection,
    PolicySection,
    RateCardSection,
    TaxSection,
)
from meterline.catalog.yaml import Place, field_name, line_of, load_all, read_text
from meterline.kernel.money import UnknownCurrency, decimals

__all__ = ["CatalogFile", "CatalogInvalid", "CatalogModel", "parse", "parse_data"]


class CatalogModel(Section):
    """The product catalogue as a file."""

    currency: Text = Field(description="ISO 4217 code of all amounts.")
    timezone: Text = Field("UTC", description="IANA zone of bare dates.")
    policy: PolicySection | None = None
    meters: dict[str, MeterSection] = Field(default_factory=dict)
    calendars: dict[str, CalendarSection] = Field(default_factory=dict)
    rate_cards: dict[str, RateCardSection] = Field(default_factory=dict)
    taxes: tuple[TaxSection, ...] = ()
    discounts: tuple[DiscountSection, ...] = ()
    plans: dict[str, PlanSection] = Field(default_factory=dict)

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, code: str) -> str:
        try:
            decimals(code)
        except UnknownCurrency as error:
            raise ValueError(error.message) from None
        return code

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        check.zone(name)
        return name


@dataclass(frozen=True, kw_only=True)
class CatalogFile:
    """A checked catalogue: the model, the data as written (for versions), where decks lie."""

    model: CatalogModel
    data: Mapping[str, Any]
    folder: Path
    name: str

    @property
    def plans(self) -> Mapping[str, PlanSection]:
        """The plans by their code."""
        return self.model.plans

    @property
    def timezone(self) -> ZoneInfo:
        """The zone of bare dates."""
        return ZoneInfo(self.model.timezone)


def parse(path: Path) -> CatalogFile:
    """Read and check a catalogue file. Raises CatalogInvalid with every fault."""
    documents = load_all(read_text(path), str(path))
    if len(documents) != 1:
        message = f"expected one catalogue, found {len(documents)} documents"
        raise CatalogInvalid([Problem(str(path), 1, "file", message)])
    return parse_data(documents[0].data, lines=documents[0].lines, file=str(path), at=())


def parse_data(
    data: Any, *, lines: dict[Place, int], file: str, at: Place = ("catalog",)
) -> CatalogFile:
    """Check a catalogue that stands at place `at` of a document with `lines`."""

    def problem(place: Place, message: str) -> Problem:
        return Problem(file, line_of(lines, (*at, *place)), field_name(place), message)

    if not isinstance(data, Mapping):
        raise CatalogInvalid([problem((), "expected a mapping with the key `currency`")])
    folder = Path(file).parent
    problems = []
    try:
        model = CatalogModel.model_validate(data)
    except ValidationError as error:
        problems = [problem(place, message) for place, message in faults(data, error)]
        raise CatalogInvalid(problems) from None
    problems = [problem(place, message) for place, message in _deep_faults(model, data, folder)]
    if problems:
        raise CatalogInvalid(problems)
    return CatalogFile(model=model, data=data, folder=folder, name=file)


def _deep_faults(
    model: CatalogModel, data: Mapping[str, Any], folder: Path
) -> Iterator[tuple[Place, str]]:
    """Faults of price models' parameters, then of references between sections."""
    sound = True
    for plan_code, plan in model.plans.items():
        for code, price in plan.prices.items():
            place = ("plans", plan_code, "prices", code)
            try:
                price.model_parameters()
            except ValidationError as error:
                sound = False
                for inner, message in faults(price.parameters, error):
                    yield (*place, *inner), message
    if sound:
        yield from check.references(model, folder)


def faults(data: Any, error: ValidationError) -> Iterator[tuple[Place, str]]:
    """Places and messages of a pydantic error; what a union's members expected is joined."""
    texts: dict[Place, list[str]] = {}
    for fault in error.errors():
        place = _place(data, fault["loc"], missing=fault["type"] == "missing")
        texts.setdefault(place, []).append(_message(fault["type"], fault["msg"]))
    for place, messages in texts.items():
        yield place, ", or ".join(dict.fromkeys(messages))


def _message(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "missing":
        return "expected, but it is missing"
    text = message.removeprefix("Value error, ")
    return text[0].lower() + text[1:]


def _place(data: Any, location: tuple[str | int, ...], *, missing: bool) -> Place:
    """pydantic's location without names of union members and of gathered parameters."""
    place: list[str | int] = []
    for index, key in enumerate(location):
        last = index == len(location) - 1
        if isinstance(data, Mapping):
            if key in data or (last and missing):
                place.append(key)
                data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            place.append(key)
            data = data[key]
    return tuple(place)
