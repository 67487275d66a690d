"""From a checked file to what is stored: bodies with every default resolved, and digests. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from meterline.catalog.plan_sections import PlanSection, PriceSection
from meterline.catalog.sections import PolicySection
from meterline.kernel.policy import DEFAULT_POLICY

Body = dict[str, Any]


def plan_body(data: Mapping[str, Any], plan: PlanSection, catalogue: PolicySection | None) -> Body:
    """A plan as stored: as written, with the policy merged from catalogue and plan, and with each
    price's policy."""
    policy = {**asdict(DEFAULT_POLICY), **_given(catalogue), **_given(plan.policy)}
    body = plain(data)
    body.pop("effective", None)
    body["policy"] = policy
    prices = body.get("prices", {})
    for code, price in plan.prices.items():
        prices[code]["policy"] = {**policy, **_given(price.policy)}
    return body


def _given(policy: PolicySection | None) -> dict[str, str]:
    return policy.resolved() if policy else {}


def price_columns(code: str, price: PriceSection) -> dict[str, Any]:
    """The columns of a price's row beside its body."""
    timing = price.timing or ("advance" if price.kind == "recurring" else "arrears")
    return {
        "code": code,
        "name": price.name or spoken(code),
        "kind": price.kind,
        "model": price.model,
        "interval": price.interval,
        "timing": timing,
        "prorate": price.kind == "recurring" if price.prorate is None else price.prorate,
        "due": (price.due or "activation") if price.kind == "one_time" else None,
        "tax_code": price.tax,
        "meter_code": price.meter,
    }


def spoken(code: str) -> str:
    """A name made from a code, where none is given."""
    return code.replace("_", " ").replace("-", " ").capitalize()


def overridden(body: Body, overrides: Mapping[str, Mapping[str, Any]]) -> Body:
    """A plan's body with some prices' fields replaced."""
    prices = {code: dict(price) for code, price in body["prices"].items()}
    for code, changes in overrides.items():
        prices[code] = overridden_price(prices[code], changes)
    return {**body, "prices": prices}


def overridden_price(price: Mapping[str, Any], changes: Mapping[str, Any]) -> Body:
    """A price's body with some fields replaced; of a policy, those that the changes name."""
    merged = {**price, **plain(changes)}
    before, given = price.get("policy"), merged.get("policy")
    if isinstance(before, Mapping) and isinstance(given, Mapping):
        both = given.get("boundary_day")
        spread = {"change_day": both, "cancel_day": both} if both is not None else {}
        named = {name: value for name, value in given.items() if name != "boundary_day"}
        merged["policy"] = {**before, **spread, **named}
    return merged


def plain(value: Any) -> Any:
    """Data as JSON can hold it: decimals as text, dates as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value


def digest(body: Any) -> str:
    """A digest of what a body says, whatever the order of its keys."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
