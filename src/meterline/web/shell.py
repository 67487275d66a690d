"""What every template knows: the page, the menu, the banners, the base to extend."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_noop as _

from meterline.access.gate import allowed
from meterline.access.permissions import ANYONE, SIGNED_IN
from meterline.web.menu import Entry, menu
from meterline.web.page import PAGES, Page

_DEMO = _("demo company, invented data")  # what `make serve` sets METERLINE_SANDBOX to

OWN_ACCOUNT = "own-account"
"""The help of the pages on which one changes a password or adds a passkey."""


class May:
    """`{% if may.billing.run %}` in a template: is the permission granted?"""

    def __init__(self, request: HttpRequest, room: str = "") -> None:
        self._request = request
        self._room = room

    def __getitem__(self, word: str) -> Any:
        if not self._room:
            return May(self._request, word)
        return allowed(self._request, f"{self._room}.{word}")


def page_of(request: HttpRequest) -> Page | None:
    """The page that a request asks for; None for acts and fragments."""
    match = request.resolver_match
    return getattr(match.func, "page", None) if match else None


def surface_of(request: HttpRequest, page: Page | None) -> str:
    """Console or portal: as the page says; pages for whoever is signed in follow who that is."""
    if page is not None and page.permission not in (ANYONE, SIGNED_IN):
        return page.surface
    seen = getattr(request, "impersonation", None) is not None
    return "portal" if seen or allowed(request, "portal.use") else "console"


def above(request: HttpRequest) -> Page | None:
    """Of an act, the page on which it stands, by its path."""
    route = request.resolver_match.route.strip("/") if request.resolver_match else ""
    known = {one.path: one for one in PAGES.values()}
    while route and route not in known:
        route = route.rpartition("/")[0]
    return known.get(route) if route else None


def help_url(request: HttpRequest, page: Page | None, surface: str) -> str:
    """The help of a page; of pages that are not ours, where help begins."""
    if page is not None:
        return reverse("console.help_topic", args=[page.help])
    if not request.user.is_authenticated:
        return ""
    start = "portal-account" if surface == "portal" else OWN_ACCOUNT
    return reverse("console.help_topic", args=[start])


def context(request: HttpRequest) -> dict[str, Any]:
    """The context processor. Opened in a drawer, a page is what stands in its middle only."""
    page = page_of(request)
    in_drawer = request.headers.get("X-Drawer") == "1"
    surface = surface_of(request, page)
    base = "web/drawer.html" if in_drawer else f"{surface}/shell.html"
    return {
        "base": base,
        "in_drawer": in_drawer,
        "page": page,
        "may": May(request),
        "sandbox": os.environ.get("METERLINE_SANDBOX", ""),
        "impersonation": getattr(request, "impersonation", None),
        "help_url": help_url(request, page or above(request), surface),
        "menu": SimpleLazyObject(partial(_menu, request, page, in_drawer)),  # parts show none
        "look": look(request),
    }


def _menu(request: HttpRequest, page: Page | None, in_drawer: bool) -> list[Entry]:
    return menu(request, page) if not in_drawer and request.user.is_authenticated else []


def look(request: HttpRequest) -> dict[str, str]:
    """Light, dark or as the system; normal or compact; single keys on or off: from cookies, so that
    the first paint is right."""
    theme = request.COOKIES.get("theme", "system")
    density = request.COOKIES.get("density", "normal")
    return {
        "theme": theme if theme in ("light", "dark") else "system",
        "density": density if density == "compact" else "normal",
        "rail": "narrow" if request.COOKIES.get("rail") == "narrow" else "wide",
        "keys": "off" if request.COOKIES.get("keys") == "off" else "on",
    }
