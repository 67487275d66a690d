"""Versions as catalogue files again: YAML that, applied, gives the same versions."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from meterline.catalog.models import Entry, PlanVersion
from meterline.kernel.policy import DEFAULT_POLICY

_ORDER = (
    "currency", "timezone", "meters", "calendars", "rate_cards", "taxes", "discounts",
    "promotions", "plans", "code", "season", "band", "key", "name", "effective", "existing",
    "trial", "term", "addon_to", "addon_quantity", "includes", "indexation", "kind", "meter",
    "aggregation", "interval", "timing", "due", "prorate", "by", "model", "calendar", "card",
    "field", "for", "up_to", "days", "from", "to", "price", "per", "increment", "connection_fee",
    "amount", "unit_amount", "percent", "seasons", "bands", "steps",
)  # fmt: skip
_OF_CODES = ("meters", "calendars", "rate_cards", "plans", "prices", "rates", "filter")
_SECTIONS = {"meter": "meters", "calendar": "calendars", "rate_card": "rate_cards"}
_NAMES = {"meter": "meter", "tax": "tax", "rate_card": "card", "calendar": "calendar"}
_LISTS = {"tax": "taxes", "discount": "discounts", "promotion": "promotions"}


@dataclass(frozen=True, kw_only=True)
class CatalogText:
    """One catalogue file, and the decks that belong beside it (file name -> digest)."""

    name: str
    text: str
    decks: dict[str, str]


def catalog_texts(
    plans: Sequence[PlanVersion], entries: Sequence[Entry], *, whole: bool
) -> list[CatalogText]:
    """A file for each currency and time zone of the plans, with the entries that they need; of the
    `whole` catalogue, the first one also holds the entries that no plan needs.

    A discount is only in files that have all the prices and plans that it names, a promotion where
    its discount is.
    """
    groups: dict[tuple[str, str], list[PlanVersion]] = {}
    for plan in plans:
        groups.setdefault((plan.currency, plan.timezone), []).append(plan)
    needed = {key: needs(group, entries) for key, group in groups.items()}
    spare = {(one.kind, one.code) for one in entries}.difference(*needed.values())
    texts: list[CatalogText] = []
    for key, group in sorted(groups.items()):
        wanted = needed[key] | (spare if whole and not texts else set())
        texts.append(_text(key, group, [one for one in entries if (one.kind, one.code) in wanted]))
    return texts


def _text(
    key: tuple[str, str], plans: Sequence[PlanVersion], entries: Sequence[Entry]
) -> CatalogText:
    currency, timezone = key
    document: dict[str, Any] = {"currency": currency, "timezone": timezone}
    decks: dict[str, str] = {}
    prices = {code for plan in plans for code in plan.body["prices"]}
    for entry in entries:
        body = dict(entry.body)
        if entry.kind == "rate_card":
            body.pop("timezone", None)
            if "deck" in body:
                decks[body["file"]] = body.pop("deck")
        if entry.kind in _SECTIONS:
            document.setdefault(_SECTIONS[entry.kind], {})[entry.code] = body
        elif _all_there(entry, body, prices, {plan.plan_code for plan in plans}, document):
            document.setdefault(_LISTS[entry.kind], []).append({"code": entry.code, **body})
    document["plans"] = {plan.plan_code: _plan(plan) for plan in plans}
    name = f"{currency}-{timezone.replace('/', '-')}.yaml"
    return CatalogText(name=name, text=_yaml(document), decks=decks)


def _all_there(
    entry: Entry, body: dict[str, Any], prices: set[str], plans: set[str], document: dict[str, Any]
) -> bool:
    """Whether a file has all that a discount or promotion names; discounts come first."""
    if entry.kind not in ("discount", "promotion"):
        return True
    discounts = {one["code"] for one in document.get("discounts") or ()}
    return (
        prices.issuperset(body.get("applies_to") or ())
        and plans.issuperset(body.get("plans") or ())
        and (entry.kind == "discount" or body["discount"] in discounts)
    )


def _plan(plan: PlanVersion) -> dict[str, Any]:
    """A plan as one would write it: prices in their first order, which JSON loses, and of its
    policies what does not hold anyway."""
    body, policy = plan.body, plan.body["policy"]
    prices = {}
    for row in sorted(plan.prices.all(), key=lambda row: row.pk):
        price = dict(body["prices"][row.code])
        prices[row.code] = _with_policy(price, _beside(price["policy"], policy))
    start = {} if plan.effective == date.min else {"effective": plan.effective.isoformat()}
    written = _with_policy({**body, **start}, _beside(policy, asdict(DEFAULT_POLICY)))
    return {**written, "prices": prices}


def _beside(policy: dict[str, str], outer: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in policy.items() if outer.get(name) != value}


def _with_policy(body: dict[str, Any], policy: dict[str, str]) -> dict[str, Any]:
    rest = {name: value for name, value in body.items() if name != "policy"}
    return {**rest, "policy": policy} if policy else rest


def needs(plans: Sequence[PlanVersion], entries: Sequence[Entry]) -> set[tuple[str, str]]:
    """(kind, code) of what the plans' prices name, of what that names, and of the discounts
    and promotions."""
    found = {(one.kind, one.code) for one in entries if one.kind in ("discount", "promotion")}
    for plan in plans:
        phases = plan.body.get("phases") or ()
        for prices in (plan.body["prices"], *(phase.get("prices") or {} for phase in phases)):
            for price in prices.values():
                found |= {
                    (kind, price[field])
                    for kind, field in _NAMES.items()
                    if isinstance(price.get(field), str)
                }
        fee = (plan.body.get("term") or {}).get("early_fee") or {}
        if fee.get("tax"):
            found.add(("tax", fee["tax"]))
        for allowance in plan.body.get("allowances") or ():
            codes = [allowance.get("meter"), *(allowance.get("meters") or ())]
            found |= {("meter", code) for code in codes if code}
    cards = {one.code: one.body for one in entries if one.kind == "rate_card"}
    for kind, code in list(found):
        if kind == "rate_card" and cards.get(code, {}).get("calendar"):
            found.add(("calendar", cards[code]["calendar"]))
    return found


def _yaml(document: dict[str, Any]) -> str:
    writer = YAML()
    writer.width = 100
    writer.default_flow_style = None
    out = io.StringIO()
    writer.dump(_quoted(_ordered(document)), out)
    return out.getvalue()


def _ordered(value: Any, parent: str = "") -> Any:
    """Keys in the order in which people write them; codes as they are."""
    match value:
        case dict():
            keys = list(value) if parent in _OF_CODES else sorted(value, key=_turn)
            return {key: _ordered(value[key], key) for key in keys}
        case list():
            return [_ordered(inner) for inner in value]
    return value


def _turn(key: str) -> int:
    return _ORDER.index(key) if key in _ORDER else len(_ORDER)


def _quoted(value: Any) -> Any:
    """Texts that YAML would read as something else are quoted."""
    match value:
        case dict():
            return {_quoted(key): _quoted(inner) for key, inner in value.items()}
        case list():
            return [_quoted(inner) for inner in value]
        case str() if not value.replace("_", "").replace("-", "").isalpha():
            return DoubleQuotedScalarString(value)
    return value
