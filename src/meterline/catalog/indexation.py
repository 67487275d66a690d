"""Indexation: a plan's amounts raised by a percentage from a day on, compounding. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from meterline.catalog.plan_sections import IndexSection, PlanSection
from meterline.catalog.resolve import overridden_price
from meterline.kernel.money import round_fraction

MONEY_FIELDS = (
    "amount", "unit_amount", "flat_amount", "fixed_amount", "min_per_event", "max_per_event",
    "minimum_amount", "maximum_amount",
)  # fmt: skip
_PLACES = 10  # as many as amounts of the catalogue have

Overrides = Mapping[str, Mapping[str, Any]]


def indexed(body: Mapping[str, Any], overrides: Overrides) -> dict[date, dict[str, dict[str, Any]]]:
    """What a plan's prices, `overrides` among them, become: by the day from which it holds, the
    overrides that say so."""
    steps = _steps(body, overrides)
    found: dict[date, dict[str, dict[str, Any]]] = {}
    current = {code: dict(changes) for code, changes in overrides.items()}
    for since in sorted({step.from_ for of_price in steps.values() for step in of_price}):
        for code, of_price in steps.items():
            for step in of_price:
                if step.from_ == since:
                    price = overridden_price(body["prices"][code], current.get(code, {}))
                    current[code] = {**current.get(code, {}), **raised(price, step)}
        found[since] = {code: dict(changes) for code, changes in current.items()}
    return found


def raised(price: Mapping[str, Any], step: IndexSection) -> dict[str, Any]:
    """The fields of a price that hold amounts, raised by one step."""
    fields = {name: value for name, value in price.items() if name not in ("policy", "indexation")}
    new = _raised(fields, step, "")
    return {name: new[name] for name, value in fields.items() if new[name] != value}


def _steps(body: Mapping[str, Any], overrides: Overrides) -> dict[str, list[IndexSection]]:
    """The steps of each price: its own, else those of the plan that name it."""
    plan = [IndexSection.model_validate(one) for one in body.get("indexation") or ()]
    found = {}
    for code, written in body["prices"].items():
        own = overrides.get(code, {}).get("indexation", written.get("indexation"))
        if own is not None:
            found[code] = [IndexSection.model_validate(one) for one in own]
            continue
        recurring = written["kind"] == "recurring"
        found[code] = [one for one in plan if code in one.prices or (recurring and not one.prices)]
    return found


def _raised(value: Any, step: IndexSection, name: str) -> Any:
    match value:
        case Mapping():
            return {key: _raised(inner, step, str(key)) for key, inner in value.items()}
        case list() | tuple():
            return [_raised(inner, step, name) for inner in value]
    if name not in MONEY_FIELDS or value is None:
        return value
    text, slash, unit = str(value).partition("/")
    exact = Fraction(Decimal(text)) * (100 + Fraction(step.percent)) / 100
    mode, places = (step.round.mode, step.round.decimals) if step.round else ("half_up", _PLACES)
    amount = round_fraction(exact, places, mode)
    return f"{amount.normalize():f}{slash}{unit}"


def not_indexed(plan: PlanSection) -> dict[str, str]:
    """The prices of a plan that hold no amount to raise: code -> model."""
    return {
        code: price.model
        for code, price in plan.prices.items()
        if not _holds_amount(price.parameters) and price.minimum_amount is None
    }


def _holds_amount(value: Any) -> bool:
    match value:
        case Mapping():
            return any(key in MONEY_FIELDS or _holds_amount(one) for key, one in value.items())
        case list() | tuple():
            return any(map(_holds_amount, value))
    return False
