"""What a form has to ask for: the fields of pydantic models, as people write them in a file.

The hints are the descriptions that the JSON Schema has too. What is of no known shape is asked for
as YAML, so that price models of other packages can be edited as well. Pure.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from meterline.catalog.schema_words import WORDS

Kind = Literal[
    "decimal", "limit", "whole", "text", "day", "flag", "choice", "list", "wholes", "pairs",
    "group", "rows", "entries", "yaml",
]  # fmt: skip
_TEXTS = ("UpTo", "AmountLimit")  # written as one text, such as 0.15/day


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One field: its key in the file, how it is asked for, and of a group or of rows what is in it.

    `rows` are a list of groups, `entries` a mapping of codes to groups, `pairs` one of names to
    values, `limit` a number or one by something, such as 10/day.
    """

    name: str
    kind: Kind
    hint: str = ""
    required: bool = False
    default: str = ""  # what holds where nothing is given
    options: tuple[str, ...] = ()
    inner: tuple[Shape, ...] = ()


def shapes(model: type[BaseModel], section: str = "") -> tuple[Shape, ...]:
    """The fields of a model; `section` is its name among the words of the schema."""
    return tuple(_shapes(model, section or model.__name__))


def _shapes(model: type[BaseModel], section: str) -> Iterator[Shape]:
    for name, field in model.model_fields.items():
        key = field.alias or name
        hint = field.description or WORDS.get(f"{section}.{key}", WORDS.get(key, ""))
        kind, options, inner = _kind(field)
        yield Shape(
            name=key, kind=kind, hint=hint.replace("`", ""), required=field.is_required(),
            options=options, inner=inner, default=_default(field),
        )  # fmt: skip


def _default(field: FieldInfo) -> str:
    value = field.default
    return str(value) if isinstance(value, str | int | Decimal) and value is not False else ""


def _kind(field: FieldInfo) -> tuple[Kind, tuple[str, ...], tuple[Shape, ...]]:
    """The kind of a field, its options, and what is in it."""
    if _is_text([*field.metadata, field]):
        return "text", (), ()
    members = [_bare(one) for one in _members(field.annotation)]
    if any(text for _, text in members):
        return "text", (), ()
    return _of(members[0][0])


def _members(annotation: Any) -> list[Any]:
    """What may stand there, but nothing at all."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [one for one in get_args(annotation) if one is not type(None)]
    return [annotation]


def _bare(annotation: Any) -> tuple[Any, bool]:
    """A type without its validators, and whether it is written as text."""
    if get_origin(annotation) is Annotated:
        kind, *metadata = get_args(annotation)
        return kind, _is_text(metadata)
    return annotation, False


def _is_text(metadata: list[Any]) -> bool:
    for one in metadata:
        extra = getattr(one, "json_schema_extra", None)
        if isinstance(extra, Mapping) and extra.get("type") == "string":
            return True
    return False


def _of(kind: Any) -> tuple[Kind, tuple[str, ...], tuple[Shape, ...]]:
    if get_origin(kind) is Literal:
        return "choice", tuple(map(str, get_args(kind))), ()
    if get_origin(kind) is tuple:
        return _of_list(_bare(get_args(kind)[0])[0])
    if get_origin(kind) is dict:
        return _of_mapping(_bare(get_args(kind)[1])[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind.__name__ in _TEXTS:
            return "limit", (), ()
        return "group", (), shapes(kind)
    plain: dict[Any, Kind] = {
        Decimal: "decimal", bool: "flag", int: "whole", str: "text", date: "day",
    }  # fmt: skip
    return plain.get(kind, "yaml"), (), ()


def _of_list(kind: Any) -> tuple[Kind, tuple[str, ...], tuple[Shape, ...]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "rows", (), shapes(kind)
    if get_origin(kind) is Literal:
        return "list", tuple(map(str, get_args(kind))), ()
    plain: dict[Any, Kind] = {str: "list", int: "wholes"}
    return plain.get(kind, "yaml"), (), ()


def _of_mapping(kind: Any) -> tuple[Kind, tuple[str, ...], tuple[Shape, ...]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "entries", (), shapes(kind)
    return ("pairs" if get_origin(kind) is tuple or kind is str else "yaml"), (), ()
