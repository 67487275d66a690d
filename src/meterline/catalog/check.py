"""References between the sections of a catalogue: what is named, and whether it is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from meterline.catalog.check_allowances import allowance_faults, override_faults
from meterline.catalog.check_cards import Bands, inline_rows, row_faults
from meterline.catalog.check_plans import plan_faults
from meterline.catalog.check_prices import Faults, Known, missing, price_faults, rider_cycles
from meterline.catalog.check_terms import commitment_faults, discount_faults
from meterline.catalog.faults import faults
from meterline.catalog.plan_sections import (
    PhaseSection,
    PlanSection,
    PriceSection,
)
from meterline.catalog.resolve import overridden_price
from meterline.catalog.sections import CalendarSection, RateCardSection
from meterline.catalog.yaml import Place

if TYPE_CHECKING:
    from meterline.catalog.files import CatalogModel


def zone(name: str) -> None:
    """Raise ValueError unless `name` is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name!r}: expected such as Europe/Rome") from None


def known_in(data: Mapping[str, Any], model: CatalogModel) -> Known:
    """What a file's prices may name: also what is there with faults."""
    taxes = data.get("taxes")
    return Known(
        meters=_codes(data.get("meters")),
        calendar_codes=_codes(data.get("calendars")),
        rate_cards=_codes(data.get("rate_cards")),
        taxes=_codes(
            one.get("code")
            for one in (taxes if isinstance(taxes, list) else ())
            if isinstance(one, Mapping)
        ),
        calendars=model.calendars,
        meter_sections=model.meters,
        card_calendars={code: card.calendar for code, card in model.rate_cards.items()},
    )


def _codes(section: Any) -> frozenset[str]:
    return frozenset(map(str, section)) if isinstance(section, Iterable) else frozenset()


def references(model: CatalogModel, data: Mapping[str, Any]) -> Faults:
    """Every fault that the sections do not have by themselves. `model` holds the sound parts of
    `data`."""
    known = known_in(data, model)
    for code, calendar in model.calendars.items():
        yield from _calendar(("calendars", code), calendar)
    for code, card in model.rate_cards.items():
        yield from _card(("rate_cards", code), card, known)
    lists: dict[str, Sequence[Any]] = {
        "taxes": model.taxes,
        "discounts": model.discounts,
        "promotions": model.promotions,
    }
    for section, rows in lists.items():
        yield from _twice((one.code for one in rows), (section,), "code")
    for number, tax in enumerate(model.taxes):
        regions = ((rate.region, rate.from_) for rate in tax.rates)
        yield from _twice(regions, ("taxes", number, "rates"), "region")
    prices = [price for plan in _plans(data) for price in _prices(plan)]
    yield from discount_faults(model, prices, _codes(data.get("plans")))
    for code, plan in model.plans.items():
        yield from _plan(("plans", code), plan, data["plans"][code], known)
        yield from plan_faults(
            ("plans", code), code, plan, plans=model.plans, plan_codes=_codes(data["plans"]),
            prices=_prices(data["plans"][code]), known=known,
        )  # fmt: skip


def _plans(data: Mapping[str, Any]) -> list[Any]:
    plans = data.get("plans")
    return list(plans.values()) if isinstance(plans, Mapping) else []


def _prices(plan: Any) -> dict[str, Any]:
    prices = plan.get("prices") if isinstance(plan, Mapping) else None
    return dict(prices) if isinstance(prices, Mapping) else {}


def _twice(keys: Iterable[Any], place: Place, field: str) -> Faults:
    seen = set()
    for number, key in enumerate(keys):
        if key in seen:
            shown = key[0] if isinstance(key, tuple) else key
            yield (*place, number, field), f"expected once; {shown!r} is there already"
        seen.add(key)


def _calendar(place: Place, calendar: CalendarSection) -> Faults:
    try:
        zone(calendar.timezone)
    except ValueError as error:
        yield (*place, "timezone"), str(error)
    yield from _twice((season.season for season in calendar.seasons), (*place, "seasons"), "season")
    if calendar.holidays is None:
        return
    import holidays

    country, part = calendar.holidays.country, calendar.holidays.subdivision
    countries = holidays.list_supported_countries()
    if country not in countries:
        text = f"unknown country {country!r}: expected an ISO 3166 code"
        yield (*place, "holidays", "country"), text
    elif part is not None:
        at = (*place, "holidays", "subdivision")
        yield from missing([part], countries[country], "subdivision", at)


def _card(place: Place, card: RateCardSection, known: Known) -> Faults:
    if card.calendar is not None:
        at = (*place, "calendar")
        yield from missing([card.calendar], known.calendar_codes, "calendar", at)
    width = len(card.keys)
    for number, row in enumerate(card.rows):
        for key in row.key:
            found = 1 if isinstance(key, str) else len(key)
            if found != width:
                text = f"expected {width} fields in a key, found {found}"
                yield (*place, "rows", number, "key"), text
    if card.rows:
        bands = Bands.of(card, known.calendars.get(card.calendar or ""))
        for fault in row_faults(inline_rows(card), bands):
            field = "band" if fault.field == "band" else "key"
            yield (*place, "rows", fault.row, field), fault.message


def _plan(place: Place, plan: PlanSection, data: Mapping[str, Any], known: Known) -> Faults:
    written = _prices(data)
    for code, price in plan.prices.items():
        yield from price_faults((*place, "prices", code), price, prices=written, known=known)
    yield from rider_cycles((*place, "prices"), written)
    if plan.minimum is not None:
        yield from missing(plan.minimum.of, written, "price", (*place, "minimum", "of"))
    yield from _twice((one.code for one in plan.commitments), (*place, "commitments"), "code")
    for number, commitment in enumerate(plan.commitments):
        yield from commitment_faults((*place, "commitments", number), commitment, plan, known)
    for number, phase in enumerate(plan.phases):
        at = (*place, "phases", number, "prices")
        yield from missing(phase.prices, written, "price", at)
        yield from _phase(at, phase, written, plan, known)
    yield from _twice((one.code for one in plan.allowances), (*place, "allowances"), "code")
    for number, allowance in enumerate(plan.allowances):
        at = (*place, "allowances", number)
        yield from missing(allowance.prices, written, "price", (*at, "prices"))
        field = "meters" if allowance.meters else "meter"
        yield from missing(allowance.all_meters, known.meters, "meter", (*at, field))
        yield from allowance_faults(at, allowance, plan.prices, known)


def _phase(
    place: Place,
    phase: PhaseSection,
    written: Mapping[str, Any],
    plan: PlanSection,
    known: Known,
) -> Iterator[tuple[Place, str]]:
    """A phase's overrides are as right as the prices that they make."""
    prices = {code: written[code] for code in plan.prices}
    for code, changes in phase.prices.items():
        if code not in prices:
            continue
        body = overridden_price(prices[code], changes)
        try:
            price = PriceSection.model_validate(body)
        except ValidationError as error:
            for inner, message in faults(body, error):
                yield (*place, code, *inner), message
            continue
        yield from price_faults((*place, code), price, prices=written, known=known)
        yield from override_faults((*place, code), plan.allowances, code, price, known)
    merged = {
        code: overridden_price(body, phase.prices.get(code, {})) for code, body in prices.items()
    }
    if phase.prices:
        yield from rider_cycles(place, merged)
