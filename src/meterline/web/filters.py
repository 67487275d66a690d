"""Filters of lists: each reads its parameters from the URL and narrows the query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import DateTimeField, Model, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import QueryDict
from django.utils.translation import gettext as _

from meterline.web import format as written
from meterline.web.sound import day
from meterline.web.words import Words

SOUGHT = 500
"""Rows that a page shows of those that a text finds."""
Choices = Iterable[tuple[str, Words]]


@dataclass(frozen=True)
class Filter:
    """A filter of a list by one parameter, `name`; `field` is what it compares."""

    name: str
    label: Words
    field: str = ""
    kind = "text"

    def value(self, params: QueryDict) -> str:
        """What was asked for; empty: nothing."""
        return params.get(self.name, "").strip()

    def parameters(self) -> tuple[str, ...]:
        """The parameters of the URL that belong to this filter."""
        return (self.name,)

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        """The rows that were asked for."""
        value = self.value(params)
        return queryset.filter(**{self.field or self.name: value}) if value else queryset

    def alike(self, params: QueryDict) -> QuerySet[Any] | None:
        """Rows of another table, as many as this filter alone lets through, where they are counted
        with less; None: there is no such table."""
        return None

    def told(self, params: QueryDict) -> str:
        """What the chip of an active filter says; empty where it is not active."""
        value = self.value(params)
        return f"{self.label}: {value}" if value else ""


@dataclass(frozen=True)
class Search(Filter):
    """Free text over `fields` by their beginning, or by a function of one's own, which gives the
    rows found in each way (by code, by name).

    Each way needs an index: one that serves `upper(field) LIKE 'X%'`, or its own.
    """

    name: str = "q"
    label: Words = ""
    fields: tuple[str, ...] = ()
    find: Callable[[QuerySet[Any], str], Sequence[QuerySet[Any]]] | None = None
    kind = "search"

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        value = self.value(params)
        return queryset.filter(pk__in=self._keys(queryset, value, None)) if value else queryset

    def sought(
        self, queryset: QuerySet[Any], params: QueryDict
    ) -> tuple[QuerySet[Any], int | None]:
        """What a page shows, and how many were found, at most one more than `SOUGHT`; None where
        nothing is sought. As `narrow`, but of a text that very many rows match only those that are
        found first, since all of them would have to be sorted."""
        value = self.value(params)
        if not value:
            return queryset, None
        keys = list(self._keys(queryset, value, SOUGHT + 1))[: SOUGHT + 1]
        if not keys:
            return queryset.none(), 0
        # as one array: a long list of numbers takes longer to plan than to read
        return queryset.filter(pk__in=RawSQL("SELECT unnest(%s)", [keys[:SOUGHT]])), len(keys)

    def _keys(self, queryset: QuerySet[Any], value: str, most: int | None) -> QuerySet[Any]:
        ways = self.find(queryset, value) if self.find is not None else [
            queryset.filter(**{f"{field}__istartswith": value}) for field in self.fields
        ]  # fmt: skip
        keys = [way.order_by().values_list("pk", flat=True)[:most] for way in ways]
        return keys[0].union(*keys[1:]) if len(keys) > 1 else keys[0]


@dataclass(frozen=True)
class Choice(Filter):
    """One of a few values; `choices` may be a function, called for each page."""

    choices: Choices | Callable[[], Choices] = ()
    kind = "choice"

    def options(self) -> list[tuple[str, Words]]:
        """Value and label of each choice."""
        return list(self.choices() if callable(self.choices) else self.choices)

    def value(self, params: QueryDict) -> str:
        value = super().value(params)
        return value if value in {code for code, _label in self.options()} else ""

    def told(self, params: QueryDict) -> str:
        value = self.value(params)
        return f"{self.label}: {dict(self.options())[value]}" if value else ""


@dataclass(frozen=True)
class Days(Filter):
    """From a day to a day, both inclusive, over a date, or an instant in UTC."""

    kind = "days"

    def parameters(self) -> tuple[str, ...]:
        return (f"{self.name}_from", f"{self.name}_to")

    def ends(self, params: QueryDict) -> tuple[date | None, date | None]:
        """The first and the last day that were asked for."""
        first, last = (day(params.get(name, "")) for name in self.parameters())
        return first, last

    def values(self, params: QueryDict) -> list[tuple[str, Words, str]]:
        """Parameter, label and value of the two inputs."""
        names = self.parameters()
        return [
            (names[0], _("from"), params.get(names[0], "")),
            (names[1], _("to"), params.get(names[1], "")),
        ]

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        first, last = self.ends(params)
        name = self.field or self.name
        of_instants = isinstance(_field(queryset.model, name), DateTimeField)
        for kind, one in (("gte", first), ("lt", last and last + timedelta(days=1))):
            if one is not None:
                limit = datetime.combine(one, time(0), UTC) if of_instants else one
                queryset = queryset.filter(**{f"{name}__{kind}": limit})
        return queryset

    def told(self, params: QueryDict) -> str:
        first, last = self.ends(params)
        if first is None and last is None:
            return ""
        shown = [written.day(end) if end else "" for end in (first, last)]
        return f"{self.label}: {shown[0]} {written.DASH} {shown[1]}".strip()


@dataclass(frozen=True)
class Flag(Filter):
    """Only the rows for which `only` holds."""

    only: Q = Q()
    kind = "flag"

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        return queryset.filter(self.only) if self.value(params) else queryset

    def told(self, params: QueryDict) -> str:
        return str(self.label) if self.value(params) else ""


def _field(model: type[Model], path: str) -> Any:
    """The field that a path (`account__opened_at`) leads to."""
    *through, last = path.split("__")
    for part in through:
        model = model._meta.get_field(part).related_model
    return model._meta.get_field(last)
