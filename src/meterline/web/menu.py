"""The menu of the console: sections in the order in which money flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.access.gate import allowed
from meterline.web.page import Page, in_menu
from meterline.web.words import Words


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the menu, as shown to somebody."""

    title: Words
    url: str
    icon: str
    here: bool
    pages: list[tuple[Page, str, bool]]


SECTIONS: Final[dict[str, tuple[Words, str]]] = {
    "home": (_("Home"), "home"),
    "customers": (_("Customers"), "people"),
    "catalog": (_("Catalogue"), "tag"),
    "sales": (_("Sales"), "handshake"),
    "usage": (_("Usage"), "pulse"),
    "billing": (_("Billing"), "receipt"),
    "money": (_("Money"), "coins"),
    "insight": (_("Insight"), "chart"),
    "settings": (_("Settings"), "sliders"),
}
"""Section -> title, icon."""

TABS: Final[dict[str, str]] = {
    "home": "home", "usage": "pulse", "bills": "receipt", "services": "box", "account": "user",
}  # fmt: skip
"""The five tabs of the portal: section -> icon."""


def section_of(page: Page | None) -> str | None:
    """The section that a page belongs to: where it stands in the menu, or that of its path."""
    if page is None:
        return None
    if page.menu:
        return page.menu
    first = page.path.split("/")[0]
    return first if first in SECTIONS else None


def menu(request: HttpRequest, page: Page | None) -> list[Entry]:
    """What whoever is signed in may open; a section without any page is left out."""
    current = section_of(page)
    entries = []
    for code, (title, icon) in SECTIONS.items():
        pages = [one for one in in_menu(code) if allowed(request, one.permission)]
        if not pages:
            continue
        lines = [(one, reverse(one.name), one is page) for one in pages]
        entries.append(
            Entry(title=title, url=lines[0][1], icon=icon, here=code == current, pages=lines)
        )
    return entries


def tabs(request: HttpRequest, page: Page | None) -> list[Entry]:
    """The tabs of the portal: the first page of each section."""
    entries = []
    for code, icon in TABS.items():
        one = next(iter(in_menu(code, "portal")))
        within = code != "home" and page is not None and page.path.startswith(f"{one.path}/")
        here = page is one or within
        entries.append(
            Entry(title=one.title, url=reverse(one.name), icon=icon, here=here, pages=[])
        )
    return entries
