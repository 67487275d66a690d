"""Checks of a plan's lifecycle keys: add-ons, bundles, terms, indexation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from meterline.catalog.check_prices import Faults, Known, missing
from meterline.catalog.indexation import not_indexed
from meterline.catalog.plan_sections import IndexSection, PlanSection
from meterline.catalog.yaml import Place


def plan_faults(
    place: Place,
    code: str,
    plan: PlanSection,
    *,
    plans: Mapping[str, PlanSection],
    plan_codes: Iterable[str],
    prices: Iterable[str],
    known: Known,
) -> Faults:
    """Faults of a plan's lifecycle keys. `plans`: the sound ones; `plan_codes`: all of the file;
    `prices`: codes of the plan's own."""
    yield from missing(plan.addon_to, plan_codes, "plan", (*place, "addon_to"))
    if code in plan.addon_to:
        yield (*place, "addon_to"), "expected other plans than this one"
    if plan.addon_quantity == "base" and not plan.addon_to:
        yield (*place, "addon_quantity"), "only an add-on (`addon_to`) has its base's quantity"
    if plan.addon_to and plan.includes:
        yield (*place, "includes"), "an add-on brings no others along"
    for number, one in enumerate(plan.includes):
        at = (*place, "includes", number, "plan")
        yield from missing([one.plan], plan_codes, "plan", at)
        addon = plans.get(one.plan)
        if addon is not None and code not in addon.addon_to:
            yield at, f"expected an add-on: plan {one.plan} with {code} in its `addon_to`"
    if plan.term and plan.term.early_fee and plan.term.early_fee.tax is not None:
        at = (*place, "term", "early_fee", "tax")
        yield from missing([plan.term.early_fee.tax], known.taxes, "tax", at)
    yield from _indexation((*place, "indexation"), plan.indexation, plan, list(prices))
    for price_code, price in plan.prices.items():
        at = (*place, "prices", price_code, "indexation")
        for number, step in enumerate(price.indexation or ()):
            if step.prices:
                yield (*at, number, "prices"), "expected none: it is this price's own"
        yield from _in_order(at, price.indexation or ())
        if price.indexation and price_code in not_indexed(plan):
            yield at, f"a price of model {price.model} has no amount to raise"


def _indexation(
    place: Place, steps: tuple[IndexSection, ...], plan: PlanSection, prices: list[str]
) -> Faults:
    for number, step in enumerate(steps):
        at = (*place, number, "prices")
        yield from missing(step.prices, prices, "price", at)
        for code, model in not_indexed(plan).items():
            if code in step.prices:
                yield at, f"price {code} of model {model} has no amount to raise"
    yield from _in_order(place, steps)


def _in_order(place: Place, steps: tuple[IndexSection, ...]) -> Faults:
    for number, (one, following) in enumerate(pairwise(steps), start=1):
        if following.from_ < one.from_:
            yield (*place, number, "from"), f"expected {one.from_} or later: the steps are in order"
