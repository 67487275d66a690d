"""Versions as catalogue files again: YAML that, applied, gives the same versions."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from meterline.catalog.models import Entry, PlanVersion

_SECTIONS = {"meter": "meters", "calendar": "calendars", "rate_card": "rate_cards"}
_LISTS = {"tax": "taxes", "discount": "discounts"}


@dataclass(frozen=True, kw_only=True)
class CatalogText:
    """One catalogue file, and the decks that belong beside it (file name -> digest)."""

    name: str
    text: str
    decks: dict[str, str]


def catalog_texts(plans: Sequence[PlanVersion], entries: Sequence[Entry]) -> list[CatalogText]:
    """A file for each currency and time zone of the plans, with the entries that they need."""
    groups: dict[tuple[str, str], list[PlanVersion]] = {}
    for plan in plans:
        groups.setdefault((plan.currency, plan.timezone), []).append(plan)
    return [_text(key, group, entries) for key, group in sorted(groups.items())]


def _text(
    key: tuple[str, str], plans: Sequence[PlanVersion], entries: Sequence[Entry]
) -> CatalogText:
    currency, timezone = key
    document: dict[str, Any] = {"currency": currency, "timezone": timezone}
    decks: dict[str, str] = {}
    needed = _needed(plans, entries)
    for entry in entries:
        if (entry.kind, entry.code) not in needed:
            continue
        body = dict(entry.body)
        if entry.kind == "rate_card":
            body.pop("timezone", None)
            if "deck" in body:
                decks[body["file"]] = body.pop("deck")
        if entry.kind in _SECTIONS:
            document.setdefault(_SECTIONS[entry.kind], {})[entry.code] = body
        else:
            document.setdefault(_LISTS[entry.kind], []).append({"code": entry.code, **body})
    document["plans"] = {
        plan.plan_code: {**plan.body, "effective": plan.effective.isoformat()} for plan in plans
    }
    name = f"{currency}-{timezone.replace('/', '-')}.yaml"
    return CatalogText(name=name, text=_yaml(document), decks=decks)


def _needed(plans: Sequence[PlanVersion], entries: Sequence[Entry]) -> set[tuple[str, str]]:
    """What the plans' prices name, what that names, and the discounts."""
    found = {(entry.kind, entry.code) for entry in entries if entry.kind == "discount"}
    for plan in plans:
        for price in plan.body["prices"].values():
            for kind, field in (
                ("meter", "meter"), ("tax", "tax"), ("rate_card", "card"), ("calendar", "calendar"),
            ):  # fmt: skip
                if isinstance(price.get(field), str):
                    found.add((kind, price[field]))
        for allowance in plan.body.get("allowances") or ():
            found |= {("meter", code) for code in [allowance.get("meter")] if code}
    cards = {entry.code: entry.body for entry in entries if entry.kind == "rate_card"}
    for kind, code in list(found):
        if kind == "rate_card" and cards.get(code, {}).get("calendar"):
            found.add(("calendar", cards[code]["calendar"]))
    return found


def _yaml(document: dict[str, Any]) -> str:
    writer = YAML()
    writer.width = 100
    writer.default_flow_style = None
    out = io.StringIO()
    writer.dump(_quoted(document), out)
    return out.getvalue()


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
