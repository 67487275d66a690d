"""Faults of data that pydantic refused: their places, and what was expected in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from meterline.catalog.yaml import Place

_EXPECTED = {
    "extra_forbidden": "unknown key",
    "missing": "expected, but it is missing",
    "model_type": "expected a mapping",
    "dict_type": "expected a mapping",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "literal_error": "expected {expected}, not {found}",
    "greater_than": "expected more than {gt}, not {found}",
    "greater_than_equal": "expected at least {ge}, not {found}",
    "less_than": "expected less than {lt}, not {found}",
    "less_than_equal": "expected at most {le}, not {found}",
    "too_short": "expected at least {min_length} of them",
    "string_too_short": "expected text, not nothing",
    "string_too_long": "expected at most {max_length} characters",
}


def faults(data: Any, error: ValidationError) -> Iterator[tuple[Place, str]]:
    """Places and messages of a pydantic error; what a union's members expected is joined."""
    found = error.errors()
    locations = [fault["loc"] for fault in found]
    texts: dict[Place, list[str]] = {}
    for fault in found:
        location = fault["loc"]
        inside = (one[: len(location)] == location for one in locations if one != location)
        if fault["type"] == "too_short" and any(inside):
            continue  # it is short of the faulty ones only
        place = _place(data, location, missing=fault["type"] == "missing")
        texts.setdefault(place, []).append(_message(fault))
    for place, messages in texts.items():
        yield place, ", or ".join(dict.fromkeys(messages))


def _message(fault: Any) -> str:
    template = _EXPECTED.get(fault["type"])
    if template is not None:
        found = fault["input"]
        shown = f"{found}" if isinstance(found, Decimal) else f"{found!r}"
        return template.format(**fault.get("ctx", {}), found=shown)
    text = fault["msg"].removeprefix("Value error, ")
    return str(text[0].lower() + text[1:])


def _place(data: Any, location: tuple[str | int, ...], *, missing: bool) -> Place:
    """pydantic's location without names of union members and of gathered parameters."""
    place: list[str | int] = []
    for index, key in enumerate(location):
        last = index == len(location) - 1
        if isinstance(data, Mapping):
            if key in data or (last and missing):
                place.append(key)
                data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            place.append(key)
            data = data[key]
    return tuple(place)
