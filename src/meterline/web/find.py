"""What Ctrl-K finds: each kind of thing by a finder of its room.

    @finder("invoices", _("Invoices"), permission="invoices.view")
    def invoices(text: str, limit: int) -> list[Hit]: ...

A finder answers from an index in a few milliseconds, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest

from meterline.access.gate import allowed
from meterline.web.words import Words


@dataclass(frozen=True, kw_only=True)
class Hit:
    """Something found: what it is called, what tells it from others, where it is."""

    title: Words
    url: str
    note: Words = ""
    icon: str = "arrow"
    permission: str = ""
    """Who may open it; empty: who may see its kind."""
    value: str = ""
    """What a field that looks for such things takes over; empty: the title."""


Find = Callable[[str, int], list[Hit]]


@dataclass(frozen=True, kw_only=True)
class Finder:
    """A finder as registered."""

    kind: str
    title: Words
    permission: str
    find: Find


FINDERS: dict[str, Finder] = {}


def finder(kind: str, title: Words, *, permission: str) -> Callable[[Find], Find]:
    """Register a finder."""

    def register(find: Find) -> Find:
        FINDERS[kind] = Finder(kind=kind, title=title, permission=permission, find=find)
        return find

    return register


def found(request: HttpRequest, text: str, limit: int = 6) -> list[tuple[Words, list[Hit]]]:
    """What whoever is signed in may see of what matches, by kind."""
    groups = []
    for one in FINDERS.values():
        hits = one.find(text, limit) if allowed(request, one.permission) else []
        hits = [hit for hit in hits if not hit.permission or allowed(request, hit.permission)]
        if hits:
            groups.append((one.title, hits))
    return groups
