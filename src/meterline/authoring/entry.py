"""A form of shapes: what a browser sends becomes data of a file, and data becomes what is shown.

Names of inputs are places joined by dots (`tiers.1.up_to`); `count:tiers` tells how many rows
there are, and `key:rates.0` the code of an entry. Nothing is judged here: what was typed is kept as
it is, and the check of the whole file tells what is wrong with it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from meterline.authoring.shape import Shape
from meterline.catalog.errors import CatalogInvalid
from meterline.catalog.rewrite import flow
from meterline.catalog.yaml import load_all

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_FLAGS = {"true": True, "false": False}
Posted = Mapping[str, str]
Data = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A field as the page shows it; `parts` are the fields of a group, or the rows."""

    shape: Shape
    name: str
    label: str
    value: str = ""
    key: str = ""  # the code of an entry
    errors: Sequence[str] = ()
    options: Sequence[str] = ()
    parts: Sequence[Shown] = ()
    given: bool = False  # whether it, or anything in it, has a value or an error
    focus: bool = False


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a form knows beside its data: errors by place, what may be named, what to look at."""

    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by the name of a field
    focus: str = ""


def typed(shapes: Sequence[Shape], posted: Posted, before: Mapping[str, Any], at: str = "") -> Data:
    """The data of a form, in the order of what was there before; what was left as it was shown
    stays what it was, and what was left empty is left out."""
    found: Data = {}
    for shape in shapes:
        value = _typed(shape, posted, before.get(shape.name), f"{at}{shape.name}")
        if value is not None:
            found[shape.name] = value
    return {**{name: found[name] for name in before if name in found}, **found}


def _typed(shape: Shape, posted: Posted, before: Any, at: str) -> Any:
    match shape.kind:
        case "group":
            inner = before if isinstance(before, Mapping) else {}
            return typed(shape.inner, posted, inner, f"{at}.") or None
        case "rows":
            old = before if isinstance(before, list) else []
            rows = [
                typed(shape.inner, posted, old[n] if n < len(old) else {}, f"{at}.{n}.")
                for n in range(_count(posted, at))
            ]
            return rows or (before if before == [] else None)
        case "entries":
            held = before if isinstance(before, Mapping) else {}
            entries: Data = {}
            for n in range(_count(posted, at)):
                key = posted.get(f"key:{at}.{n}", "").strip()
                inner = typed(shape.inner, posted, held.get(key) or {}, f"{at}.{n}.")
                entries[f"{key} ({n + 1})" if key in entries else key] = inner
            return entries or None
    text = posted.get(at, "").strip()
    if before is not None and text == text_of(shape, before):
        return before
    return value_of(shape, text) if text else None


def _count(posted: Posted, at: str) -> int:
    text = posted.get(f"count:{at}", "0")
    return min(int(text), 1000) if text.isdecimal() else 0


def value_of(shape: Shape, text: str) -> Any:
    """What a typed text is in a file; what does not read as its kind stays text."""
    match shape.kind:
        case "decimal" | "limit" | "whole":
            return int(text) if _WHOLE.fullmatch(text) else text
        case "flag":
            return _FLAGS.get(text, text)
        case "list":
            return _list(text)
        case "wholes":
            return [int(one) if _WHOLE.fullmatch(one) else one for one in _list(text)]
        case "pairs":
            return _pairs(text)
        case "yaml":
            return _yaml(text)
    return text


def _list(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _pairs(text: str) -> Any:
    """region = eu | us, zone = 1 as a mapping."""
    found: dict[str, Any] = {}
    for part in _list(text):
        name, equals, values = part.partition("=")
        if not equals or not name.strip():
            return text
        several = [one.strip() for one in values.split("|")]
        found[name.strip()] = several if len(several) > 1 else several[0]
    return found


def _yaml(text: str) -> Any:
    try:
        documents = load_all(text, "")
    except CatalogInvalid:
        return text
    return documents[0].data if documents else text


def text_of(shape: Shape, value: Any) -> str:
    """A value of a file as it is typed."""
    match shape.kind, value:
        case _, None:
            return ""
        case _, bool():
            return "true" if value else "false"
        case _, Decimal():
            return f"{value:f}"
        case ("list" | "wholes", list()):
            return ", ".join(map(str, value))
        case ("pairs", Mapping()):
            return ", ".join(f"{name} = {_values(one)}" for name, one in value.items())
        case "yaml", _:
            return value if isinstance(value, str) else flow(value)
    return str(value) if isinstance(value, str | int) else flow(value)


def _values(value: Any) -> str:
    return " | ".join(map(str, value)) if isinstance(value, list) else str(value)


def shown(shapes: Sequence[Shape], data: Any, around: Around, at: str = "") -> list[Shown]:
    """The fields of a form with their values, errors and options."""
    held = data if isinstance(data, Mapping) else {}
    return [_shown(shape, held.get(shape.name), around, f"{at}{shape.name}") for shape in shapes]


def _shown(shape: Shape, value: Any, around: Around, at: str) -> Shown:
    errors = around.errors.get(at, ())
    parts = list(_parts(shape, value, around, at))
    text = "" if parts or shape.kind in ("group", "rows", "entries") else text_of(shape, value)
    return Shown(
        shape=shape, name=at, label=spoken(shape.name), value=text, errors=errors,
        options=_options(shape, text, around), parts=parts, focus=at == around.focus,
        given=bool(text or errors or any(one.given for one in parts)),
    )  # fmt: skip


def _options(shape: Shape, text: str, around: Around) -> Sequence[str]:
    known = shape.options or around.options.get(shape.name, ())
    if shape.kind in ("choice", "text") and known and text and text not in known:
        return (*known, text)
    return known


def _parts(shape: Shape, value: Any, around: Around, at: str) -> Iterator[Shown]:
    match shape.kind:
        case "group":
            yield from shown(shape.inner, value, around, f"{at}.")
        case "rows":
            for number, row in enumerate(value if isinstance(value, list) else ()):
                yield _row(shape, "", row, around, f"{at}.{number}", number)
        case "entries":
            for number, (key, row) in enumerate((value or {}).items()):
                yield _row(shape, key, row, around, f"{at}.{number}", number)


def _row(shape: Shape, key: str, data: Any, around: Around, at: str, number: int) -> Shown:
    parts = shown(shape.inner, data, around, f"{at}.")
    errors = around.errors.get(at, ())
    return Shown(
        shape=shape, name=at, label=str(number + 1), key=key, errors=errors, parts=parts,
        focus=at == around.focus, given=True,
    )  # fmt: skip


def spoken(name: str) -> str:
    """A key as people read it."""
    return name.replace("_", " ").capitalize()


def places(
    shapes: Sequence[Shape], data: Any, file: str = "", form: str = ""
) -> Iterator[tuple[str, str]]:
    """Each place of data as the file calls it and as the form does: entries go by their code in
    the one, by their number in the other."""
    held = data if isinstance(data, Mapping) else {}
    for shape in shapes:
        here, there = f"{file}{shape.name}", f"{form}{shape.name}"
        yield here, there
        value = held.get(shape.name)
        if shape.kind == "group":
            yield from places(shape.inner, value, f"{here}.", f"{there}.")
        rows = value if isinstance(value, list) and shape.kind == "rows" else ()
        keyed: list[tuple[Any, Any]] = list(enumerate(rows))
        if isinstance(value, Mapping) and shape.kind == "entries":
            keyed = list(value.items())
        for number, (key, row) in enumerate(keyed):
            yield f"{here}.{key}", f"{there}.{number}"
            yield from places(shape.inner, row, f"{here}.{key}.", f"{there}.{number}.")


def added(data: Any, place: Sequence[str], shapes: Sequence[Shape]) -> tuple[Any, str]:
    """Data with one more row at a place, and where it is; before an open tier, since the last one
    takes the rest. Raises LookupError, ValueError where there is no such place."""
    shape = _named(shapes, place[0])
    held = dict(data) if isinstance(data, Mapping) else {}
    value = held.get(shape.name)
    if len(place) > 1:
        if shape.kind == "group":
            held[shape.name], where = added(value or {}, place[1:], shape.inner)
            return held, f"{shape.name}.{where}"
        inner, number = _inner(value, int(place[1]))
        inner[number], where = added(inner[number], place[2:], shape.inner)
        held[shape.name] = _outer(value, inner)
        return held, f"{shape.name}.{number}.{where}"
    if shape.kind == "entries":
        held[shape.name] = {**(value or {}), "": {}}
        return held, f"{shape.name}.{len(held[shape.name]) - 1}"
    rows = list(value or [])
    number = len(rows)
    if rows and any(one.name == "up_to" for one in shape.inner) and "up_to" not in rows[-1]:
        number -= 1
    rows.insert(number, {})
    held[shape.name] = rows
    return held, f"{shape.name}.{number}.{shape.inner[0].name}"


def _named(shapes: Sequence[Shape], name: str) -> Shape:
    for one in shapes:
        if one.name == name:
            return one
    raise LookupError(name)


def removed(data: Any, place: Sequence[str], shapes: Sequence[Shape]) -> Any:
    """Data without a row. Raises LookupError, ValueError where there is no such place."""
    shape = _named(shapes, place[0])
    held = dict(data)
    if shape.kind == "group":
        held[shape.name] = removed(held.get(shape.name) or {}, place[1:], shape.inner)
        return held
    inner, number = _inner(held.get(shape.name), int(place[1]))
    if len(place) > 2:
        inner[number] = removed(inner[number], place[2:], shape.inner)
        held[shape.name] = _outer(held[shape.name], inner)
        return held
    if isinstance(held.get(shape.name), Mapping):
        held[shape.name] = dict(list(held[shape.name].items())[:number]
                                + list(held[shape.name].items())[number + 1:])  # fmt: skip
    else:
        held[shape.name] = inner[:number] + inner[number + 1 :]
    if not held[shape.name]:
        del held[shape.name]
    return held


def _inner(value: Any, number: int) -> tuple[list[Any], int]:
    return list(value.values()) if isinstance(value, Mapping) else list(value), number


def _outer(value: Any, inner: list[Any]) -> Any:
    return dict(zip(value, inner, strict=True)) if isinstance(value, Mapping) else inner
