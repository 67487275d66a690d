"""The sound parts of a faulty catalogue, so that they are checked too. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meterline.catalog.yaml import Place, unfit_character

_OVERLONG = re.compile(r"\s*[-+]?[0-9_.]+[eE][-+]?[0-9_]{4,}\s*")
_ITEMS: dict[str, dict[str, Any]] = {  # lists keep their places, so that lines stay right
    "taxes": {"rates": [{"region": "*", "percent": 0}]},
    "discounts": {"percent": 0},
    "promotions": {"discount": "*"},
    "allowances": {"amount": 1},
    "commitments": {"prices": ["*"], "quantity": 1, "shortfall": {"unit_amount": 0}},
    "phases": {"for": "month"},
}
_ESSENTIAL = ("kind", "model", "meter")  # without them a price has faults of another kind
_REQUIRED = {"currency": "EUR"}


def unfit_values(data: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Texts that no database can hold, and numbers with exponents of four digits and more."""
    match data:
        case Mapping():
            for key, value in data.items():
                yield from unfit_values(value, (*place, key))
        case list():
            for number, value in enumerate(data):
                yield from unfit_values(value, (*place, number))
        case str() if message := unfit_character(data):
            yield place, message
        case str() if _OVERLONG.fullmatch(data):
            yield place, f"expected a number of at most 16 digits and 10 decimals, not {data[:40]}"


def without(data: Mapping[str, Any], places: Sequence[Place]) -> dict[str, Any]:
    """A catalogue without some parts: single prices, meters, cards, fields of plans ..."""
    left = dict(data)
    for place in places:
        _cut(left, place)
    return left


def part(data: Mapping[str, Any], place: Place) -> Place:
    """The part that a fault makes useless."""
    match place:
        case ("plans", _, "prices" | "allowances" | "commitments" | "phases", _, *_):
            return place[:4]
        case ("plans", _, _, *_):
            return place[:3]
        case (section, _, *_) if isinstance(data.get(str(section)), Mapping | list):
            return place[:2]
    return place[:1]


def field(data: Mapping[str, Any], place: Place) -> Place:
    """As `part`, but of prices only the field: their other faults are looked for too."""
    match place:
        case ("plans", _, "prices", _, str() as name, *_) if name not in _ESSENTIAL:
            return place[:5]
    return part(data, place)


def _cut(data: dict[str, Any], place: Place) -> None:
    """Take a part out, or put something sound into its place; containers are copied first."""
    here: Any = data
    section = str(place[0])
    for key in place[:-1]:
        inner: Any = here.get(key) if isinstance(here, dict) else here[int(key)]
        if not isinstance(inner, dict | list):
            return
        inner = inner.copy()
        here[key] = inner
        here = inner
        section = str(key)
    last = place[-1]
    if isinstance(here, list) and isinstance(last, int):
        found = here[last]
        code = found.get("code") if isinstance(found, Mapping) else None
        own = {} if section == "phases" else {"code": str(code or f"{section} {last}")}
        here[last] = {**own, **_ITEMS.get(section, {})}
    elif len(place) == 1 and last in _REQUIRED:
        here[last] = _REQUIRED[str(last)]
    elif isinstance(here, dict):
        here.pop(last, None)
