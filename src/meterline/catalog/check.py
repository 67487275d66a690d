"""References between the sections of a catalogue: what is named, and whether it is there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from meterline.catalog.plan_sections import PlanSection, PriceSection
from meterline.catalog.sections import CalendarSection, RateCardSection
from meterline.catalog.yaml import Place

if TYPE_CHECKING:
    from meterline.catalog.files import CatalogModel

Faults = Iterator[tuple[Place, str]]


def zone(name: str) -> None:
    """Raise ValueError unless `name` is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name!r}: expected such as Europe/Rome") from None


def references(model: CatalogModel, folder: Path) -> Faults:
    """Every reference to something that is not in the file."""
    for code, calendar in model.calendars.items():
        try:
            zone(calendar.timezone)
        except ValueError as error:
            yield ("calendars", code, "timezone"), str(error)
        yield from _holidays(code, calendar)
    for code, card in model.rate_cards.items():
        yield from _card(code, card, model, folder)
    for number, discount in enumerate(model.discounts):
        known = {price for plan in model.plans.values() for price in plan.prices}
        yield from _missing(
            discount.applies_to, known, "price", ("discounts", number, "applies_to")
        )
    for code, plan in model.plans.items():
        yield from _plan(code, plan, model)


def _missing(names: Iterable[str], known: Iterable[str], what: str, place: Place) -> Faults:
    known = sorted(known)
    for name in names:
        if name not in known:
            choices = f"known: {', '.join(known)}" if known else "there is none"
            yield place, f"unknown {what} {name!r} ({choices})"


def _holidays(code: str, calendar: CalendarSection) -> Faults:
    if calendar.holidays is None:
        return
    import holidays

    countries = holidays.list_supported_countries()
    if calendar.holidays.country not in countries:
        yield (
            ("calendars", code, "holidays", "country"),
            f"unknown country {calendar.holidays.country!r}: expected an ISO 3166 code",
        )


def _card(code: str, card: RateCardSection, model: CatalogModel, folder: Path) -> Faults:
    place: Place = ("rate_cards", code)
    if card.calendar is not None:
        yield from _missing([card.calendar], model.calendars, "calendar", (*place, "calendar"))
    if card.file is not None and not (folder / card.file).is_file():
        yield (*place, "file"), f"no such file: {card.file}"
    calendar = model.calendars.get(card.calendar or "")
    bands = {band.band for band in calendar.bands} if calendar else set()
    for number, row in enumerate(card.rows):
        if row.band is not None and card.calendar is None:
            yield (*place, "rows", number, "band"), "the card has no calendar, so no bands"
        elif row.band is not None and calendar is not None:
            yield from _missing([row.band], bands, "band", (*place, "rows", number, "band"))
        for key in row.key:
            width = 1 if isinstance(key, str) else len(key)
            if width != len(card.keys):
                yield (
                    (*place, "rows", number, "key"),
                    f"expected {len(card.keys)} fields in a key, found {width}",
                )


def _plan(code: str, plan: PlanSection, model: CatalogModel) -> Faults:
    place: Place = ("plans", code)
    for price_code, price in plan.prices.items():
        yield from _price((*place, "prices", price_code), price, plan, model)
    if plan.minimum is not None:
        yield from _missing(plan.minimum.of, plan.prices, "price", (*place, "minimum", "of"))
    for number, phase in enumerate(plan.phases):
        yield from _missing(phase.prices, plan.prices, "price", (*place, "phases", number))
    for number, allowance in enumerate(plan.allowances):
        at = (*place, "allowances", number)
        yield from _missing(allowance.prices, plan.prices, "price", (*at, "prices"))
        meters = [*allowance.meters, *([allowance.meter] if allowance.meter else [])]
        yield from _missing(meters, model.meters, "meter", (*at, "meter"))


def _price(place: Place, price: PriceSection, plan: PlanSection, model: CatalogModel) -> Faults:
    if price.meter is not None:
        yield from _missing([price.meter], model.meters, "meter", (*place, "meter"))
    if price.tax is not None:
        taxes = [tax.code for tax in model.taxes]
        yield from _missing([price.tax], taxes, "tax", (*place, "tax"))
    parameters = price.model_parameters()
    card = getattr(parameters, "card", None)
    if card is not None:
        yield from _missing([card], model.rate_cards, "rate card", (*place, "card"))
    calendar_code = getattr(parameters, "calendar", None)
    if calendar_code is not None:
        yield from _missing([calendar_code], model.calendars, "calendar", (*place, "calendar"))
        calendar = model.calendars.get(calendar_code)
        if calendar is not None:
            yield from _bands(place, price, parameters, calendar)
    demand = getattr(parameters, "demand", None)
    if demand is not None:
        yield from _missing([demand], plan.prices, "price", (*place, "demand"))


def _bands(
    place: Place, price: PriceSection, parameters: object, calendar: CalendarSection
) -> Faults:
    bands = {band.band for band in calendar.bands}
    seasons = {season.season for season in calendar.seasons}
    rates = getattr(parameters, "rates", None) or {}
    if price.model == "demand":
        yield from _missing(rates, seasons, "season", (*place, "rates"))
        yield from _missing(
            getattr(parameters, "bands", None) or (), bands, "band", (*place, "bands")
        )
        return
    known = bands | {f"{season}.{band}" for season in seasons for band in bands}
    yield from _missing(rates, known, "band", (*place, "rates"))
