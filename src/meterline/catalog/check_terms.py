"""Checks of what a plan's commitments count, and of discounts and promotions. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

from meterline.catalog.check_prices import Faults, Known, missing
from meterline.catalog.plan_sections import CommitmentSection, PlanSection
from meterline.catalog.yaml import Place
from meterline.kernel.interval import Interval

if TYPE_CHECKING:
    from meterline.catalog.files import CatalogModel

_COUNTED = ("count", "sum")


def discount_faults(model: CatalogModel, prices: Iterable[str], plans: Iterable[str]) -> Faults:
    """Discounts name prices and plans, promotions name discounts and plans."""
    prices, plans = list(prices), list(plans)
    for number, discount in enumerate(model.discounts):
        place = ("discounts", number)
        yield from missing(discount.applies_to, prices, "price", (*place, "applies_to"))
        yield from missing(discount.plans, plans, "plan", (*place, "plans"))
    codes = [discount.code for discount in model.discounts]
    for number, promotion in enumerate(model.promotions):
        place = ("promotions", number)
        yield from missing([promotion.discount], codes, "discount", (*place, "discount"))
        yield from missing(promotion.plans, plans, "plan", (*place, "plans"))


def commitment_faults(
    place: Place, commitment: CommitmentSection, plan: PlanSection, known: Known
) -> Faults:
    """A commitment counts usage prices that add up, of intervals that fit into its own."""
    if (commitment.meter is None) == (not commitment.prices):
        yield place, "expected either `meter` or `prices`"
        return
    usage = {code: price for code, price in plan.prices.items() if price.kind == "usage"}
    counted = [code for code in commitment.prices if code in usage]
    if commitment.meter is None:
        yield from missing(commitment.prices, usage, "usage price", (*place, "prices"))
    else:
        at = (*place, "meter")
        yield from missing([commitment.meter], known.meters, "meter", at)
        counted = [code for code, price in usage.items() if price.meter == commitment.meter]
        if len(counted) != 1:
            yield at, f"expected one usage price of this meter in the plan, found {len(counted)}"
    field = "prices" if commitment.meter is None else "meter"
    longest = Fraction(*Interval.parse(commitment.interval).average_days)
    for code in counted:
        price = usage[code]
        if Fraction(*Interval.parse(price.interval).average_days) > longest:
            yield (*place, "interval"), f"expected no shorter interval than that of price {code}"
        aggregation = known.aggregation(price.meter) or "sum"
        if aggregation not in _COUNTED or price.model == "demand":
            text = f"price {code} does not add up over time: expected a meter that counts or sums"
            yield (*place, field), text
