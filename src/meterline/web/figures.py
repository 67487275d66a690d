"""Key figures and the work queue of Home, each brought by its room.

@figures("invoiced", permission="invoices.view")
def invoiced() -> list[Stat]: ...       # may read a lot: computed by a job, kept, shown

@work("rejects", permission="usage.view")
def rejects() -> list[Work]: ...        # read for each page: answers from an index
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import get_language, override

from meterline.access.gate import allowed
from meterline.platform import clock
from meterline.web.models import Figure
from meterline.web.words import Words


@dataclass(frozen=True, kw_only=True)
class Stat:
    """A key figure: its text, what it is compared with, its course, and the list behind it.

    Texts that differ by language are lazy (`web.words.spoken`): the figure is computed once."""

    title: Words
    value: Words
    url: str
    note: Words = ""
    trend: Words = ""  # such as "+4.2 %"
    tone: str = "neutral"
    course: tuple[str, ...] = ()  # its values over time, as decimal numbers
    labels: tuple[Words, ...] = ()  # of the course, such as months
    group: str = ""  # such as the currency

    @property
    def line(self) -> str:
        """The sparkline as points of a polyline in a box of 100 x 28."""
        if len(self.course) < 2:
            return ""
        values = [Decimal(value) for value in self.course]
        low, high = min(values), max(values)
        span = (high - low) or 1
        step = Decimal(100) / (len(values) - 1)
        points = [
            f"{index * step:.1f},{26 - 24 * (value - low) / span:.1f}"
            for index, value in enumerate(values)
        ]
        return " ".join(points)


@dataclass(frozen=True, kw_only=True)
class Work:
    """Something that waits for somebody: what, how many, where it is dealt with."""

    title: Words
    url: str
    count: int
    note: Words = ""
    tone: str = "warning"


@dataclass(frozen=True, kw_only=True)
class _Source:
    permission: str
    make: Callable[[], Any]


FIGURES: dict[str, _Source] = {}
WORK: dict[str, _Source] = {}


def figures(code: str, *, permission: str) -> Callable[[Callable[[], list[Stat]]], Any]:
    """Register key figures."""

    def register(make: Callable[[], list[Stat]]) -> Callable[[], list[Stat]]:
        FIGURES[code] = _Source(permission=permission, make=make)
        return make

    return register


def work(code: str, *, permission: str) -> Callable[[Callable[[], list[Work]]], Any]:
    """Register a source of the work queue."""

    def register(make: Callable[[], list[Work]]) -> Callable[[], list[Work]]:
        WORK[code] = _Source(permission=permission, make=make)
        return make

    return register


def refresh() -> None:
    """Compute all key figures anew and keep them, told in each language."""
    for code, source in FIGURES.items():
        stats, content = source.make(), {}
        for language, _name in settings.LANGUAGES:
            with override(language):
                content[language] = [_told(stat) for stat in stats]
        Figure.objects.update_or_create(
            code=code, defaults={"computed_at": clock.now(), "content": content}
        )


def shown(request: HttpRequest) -> tuple[list[Stat], datetime | None]:
    """The figures that whoever is signed in may see, and when the oldest was computed."""
    may = [code for code, source in FIGURES.items() if allowed(request, source.permission)]
    kept = {figure.code: figure for figure in Figure.objects.filter(code__in=may)}
    held = [kept[code] for code in may if code in kept]
    language = get_language() or settings.LANGUAGE_CODE
    stats = [_stat(content) for figure in held for content in figure.content[language]]
    return stats, min((figure.computed_at for figure in held), default=None)


def queue(request: HttpRequest) -> list[Work]:
    """What waits for whoever is signed in, the gravest first."""
    gravity = {"bad": 0, "warning": 1}
    waiting = [
        one
        for source in WORK.values()
        if allowed(request, source.permission)
        for one in source.make()
        if one.count
    ]
    return sorted(waiting, key=lambda one: gravity.get(one.tone, 2))


def _told(stat: Stat) -> dict[str, Any]:
    """A figure in the language of now, for JSON."""
    found = {field.name: getattr(stat, field.name) for field in fields(stat)}
    texts = {name: str(value) for name, value in found.items() if isinstance(value, Promise)}
    return {**found, **texts, "labels": [str(label) for label in stat.labels]}


def _stat(content: dict[str, Any]) -> Stat:
    lists = {name: tuple(content[name]) for name in ("course", "labels")}
    return Stat(**{**content, **lists})
