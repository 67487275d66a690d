"""What catalogue files can say and the product does not do yet. It would be billed wrongly, so
applying refuses it by name."""

from __future__ import annotations

from collections.abc import Iterator

from meterline.catalog.plan_sections import PlanSection, PriceSection
from meterline.catalog.sections import MeterSection
from meterline.kernel.errors import NotSupported
from meterline.pricing.registry import all_models

_AGGREGATIONS = ("count", "sum", "max")


def refuse_unsupported(plans: dict[str, PlanSection], meters: dict[str, MeterSection]) -> None:
    """Raise NotSupported naming the first feature that cannot be billed."""
    for what in [*_of_meters(meters), *_of_plans(plans)]:
        raise NotSupported(what=what)


def _of_meters(meters: dict[str, MeterSection]) -> Iterator[str]:
    for code, meter in meters.items():
        if meter.aggregation not in _AGGREGATIONS:
            yield f"aggregation {meter.aggregation} (meter {code})"
        if meter.carry:
            yield f"carry (meter {code})"
        if meter.filter:
            yield f"filter (meter {code})"


def _of_plans(plans: dict[str, PlanSection]) -> Iterator[str]:
    for code, plan in plans.items():
        if plan.allowances:
            yield f"allowances (plan {code})"
        if plan.existing != "keep":
            yield f"existing: {plan.existing} (plan {code})"
        for price_code, price in plan.prices.items():
            yield from _of_price(f"{code}.{price_code}", price)


def _of_price(name: str, price: PriceSection) -> Iterator[str]:
    if price.model not in all_models():
        yield f"price model {price.model} (price {name})"
    if price.kind == "usage" and price.prorate:
        yield f"prorate on a usage price (price {name})"
