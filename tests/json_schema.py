"""As much of JSON Schema 2020-12 as the schemas of this project use; unknown words are errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

TELLING = {
    "$schema", "$defs", "title", "description", "default", "format", "discriminator", "then",
    "examples",
}  # fmt: skip
TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "null": type(None), "boolean": bool,
}  # fmt: skip


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """Places of `value` that do not fit, and why."""
    return list(_faults(schema, schema, value, "$"))


def _is(value: Any, kind: str) -> bool:
    if kind in TYPES:
        return isinstance(value, TYPES[kind])
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return number and (kind == "number" or value == int(value))


def _faults(root: dict[str, Any], schema: Any, value: Any, at: str) -> Iterator[str]:
    if schema is True:
        return
    for word, given in schema.items():
        if word not in TELLING:
            yield from _word(root, schema, word, given, value, at)


def _word(
    root: dict[str, Any], schema: dict[str, Any], word: str, given: Any, value: Any, at: str
) -> Iterator[str]:
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    match word:
        case "$ref":
            yield from _faults(root, root["$defs"][given.removeprefix("#/$defs/")], value, at)
        case "type":
            kinds = [given] if isinstance(given, str) else given
            if not any(_is(value, kind) for kind in kinds):
                yield f"{at}: not {kinds}"
        case "enum" | "const":
            if value not in (given if word == "enum" else [given]):
                yield f"{at}: {value!r} is not {given}"
        case "anyOf" | "oneOf":
            found = [list(_faults(root, one, value, at)) for one in given]
            fitting = sum(not one for one in found)
            if not fitting or (word == "oneOf" and fitting > 1):
                yield f"{at}: fits {fitting} of {len(given)}: {min(found, key=len)}"
        case "allOf":
            for one in given:
                yield from _faults(root, one, value, at)
        case "if":
            if not list(_faults(root, given, value, at)):
                yield from _faults(root, schema["then"], value, at)
        case "pattern":
            if isinstance(value, str) and not re.search(given, value):
                yield f"{at}: {value!r} is not like {given}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            if number and not _within(word, value, given):
                yield f"{at}: {value} beyond {given}"
        case "minLength" | "maxLength" | "minItems" | "maxItems":
            sized = isinstance(value, str if "Length" in word else list)
            if sized and (len(value) < given if word.startswith("min") else len(value) > given):
                yield f"{at}: length {len(value)}"
        case "minProperties":
            if isinstance(value, dict) and len(value) < given:
                yield f"{at}: {len(value)} keys"
        case "items":
            for place, one in enumerate(value if isinstance(value, list) else ()):
                yield from _faults(root, given, one, f"{at}[{place}]")
        case "required":
            for name in given if isinstance(value, dict) else ():
                if name not in value:
                    yield f"{at}.{name}: missing"
        case "properties":
            for name, one in given.items() if isinstance(value, dict) else ():
                if name in value:
                    yield from _faults(root, one, value[name], f"{at}.{name}")
        case "additionalProperties":
            known = schema.get("properties", {})
            for name, one in value.items() if isinstance(value, dict) else ():
                if name not in known:
                    if given is False:
                        yield f"{at}.{name}: unknown"
                    else:
                        yield from _faults(root, given, one, f"{at}.{name}")
        case _:
            raise AssertionError(f"{word} is not used in our schemas")


def _within(word: str, value: Any, given: Any) -> bool:
    match word:
        case "minimum":
            return bool(value >= given)
        case "maximum":
            return bool(value <= given)
        case "exclusiveMinimum":
            return bool(value > given)
    return bool(value < given)
