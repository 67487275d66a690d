"""Paging by key: the next page begins after the last row of this one, however deep one is.

The order is one column and the primary key; a cursor is the pair of their values in a row.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import F, Field, Q, QuerySet


@dataclass(frozen=True)
class Order:
    """By which column, and which way."""

    name: str
    descending: bool

    @classmethod
    def parse(cls, text: str) -> Order:
        """`-issued_at` is the newest first."""
        return cls(name=text.lstrip("-"), descending=text.startswith("-"))

    def __str__(self) -> str:
        return f"-{self.name}" if self.descending else self.name


@dataclass(frozen=True)
class Slice:
    """The rows of a page, and the cursors of its neighbours (None: there is none)."""

    rows: list[dict[str, Any]]
    before: str | None
    after: str | None


def cut(
    queryset: QuerySet[Any], names: list[str], order: Order, size: int,
    *, after: str | None = None, before: str | None = None,
) -> Slice:  # fmt: skip
    """A page of `queryset` as dicts of `names`. One row more than the page is read, no other."""
    backwards = before is not None and after is None
    cursor = _read(before if backwards else after, queryset, order)
    backwards = backwards and cursor is not None
    descending = order.descending != backwards
    if cursor is not None:
        queryset = queryset.filter(_beyond(order.name, cursor, descending=descending))
    keys = [order.name, "pk"] if order.name != "pk" else ["pk"]
    sign = "-" if descending else ""
    wanted = dict.fromkeys([*names, *keys])
    plain = [name for name in wanted if name != "pk"]
    queryset = queryset.order_by(*(f"{sign}{key}" for key in keys))
    found: list[dict[str, Any]] = list(queryset.values(*plain, pk=F("pk"))[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    if not found:
        return Slice(rows=[], before=None, after=None)
    has_before = more if backwards else cursor is not None
    has_after = True if backwards else more
    return Slice(
        rows=found,
        before=_write(found[0], order) if has_before else None,
        after=_write(found[-1], order) if has_after else None,
    )


def _beyond(name: str, cursor: tuple[Any, Any], *, descending: bool) -> Q:
    """Rows after the cursor. The first comparison alone is what an index can serve."""
    value, key = cursor
    op = "lt" if descending else "gt"
    if name == "pk":
        return Q(**{f"pk__{op}": key})
    return Q(**{f"{name}__{op}e": value}) & (
        Q(**{f"{name}__{op}": value}) | Q(**{f"pk__{op}": key})
    )


def _write(row: dict[str, Any], order: Order) -> str:
    pair = json.dumps([str(row[order.name]), str(row["pk"])], separators=(",", ":"))
    return base64.urlsafe_b64encode(pair.encode()).decode().rstrip("=")


def _read(text: str | None, queryset: QuerySet[Any], order: Order) -> tuple[Any, Any] | None:
    """The values of a cursor; None where it is none, or of another order."""
    if not text:
        return None
    try:
        value, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return (
            _field(queryset, order.name).to_python(value),
            _field(queryset, "pk").to_python(key),
        )
    except (ValueError, binascii.Error, ValidationError, TypeError):
        return None


def _field(queryset: QuerySet[Any], name: str) -> Field[Any, Any]:
    if name in queryset.query.annotations:
        found: Field[Any, Any] = queryset.query.annotations[name].output_field
        return found
    options = queryset.model._meta
    if name == "pk":
        return options.pk
    *path, last = name.split("__")
    for step in path:
        options = options.get_field(step).related_model._meta
    try:
        return options.get_field(last)
    except FieldDoesNotExist:
        raise ValueError(f"{name} is no column of {options.label}") from None
