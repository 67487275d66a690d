"""What catalogue files can say and the product does not do yet. It would be billed wrongly, so
applying refuses it by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from meterline.catalog.plan_sections import PlanSection, PriceSection
from meterline.catalog.sections import MeterSection
from meterline.kernel.errors import NotSupported
from meterline.pricing.registry import all_models

Plans = Mapping[str, PlanSection]
Meters = Mapping[str, MeterSection]
_AGGREGATIONS = ("count", "sum", "max")


def refuse_unsupported(plans: Plans, meters: Meters) -> None:
    """Raise NotSupported naming all that cannot be billed."""
    found = unsupported(plans, meters)
    if found:
        raise NotSupported(what="; ".join(found))


def refuse_unsupported_price(name: str, price: PriceSection) -> None:
    """Raise NotSupported where a single price cannot be billed."""
    for what in _of_price(name, price):
        raise NotSupported(what=what)


def unsupported(plans: Plans, meters: Meters) -> list[str]:
    """What a catalogue uses that cannot be billed; meters count where a price uses them."""
    used = {price.meter for plan in plans.values() for price in plan.prices.values()}
    of_meters = _of_meters({code: one for code, one in meters.items() if code in used})
    return [*of_meters, *_of_plans(plans)]


def _of_meters(meters: Mapping[str, MeterSection]) -> Iterator[str]:
    for code, meter in meters.items():
        if meter.aggregation not in _AGGREGATIONS:
            yield f"aggregation {meter.aggregation} (meter {code})"
        if meter.carry:
            yield f"carry (meter {code})"
        if meter.filter:
            yield f"filter (meter {code})"


def _of_plans(plans: Mapping[str, PlanSection]) -> Iterator[str]:
    for code, plan in plans.items():
        if plan.allowances:
            yield f"allowances (plan {code})"
        for price_code, price in plan.prices.items():
            yield from _of_price(f"{code}.{price_code}", price)


def _of_price(name: str, price: PriceSection) -> Iterator[str]:
    if price.model not in all_models():
        yield f"price model {price.model} (price {name})"
    if price.kind == "usage" and price.prorate:
        yield f"prorate on a usage price (price {name})"
