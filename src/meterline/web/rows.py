"""Columns of lists: how a value is shown, exported, aligned; and short tables without paging."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import repeat
from typing import Any

from django.utils.formats import localize
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import template_localtime

from meterline.web import format as written
from meterline.web.words import Words

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of text: `name` is the key of its value in a row; `link` gives a URL for a row.

    `sort` says that the list may be ordered by it: only where an index serves that, and where
    the value is never null. `hidden`: not shown until it is chosen.
    """

    name: str
    label: Words
    sort: bool = False
    link: Callable[[Row], str] | None = None
    hidden: bool = False
    numeric = False

    def show(self, row: Row) -> Any:
        """The cell on the page."""
        shown = self.value(row)
        url = self.link(row) if self.link else None
        return format_html('<a href="{}">{}</a>', url, shown) if url else shown

    def value(self, row: Row) -> Any:
        """What stands in the cell, before a link is put around it."""
        value = row[self.name]
        empty = value is None or value == ""
        return format_html('<span class="none">{}</span>', written.DASH) if empty else value

    def plain(self, row: Row) -> Any:
        """The value in an export."""
        return row[self.name]


@dataclass(frozen=True)
class Number(Column):
    """A number, aligned to the right."""

    numeric = True

    def value(self, row: Row) -> Any:
        value = row[self.name]
        return super().value(row) if value is None else written.number(value)


@dataclass(frozen=True)
class Percent(Column):
    """A share that is text already, aligned to the right as figures are."""

    numeric = True


@dataclass(frozen=True)
class Money(Column):
    """An amount; the currency stands in the row under `currency`."""

    currency: str = "currency"
    numeric = True

    def value(self, row: Row) -> Any:
        return written.money(row[self.name], row[self.currency])


@dataclass(frozen=True)
class Day(Column):
    """A date."""

    def value(self, row: Row) -> Any:
        value: date | None = row[self.name]
        return super().value(row) if value is None else written.day(value)


@dataclass(frozen=True)
class When(Column):
    """An instant: how long ago, the exact one on hover."""

    def value(self, row: Row) -> Any:
        value: datetime | None = row[self.name]
        if value is None:
            return super().value(row)
        return format_html(
            '<time datetime="{}" title="{}">{}</time>',
            value.isoformat(), written.moment(value), written.ago(value),
        )  # fmt: skip


@dataclass(frozen=True)
class Who(Column):
    """Who did something: users by their e-mail, programs by their key."""

    def value(self, row: Row) -> Any:
        return written.who(row[self.name] or "") or super().value(row)


@dataclass(frozen=True)
class Chip(Column):
    """A status: `tones` and `labels` by value; a value without a tone is neutral."""

    tones: Mapping[str, str] | None = None
    labels: Mapping[str, Words] | None = None

    def value(self, row: Row) -> Any:
        value = row[self.name]
        if value is None or value == "":
            return super().value(row)
        label = (self.labels or {}).get(value, str(value).replace("_", " "))
        tone = (self.tones or {}).get(value, "neutral")
        return format_html('<span class="chip" data-tone="{}">{}</span>', tone, label)


@dataclass(frozen=True)
class Word(Column):
    """One of a few words, by `labels`; what has none is shown as it is."""

    labels: Mapping[str, Words] | None = None

    def value(self, row: Row) -> Any:
        value = row[self.name]
        return (self.labels or {}).get(value, value) or super().value(row)


def cells(columns: Iterable[Column], row: Row) -> SafeString:
    """The cells of a row. In a template each would cost several times as much, and a list has some
    hundreds of them."""
    return mark_safe("".join(map(_cell, columns, repeat(row))))  # escaped, one by one


def _cell(column: Column, row: Row) -> str:
    shown = column.show(row)
    if not isinstance(shown, str):
        shown = localize(template_localtime(shown))
    return f"<td{_NUMERIC if column.numeric else ''}>{conditional_escape(shown)}</td>"


_NUMERIC = ' class="numeric"'


@dataclass(frozen=True)
class Rows:
    """A short table as a component: `{% rows bound %}`."""

    columns: Sequence[Column]
    rows: Iterable[Row]
    caption: Words = ""

    def heads(self) -> list[Column]:
        """The columns that are shown."""
        return [column for column in self.columns if not column.hidden]

    def lines(self) -> list[SafeString]:
        """The cells, line by line."""
        heads = self.heads()
        return [cells(heads, row) for row in self.rows]


def exported(value: Any) -> Any:
    """A value for a file: numbers stay numbers, everything else is text."""
    if isinstance(value, Decimal):
        return value.normalize() + 0  # without the zeros of the column's scale
    if value is None or isinstance(value, int | str):
        return value
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
