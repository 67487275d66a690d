"""Checks of a plan's prices beyond their fields: parameters, and what they name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from meterline.catalog.faults import faults
from meterline.catalog.plan_sections import PriceSection
from meterline.catalog.reach import unpriced
from meterline.catalog.sections import CalendarSection, MeterSection
from meterline.catalog.yaml import Place
from meterline.kernel.interval import Interval, InvalidInterval

_SHOWN = 20
Faults = Iterator[tuple[Place, str]]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What there is to name. `calendars` and `meter_sections` hold the sound ones, to look into;
    `card_calendars` the calendars of rate cards."""

    meters: frozenset[str] = frozenset()
    calendar_codes: frozenset[str] = frozenset()
    rate_cards: frozenset[str] = frozenset()
    taxes: frozenset[str] = frozenset()
    calendars: Mapping[str, CalendarSection]
    meter_sections: Mapping[str, MeterSection] = field(default_factory=dict)
    card_calendars: Mapping[str, str | None] = field(default_factory=dict)

    def aggregation(self, meter: str | None) -> str | None:
        """How a meter's events come together, if it is a sound one."""
        section = self.meter_sections.get(meter or "")
        return None if section is None else section.aggregation


def missing(names: Iterable[str], known: Iterable[str], what: str, place: Place) -> Faults:
    """A fault for each name that is not known."""
    known = sorted(known)
    for name in names:
        if name not in known:
            shown = [*known[:_SHOWN], *(["..."] if len(known) > _SHOWN else [])]
            choices = f"expected one of {', '.join(shown)}" if known else "there is none"
            yield place, f"unknown {what} {name!r} ({choices})"


def price_faults(
    place: Place, price: PriceSection, *, prices: Mapping[str, Any], known: Known
) -> Faults:
    """All faults of a price. `prices`: those of its plan by code, as written."""
    for text in price.contradictions():
        yield place, text
    if price.meter is not None:
        yield from missing([price.meter], known.meters, "meter", (*place, "meter"))
        yield from _aggregation(place, price, known.aggregation(price.meter))
    if price.tax is not None:
        yield from missing([price.tax], known.taxes, "tax", (*place, "tax"))
    try:
        parameters = price.model_parameters()
    except ValidationError as error:
        for inner, message in faults(price.parameters, error):
            yield (*place, *inner), message
        return
    card = getattr(parameters, "card", None)
    if card is not None:
        yield from missing([card], known.rate_cards, "rate card", (*place, "card"))
    calendar = getattr(parameters, "calendar", None)
    if calendar is not None:
        at = (*place, "calendar")
        yield from missing([calendar], known.calendar_codes, "calendar", at)
        if calendar in known.calendars:
            yield from _bands(place, price, parameters, known.calendars[calendar])
    yield from _demand(place, price, parameters, prices)
    if price.model == "matrix":
        yield from _cells(place, price, parameters)
    if price.model == "percent_of":
        codes = [code for code in parameters.of if code != place[-1]]  # type: ignore[attr-defined]
        yield from missing(codes, prices, "price", (*place, "of"))


def _aggregation(place: Place, price: PriceSection, aggregation: str | None) -> Faults:
    """Models that look at intervals take meters whose intervals add up, or are readings."""
    taken = {"time_of_use": ("sum", "count"), "demand": ("sum", "max")}.get(price.model)
    if taken is not None and aggregation is not None and aggregation not in taken:
        text = f"model {price.model}: expected a meter of aggregation {' or '.join(taken)}"
        yield (*place, "meter"), f"{text}, not {aggregation}"


def _cells(place: Place, price: PriceSection, parameters: Any) -> Faults:
    """The cells of a matrix name properties of its `by`."""
    for number, cell in enumerate(parameters.cells):
        at = (*place, "cells", number, "when")
        yield from missing(cell.when, price.by, "property", at)


def rider_cycles(place: Place, prices: Mapping[str, Any]) -> Faults:
    """Riders (of `prices` as written) that count themselves, directly or through others."""
    counted = {
        code: [str(one) for one in body.get("of", ())]
        for code, body in prices.items()
        if isinstance(body, Mapping)
        and body.get("model") == "percent_of"
        and isinstance(body.get("of"), list | tuple)
    }
    for code in counted:
        path = _path_back(code, counted)
        if path:
            text = f"expected no cycle: {' of '.join(path)}"
            yield (*place, code, "of"), text


def _path_back(code: str, counted: Mapping[str, list[str]]) -> list[str]:
    """The shortest way from a rider back to itself; empty where there is none."""
    paths = [[code]]
    seen: set[str] = set()
    for path in paths:
        for inner in counted.get(path[-1], ()):
            if inner == code:
                return [*path, code]
            if inner not in seen:
                seen.add(inner)
                paths.append([*path, inner])
    return []


def _bands(place: Place, price: PriceSection, parameters: Any, calendar: CalendarSection) -> Faults:
    bands = {band.band for band in calendar.bands}
    seasons = {season.season for season in calendar.seasons}
    rates = getattr(parameters, "rates", None) or {}
    if price.model == "demand":
        yield from missing(rates, seasons, "season", (*place, "rates"))
        counted = getattr(parameters, "bands", None) or ()
        yield from missing(counted, bands, "band", (*place, "bands"))
        return
    possible = bands | {f"{season}.{band}" for season in seasons for band in bands}
    unknown = list(missing(rates, possible, "band", (*place, "rates")))
    yield from unknown
    without = list(unpriced(calendar, rates))
    if without and not unknown:
        yield (*place, "rates"), f"expected a rate for {', '.join(without)} too"


def _demand(
    place: Place, price: PriceSection, parameters: Any, prices: Mapping[str, Any]
) -> Faults:
    """`/demand` tiers need the plan's demand price, for the same periods."""
    demand_prices = [code for code, body in prices.items() if _says(body, "model") == "demand"]
    named = getattr(parameters, "demand", None)
    if named is not None:
        yield from missing([named], demand_prices, "demand price", (*place, "demand"))
    rates = (getattr(parameters, "rates", None) or {}).values()
    tiers = [*(getattr(parameters, "tiers", None) or ())]
    tiers += [tier for rate in rates for tier in getattr(rate, "tiers", None) or ()]
    if not any(tier.up_to is not None and tier.up_to.per == "demand" for tier in tiers):
        return
    if not demand_prices:
        yield place, "a tier is per demand: expected a price of model demand in the plan"
    elif named is None and len(demand_prices) > 1:
        yield place, f"expected `demand:` with one of the demand prices {', '.join(demand_prices)}"
    elif (code := named or demand_prices[0]) in demand_prices:
        every = _says(prices[code], "interval") or "month"
        if not _same_interval(every, price.interval):
            text = f"a tier is per demand: expected the interval of {code}, {every}"
            yield (*place, "interval"), f"{text}, not {price.interval}"


def _says(body: Any, field: str) -> str:
    return str(body.get(field, "")) if isinstance(body, Mapping) else ""


def _same_interval(text: str, other: str) -> bool:
    """Also where the first one is none, which is told at its own place."""
    try:
        return Interval.parse(text) == Interval.parse(other)
    except InvalidInterval:
        return True
