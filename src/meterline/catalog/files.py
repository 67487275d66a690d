"""Catalogue files: parse and check; every fault at once, with file, line, field and expectation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator

from meterline.catalog import check, sound
from meterline.catalog.check_cards import Bands
from meterline.catalog.deck import deck_problems
from meterline.catalog.errors import CatalogInvalid, Problem
from meterline.catalog.faults import faults
from meterline.catalog.model_types import Code, Section, Text
from meterline.catalog.plan_sections import PlanSection
from meterline.catalog.sections import (
    CalendarSection,
    DiscountSection,
    MeterSection,
    PolicySection,
    PromotionSection,
    RateCardSection,
    TaxSection,
)
from meterline.catalog.yaml import Place, field_name, line_of, read_all, read_text
from meterline.kernel.money import UnknownCurrency, decimals

__all__ = ["CatalogFile", "CatalogInvalid", "CatalogModel", "faults", "parse", "parse_data"]


class CatalogModel(Section):
    """The product catalogue as a file."""

    currency: Text = Field(description="ISO 4217 code of all amounts.")
    timezone: Text = Field("UTC", description="IANA zone of bare dates.")
    policy: PolicySection | None = None
    meters: dict[Code, MeterSection] = Field(default_factory=dict)
    calendars: dict[Code, CalendarSection] = Field(default_factory=dict)
    rate_cards: dict[Code, RateCardSection] = Field(default_factory=dict)
    taxes: tuple[TaxSection, ...] = ()
    discounts: tuple[DiscountSection, ...] = ()
    promotions: tuple[PromotionSection, ...] = ()
    plans: dict[Code, PlanSection] = Field(default_factory=dict)

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
    documents = read_all(read_text(path), str(path))
    if len(documents) != 1:
        message = f"expected one catalogue, found {len(documents)} documents"
        raise CatalogInvalid([Problem(str(path), 1, "file", message)])
    (document,) = documents
    try:
        found = parse_data(document.data, lines=document.lines, file=str(path), at=())
    except CatalogInvalid as error:
        raise CatalogInvalid([*document.problems, *error.problems]) from None
    if document.problems:
        raise CatalogInvalid(document.problems)
    return found


def parse_data(
    data: Any, *, lines: dict[Place, int], file: str, at: Place = ("catalog",)
) -> CatalogFile:
    """Check a catalogue that stands at place `at` of a document with `lines`."""

    def problem(place: Place, message: str) -> Problem:
        return Problem(file, line_of(lines, (*at, *place)), field_name(place), message)

    if not isinstance(data, Mapping):
        raise CatalogInvalid([problem((), "expected a mapping with the key `currency`")])
    folder = Path(file).parent
    model, found = _validated(data)
    problems = [problem(place, message) for place, message in found]
    if model is not None:
        problems += [problem(*fault) for fault in check.references(model, data)]
        problems += [problem(*fault) for fault in _lost_decks(model, folder)]
        problems += _deck_problems(model, folder)
    if problems or model is None:
        raise CatalogInvalid(problems)
    return CatalogFile(model=model, data=data, folder=folder, name=file)


def _validated(
    data: Mapping[str, Any],
) -> tuple[CatalogModel | None, list[tuple[Place, str]]]:
    """The model of the sound parts of a file, and the faults of the others."""
    found = list(sound.unfit_values(data))
    left = sound.without(data, [sound.part(data, place) for place, _ in found])
    for attempt in range(4):
        try:
            return CatalogModel.model_validate(left), found
        except ValidationError as error:
            fresh = list(faults(left, error))
        found += fresh
        cut = sound.field if attempt == 0 else sound.part
        left = sound.without(left, [cut(data, place) for place, _ in fresh])
    return None, found


def _lost_decks(model: CatalogModel, folder: Path) -> Iterator[tuple[Place, str]]:
    for code, card in model.rate_cards.items():
        if card.file is not None and not (folder / card.file).is_file():
            yield ("rate_cards", code, "file"), f"expected a CSV deck; no such file: {card.file}"


def _deck_problems(model: CatalogModel, folder: Path) -> Iterator[Problem]:
    for card in model.rate_cards.values():
        if card.file is not None and (folder / card.file).is_file():
            bands = Bands.of(card, model.calendars.get(card.calendar or ""))
            yield from deck_problems(folder / card.file, len(card.keys), bands)
