"""Lists: columns, filters, order, pages, saved views, export and bulk actions, declared once.

    CUSTOMERS = Table(
        "customers", columns=[Column("code", _("Code"), sort=True), ...],
        filters=[Search(fields=("code",)), ...], order="code",
    )

    @page("customers", ...)
    def customers(request):
        return CUSTOMERS.respond(request, Customer.objects.all(), "customers/list.html")

A page costs the same at any depth and size: it is cut by key, counts stop at `COUNTED`, and
`enrich` may add to the rows of one page what stands in other tables, by one query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from meterline.access.gate import allowed, refuse
from meterline.web import format as written
from meterline.web.export import FORMATS, export
from meterline.web.filters import SOUGHT, Filter, Search
from meterline.web.keyset import Order, Slice, cut
from meterline.web.models import SavedView
from meterline.web.rows import Column, cells
from meterline.web.sound import whole
from meterline.web.words import Words

COUNTED = 10_000
SIZES = (25, 50, 100)
Enrich = Callable[[list[dict[str, Any]]], None]


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """An act on the chosen rows, or on all that match. `act` is the name of its URL; it gets the
    choice by POST and reads it by `Table.chosen`."""

    act: str
    label: Words
    permission: str
    danger: bool = False


@dataclass(frozen=True)
class Table:
    """What a list is made of. `needs` are names of values that rows carry besides the columns'."""

    name: str
    columns: Sequence[Column]
    filters: Sequence[Filter] = ()
    order: str = "-pk"
    needs: Sequence[str] = ()
    bulk: Sequence[Bulk] = ()
    enrich: Enrich | None = None
    enriched: frozenset[str] = frozenset()  # columns that `enrich` adds
    size: int = 50
    empty: Words = ""  # what appears here, and when

    def respond(
        self, request: HttpRequest, queryset: QuerySet[Any], template: str, **context: Any
    ) -> HttpResponse:
        """The page with the list, or its export where `?format=` asks for one."""
        wanted = request.GET.get("format")
        if wanted in FORMATS:
            if not allowed(request, "lists.export"):
                return refuse(request, "lists.export")
            return export(self, request, self.narrow(queryset, request.GET), wanted)
        return render(request, template, {"table": self.bind(request, queryset), **context})

    def bind(self, request: HttpRequest, queryset: QuerySet[Any]) -> Bound:
        """The list as a request asks for it, for `{% table %}`."""
        shown, found = queryset, None
        for one in sorted(self.filters, key=lambda one: isinstance(one, Search)):
            if isinstance(one, Search):
                shown, found = one.sought(shown, request.GET)
            else:
                shown = one.narrow(shown, request.GET)
        return Bound(self, request, shown, found, self._alike(queryset, request.GET))

    def _alike(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any] | None:
        """As many rows as are shown, where one filter alone says which of all are."""
        active = [one for one in self.filters if one.told(params)]
        alone = len(active) == 1 and not queryset.query.has_filters()
        return active[0].alike(params) if alone else None

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        """The rows that the filters let through."""
        for one in self.filters:
            queryset = one.narrow(queryset, params)
        return queryset

    def chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What a bulk act is to act on: the rows that were ticked, or all that match."""
        if request.POST.get("all"):
            return self.narrow(queryset, QueryDict(request.POST.get("query", "")))
        ticked = [key for text in request.POST.getlist("row") if (key := whole(text)) is not None]
        return queryset.filter(pk__in=ticked)

    def names(self) -> list[str]:
        """The values that are read of each row."""
        columns = [column.name for column in self.columns if column.name not in self.enriched]
        currencies = [getattr(column, "currency", None) for column in self.columns]
        given = [name for name in currencies if name and name not in self.enriched]
        return list(dict.fromkeys([*columns, *given, *self.needs]))


class Bound:
    """A list as one request asks for it; what the component shows."""

    def __init__(
        self, table: Table, request: HttpRequest, queryset: QuerySet[Any],
        found: int | None = None, alike: QuerySet[Any] | None = None,
    ) -> None:  # fmt: skip
        self.table = table
        self.found = found  # by a search
        self.alike = alike  # as many rows, which are counted with less
        self.request = request
        self.queryset = queryset
        self.params = request.GET

    @cached_property
    def order(self) -> Order:
        """The order asked for, where the list may be ordered so."""
        asked = Order.parse(self.params.get("sort", self.table.order))
        sortable = {column.name for column in self.table.columns if column.sort}
        return asked if asked.name in sortable else Order.parse(self.table.order)

    @cached_property
    def columns(self) -> list[Column]:
        """The columns that are shown."""
        chosen = self.params.getlist("column")
        if not chosen:
            return [column for column in self.table.columns if not column.hidden]
        return [column for column in self.table.columns if column.name in chosen]

    @cached_property
    def slice(self) -> Slice:
        """The rows of this page."""
        found = cut(
            self.queryset, self.table.names(), self.order, self.size,
            after=self.params.get("after"), before=self.params.get("before"),
        )  # fmt: skip
        if self.table.enrich is not None and found.rows:
            self.table.enrich(found.rows)
        return found

    @cached_property
    def size(self) -> int:
        """Rows a page."""
        asked = whole(self.params.get("size", ""))
        return asked if asked in SIZES else self.table.size

    @cached_property
    def counted(self) -> int:
        """How many match, counted up to one more than `COUNTED`, or `SOUGHT` of a search."""
        if self.found is not None:
            return min(self.found, SOUGHT)
        counted = self.queryset if self.alike is None else self.alike
        return counted.order_by()[: COUNTED + 1].count()

    @property
    def cut_short(self) -> bool:
        """Does a search find so much that only a part of it is shown?"""
        return self.found is not None and self.found > SOUGHT

    @property
    def count(self) -> str:
        """How many match, for people: 1,240, or 10,000+."""
        many = self.counted > COUNTED or self.cut_short
        return f"{written.number(min(self.counted, COUNTED))}{'+' if many else ''}"

    def heads(self) -> list[dict[str, Any]]:
        """The column heads: how a click on each orders."""
        heads = []
        for column in self.columns:
            here = self.order.name == column.name
            turned = Order(column.name, here and not self.order.descending)
            way = ("descending" if self.order.descending else "ascending") if here else None
            heads.append({"column": column, "sort": str(turned), "way": way})
        return heads

    def lines(self) -> list[dict[str, Any]]:
        """The rows: key and cells."""
        return [{"key": row["pk"], "cells": cells(self.columns, row)} for row in self.slice.rows]

    def filters(self) -> list[dict[str, Any]]:
        """The filters with what was asked of each."""
        return [
            {"filter": one, "kind": one.kind, "value": one.value(self.params),
             "ends": one.values(self.params) if one.kind == "days" else ()}  # type: ignore[attr-defined]
            for one in self.table.filters
        ]  # fmt: skip

    def chips(self) -> list[dict[str, str]]:
        """The active filters, each with the query that takes it away."""
        chips = []
        for one in self.table.filters:
            told = one.told(self.params)
            if not told:
                continue
            rest = self._rest(*one.parameters())
            chips.append({"text": told, "without": f"?{rest.urlencode()}"})
        return chips

    def kept(self) -> list[tuple[str, str]]:
        """The parameters that the form of the filters has to carry on."""
        own = {name for one in self.table.filters for name in one.parameters()}
        rest = self._rest(*own)
        return [(name, value) for name, values in rest.lists() for value in values]

    def bulk(self) -> list[Bulk]:
        """The acts on many rows that whoever is signed in may do."""
        return [one for one in self.table.bulk if allowed(self.request, one.permission)]

    def may_export(self) -> bool:
        """May whoever is signed in take the list with them?"""
        return allowed(self.request, "lists.export")

    @property
    def query_kept(self) -> str:
        """The filters, columns and order, as a saved view keeps them."""
        return self._rest().urlencode()

    def views(self) -> list[SavedView]:
        """The saved views of whoever is signed in."""
        mine = SavedView.objects.filter(user_id=self.request.user.pk, table=self.table.name)
        return list(mine.order_by("name"))

    def _rest(self, *without: str) -> QueryDict:
        rest = self.params.copy()
        for name in ("after", "before", "format", *without):
            rest.pop(name, None)
        return rest
