"""Checks of a plan's allowances: what they cover, and whether that can be covered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from meterline.catalog.check_prices import Faults, Known, missing
from meterline.catalog.plan_sections import AllowanceSection, PriceSection
from meterline.catalog.yaml import Place
from meterline.rating.allowance import unfit

Prices = Mapping[str, PriceSection]


def allowance_faults(
    place: Place, allowance: AllowanceSection, prices: Prices, known: Known
) -> Faults:
    """What an allowance's fields say that does not go together, or that its plan's prices do not
    allow. `prices`: the sound ones of the plan."""
    for name, text in allowance.contradictions():
        yield (*place, name), text
    meters = allowance.all_meters
    for number, code in enumerate(allowance.prices):
        price = prices.get(code)
        if price is None:
            continue
        at = (*place, "prices", number)
        if price.kind != "usage":
            yield at, f"expected a usage price; {code} is {price.kind}"
        elif meters and price.meter not in meters and price.meter in known.meters:
            yield at, f"price {code} goes by meter {price.meter}, not by {' or '.join(meters)}"
    covered = {code: one for code, one in prices.items() if _covers(allowance, code, one)}
    for code, price in covered.items():
        for text in _unfit(allowance, price, known):
            field = "prices" if allowance.prices else "meter"
            yield (*place, field), f"{text} (price {code})"
    if allowance.bands:
        yield from _bands(place, allowance, covered, known)


def override_faults(
    place: Place,
    allowances: Iterable[AllowanceSection],
    code: str,
    price: PriceSection,
    known: Known,
) -> Faults:
    """Why allowances cannot cover a price as an override makes it."""
    for allowance in allowances:
        if _covers(allowance, code, price):
            for text in _unfit(allowance, price, known):
                yield place, f"{text} (allowance {allowance.code})"


def _covers(allowance: AllowanceSection, code: str, price: PriceSection) -> bool:
    meters = allowance.all_meters
    return (
        price.kind == "usage"
        and (not meters or price.meter in meters)
        and (not allowance.prices or code in allowance.prices)
    )


def _unfit(allowance: AllowanceSection, price: PriceSection, known: Known) -> Iterator[str]:
    meter = known.meter_sections.get(price.meter or "")
    if meter is None:
        return
    text = unfit(
        price.model, meter.aggregation, money=allowance.unit == "money",
        converted=meter.factor is not None, free_units=bool(price.parameters.get("free_units")),
        banded=bool(allowance.bands), calendar=_calendar(price, known) is not None,
    )  # fmt: skip
    if text is not None:
        yield text


def _calendar(price: PriceSection, known: Known) -> str | None:
    """The calendar by which a price's events have bands."""
    if price.model == "rate_card":
        return known.card_calendars.get(str(price.parameters.get("card")))
    calendar = price.parameters.get("calendar")
    return None if calendar is None else str(calendar)


def _bands(place: Place, allowance: AllowanceSection, covered: Prices, known: Known) -> Faults:
    """Bands must be those of a calendar that one of the prices goes by."""
    named = (_calendar(price, known) for price in covered.values())
    codes = {code for code in named if code is not None}
    calendars = [known.calendars[code] for code in codes if code in known.calendars]
    if calendars and len(calendars) == len(codes):
        bands = {band.band for calendar in calendars for band in calendar.bands}
        yield from missing(allowance.bands, bands, "band", (*place, "bands"))
