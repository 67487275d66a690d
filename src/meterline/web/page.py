"""The registry of pages and acts: each says its path, title, permission, menu place and help.

    @page("billing/runs", title=_("Bill runs"), permission="billing.view", menu="billing")
    def runs(request: HttpRequest) -> HttpResponse: ...

    @act("billing/runs/<int:run_id>/approve", permission="billing.approve")
    def approve(request: HttpRequest, run_id: int) -> HttpResponse: ...

The URL's name is `room.function`, such as `billing.runs`. A page answers GET, and POST where it
declares `write`, the permission for changing something; an act answers POST only.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import URLPattern, path, register_converter, reverse

from meterline.web.codes import CodeConverter
from meterline.web.words import Words

register_converter(CodeConverter, "code")

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a URL is, for the gate, the menu, the palette and the help."""

    name: str
    path: str
    title: Words
    permission: str
    write: str | None
    menu: str | None
    order: int
    help: str
    surface: str
    view: View

    @property
    def placed(self) -> bool:
        """Does it stand in the menu? Then its path has no parameters."""
        return self.menu is not None


PAGES: dict[str, Page] = {}
ACTS: dict[str, URLPattern] = {}


def page(
    where: str,
    *,
    title: Words,
    permission: str,
    write: str | None = None,
    menu: str | None = None,
    order: int = 50,
    help: str | None = None,
    surface: str = "console",
) -> Callable[[View], View]:
    """Register a page. `menu` is the section of the menu in which it stands, at `order`; `section`
    pages without one belong to no section. `help` is the name of its Markdown file, by default
    that of the URL with a hyphen (`billing-runs`)."""

    def register(view: View) -> View:
        name = _name(view)

        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in ("GET", "HEAD") and (
                write is None or request.method != "POST"
            ):
                return HttpResponseNotAllowed(["GET"] if write is None else ["GET", "POST"])
            return view(request, *args, **kwargs)

        made = Page(
            name=name, path=where, title=title, permission=permission, write=write, menu=menu,
            order=order, help=help or name.replace(".", "-").replace("_", "-"), surface=surface,
            view=answer,
        )  # fmt: skip
        answer.page = made  # type: ignore[attr-defined]
        answer.permission = permission  # type: ignore[attr-defined]
        answer.write_permission = write or permission  # type: ignore[attr-defined]
        _new(name)
        PAGES[name] = made
        return view

    return register


def act(where: str, *, permission: str) -> Callable[[View], View]:
    """Register an act: POST only. It ends in `done(...)`, or shows `confirm(...)` first."""

    def register(view: View) -> View:
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            return view(request, *args, **kwargs)

        return _plain(where, view, answer, permission)

    return register


def fragment(where: str, *, permission: str) -> Callable[[View], View]:
    """Register a URL that gives a part of a page, a file or a stream: GET only."""

    def register(view: View) -> View:
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in ("GET", "HEAD"):
                return HttpResponseNotAllowed(["GET"])
            return view(request, *args, **kwargs)

        return _plain(where, view, answer, permission)

    return register


def done(request: HttpRequest, message: Words, to: Any, *args: Any, **kwargs: Any) -> HttpResponse:
    """After an act: say what happened, and go where its result stands (a URL, or a URL's name)."""
    messages.success(request, str(message))
    return HttpResponseRedirect(resolve_url(to, *args, **kwargs), status=303)


def link(name: str, query: str = "") -> str:
    """Where a page is, with a query; Home where there is no such page."""
    known = name in PAGES or name in ACTS
    return f"{reverse(name)}{f'?{query}' if query else ''}" if known else reverse("console.home")


def load_pages() -> None:
    """Import the `pages` of every room (a module, or a folder of modules), which registers them."""
    import meterline

    for room in pkgutil.iter_modules(meterline.__path__):
        if not room.ispkg:
            continue
        package = importlib.import_module(f"meterline.{room.name}")
        for inner in pkgutil.iter_modules(package.__path__):
            if inner.name != "pages":
                continue
            pages = importlib.import_module(f"meterline.{room.name}.pages")
            for one in pkgutil.iter_modules(getattr(pages, "__path__", ())):
                importlib.import_module(f"meterline.{room.name}.pages.{one.name}")


def patterns() -> list[URLPattern]:
    """The URLs of all registered pages and acts."""
    load_pages()
    made = [path(_route(one.path), one.view, name=one.name) for one in PAGES.values()]
    return [*made, *ACTS.values()]


def in_menu(section: str, surface: str = "console") -> Iterable[Page]:
    """The pages of a section of the menu, in order."""
    chosen = [one for one in PAGES.values() if one.menu == section and one.surface == surface]
    return sorted(chosen, key=lambda one: (one.order, str(one.path)))


def _plain(where: str, view: View, answer: View, permission: str) -> View:
    name = _name(view)
    answer.permission = permission  # type: ignore[attr-defined]
    _new(name)
    ACTS[name] = path(_route(where), answer, name=name)
    return view


def _route(where: str) -> str:
    return f"{where}/" if where else ""


def _name(view: View) -> str:
    room = view.__module__.split(".")[1]
    return f"{room}.{view.__name__}"


def _new(name: str) -> None:
    if name in PAGES or name in ACTS:
        raise ValueError(f"two pages are called {name}")
