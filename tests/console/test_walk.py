"""Every page, by each role that may see it, in a browser: nothing in its console, nothing that axe
finds, nothing cut off or hidden, its help, and no link that leads to a refusal.

Sizes and themes are dealt out to the visits of a page in a fixed way, so that each page is seen
narrow and wide, light and dark. A page that no link leads to fails the test: link to it, or let
`living.py` make what it shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browsing import Product
from crawling import crawl, key, links
from living import Doer, live, resident
from looking import HEIGHT, faults

from meterline.access.permissions import ANYONE, ROLES, SIGNED_IN
from meterline.web.page import PAGES, load_pages

pytestmark = pytest.mark.slow
load_pages()
NOBODY = "nobody"
WALKERS = ("billing", "finance", "support", "auditor", "customer")
"""Clerk, manager, support, auditor and customer; the administrator goes where none of them may."""
EVERYBODY = (*WALKERS, "admin", NOBODY)
MORE = {"console.import_file": {"customers.edit", "settings.view"}}
"""Pages that ask for one of these besides what they declare, for what `living.py` made."""
NARROW, WIDE = 360, (1440, 1920)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A page as somebody sees it."""

    page: str
    role: str
    width: int
    theme: str
    seen: bool
    """Narrow and wide, light and dark, by others."""


def may(role: str, page: str) -> bool:
    """May somebody of this role see a page, and would look for it on their side?"""
    declared = PAGES.get(page.split(maxsplit=1)[0])
    asked = SIGNED_IN if declared is None else declared.permission
    if asked == ANYONE or page == "account_login":
        return role == NOBODY
    held = {SIGNED_IN, *ROLES.get(role, ("", ()))[1]}
    return role != NOBODY and asked in held and not MORE.get(page, held).isdisjoint(held)


def visits(pages: list[str]) -> Iterator[Visit]:
    """Who looks at which page, and how: at least twice, narrow and wide, light and dark."""
    for number, page in enumerate(sorted(pages)):
        roles = [role for role in WALKERS if may(role, page)]
        roles = roles or [role for role in EVERYBODY if may(role, page)]
        roles *= 1 if len(roles) > 1 else 2
        for turn, role in enumerate(roles[number % len(roles) :] + roles[: number % len(roles)]):
            theme = "dark" if (number + turn) % 2 else "light"
            width = WIDE[(number + turn) // 2 % 2] if turn % 2 else NARROW
            yield Visit(page=page, role=role, width=width, theme=theme, seen=turn >= 2)


@dataclass(frozen=True, kw_only=True)
class World:
    """A product in which everything has happened, and where its pages stand."""

    product: Product
    browser: Any
    states: dict[str, Any]
    pages: dict[str, str]


def _cookies(product: Product, browser: Any, customer: str) -> dict[str, Any]:
    states = {role: product.signed_in(browser, role) for role in (*WALKERS[:-1], "admin")}
    kept = product.invited(browser, customer)
    return {**states, "customer": product.states[kept], NOBODY: None}


@pytest.fixture(scope="session")
def world(product: Product, chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Live a little, then find where every page stands by following links."""
    home = Path(product.environment["METERLINE_HOME"])
    customer = resident(home)
    states = _cookies(product, chromium, customer)
    contexts = {
        role: chromium.new_context(storage_state=states[role])
        for role in ("admin", "customer", NOBODY)
    }  # fmt: skip
    someone = Doer(contexts["customer"], product.url)
    bills = links(someone.read("/portal/bills/"), product.url)
    bill = next(path for path in bills if key(path) == "portal.bill")
    someone.send(f"{bill}ask/", text="Why is this more than last month?")
    first = live(Doer(contexts["admin"], product.url), home, tmp_path_factory.mktemp("lived"))
    told = product.run("portal", "invite", customer, "late@example.com")
    welcome = told[told.index("/portal/welcome/") :].split()[0]
    pages = crawl(contexts[NOBODY].request, product.url, welcome, "/account/login/")
    pages |= crawl(contexts["customer"].request, product.url, "/portal/")
    pages |= crawl(contexts["admin"].request, product.url, "/", *first)
    for context in contexts.values():
        context.close()
    return World(product=product, browser=chromium, states=states, pages=pages)


def test_links_lead_to_every_page(world: World) -> None:
    assert sorted({*PAGES} - {page.split()[0] for page in world.pages}) == []


def test_each_page_is_seen_narrow_and_wide_light_and_dark() -> None:
    planned = list(visits(list(PAGES)))
    for page in PAGES:
        mine = [visit for visit in planned if visit.page == page]
        whole = [visit for visit in mine if not visit.seen]
        assert {visit.theme for visit in whole} == {"light", "dark"}, page
        assert {visit.width == 360 for visit in whole} == {True, False}, page
        assert {visit.role for visit in mine} >= {role for role in WALKERS if may(role, page)}, page


@pytest.mark.parametrize("role", EVERYBODY)
def test_walk(role: str, world: World) -> None:
    context = world.browser.new_context(storage_state=world.states[role], reduced_motion="reduce")
    page, said, wrong = context.new_page(), [], []
    page.on("console", lambda one: said.append(one.text)
            if one.type in ("error", "warning") else None)  # fmt: skip
    page.on("pageerror", lambda error: said.append(str(error)))
    for visit in visits(list(world.pages)):
        if visit.role != role:
            continue
        status = _go(page, world, visit)
        found = _faults(page, visit) if status == 200 else [f"answers {status}"]
        found += said
        wrong += [f"{visit}: {fault}" for fault in found]
        said.clear()
    context.close()
    assert not wrong, "\n".join(wrong)


def _go(page: Any, world: World, visit: Visit) -> int:
    """Open the page of a visit, and wait for its parts; gives the status."""
    cookie = {"name": "theme", "value": visit.theme, "url": world.product.url}
    page.context.add_cookies([cookie])
    page.set_viewport_size({"width": visit.width, "height": HEIGHT})
    answer = page.goto(f"{world.product.url}{world.pages[visit.page]}")
    if page.locator("[hx-trigger=load]").count():
        page.wait_for_load_state("networkidle")
    return int(answer.status)


def _faults(page: Any, visit: Visit) -> list[str]:
    return [
        *faults(page, helps=visit.role != NOBODY, seen=visit.seen),
        *_refused(page, visit.role),
    ]  # help is behind the sign-in


def _refused(page: Any, role: str) -> list[str]:
    """Links to pages that this role may not see."""
    leads = {key(path.split("?")[0]) for path in links(page.content(), page.url)} - {""}
    return [f"leads to {one}, which is refused" for one in sorted(leads) if not may(role, one)]
