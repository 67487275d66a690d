"""The pages in a browser: nothing in its console, nothing that axe finds, at each size and look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from console.conftest import axe
from meterline.customers import services
from meterline.web import figures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PATHS = ["/", "/gallery/", "/gallery/?wrong=1&messages=1", "/customers/", "/approvals/",
         "/settings/users/", "/settings/users/add/", "/settings/roles/new/", "/settings/keys/",
         "/settings/audit/", "/settings/jobs/", "/help/", "/search/?q=a"]  # fmt: skip


def some() -> None:
    for index in range(60):
        services.create_customer(code=f"C{index:03}", name=f"Rossi {index}")
        services.create_account(code=f"C{index:03}", currency="EUR", customer=f"C{index:03}")
    figures.refresh()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440, 1920])
def test_pages(browser_page: Callable[..., Any], width: int, theme: str) -> None:
    some()
    for path in PATHS:
        page = browser_page(path, width=width, theme=theme)
        assert axe(page) == [], path
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, path
        page.context.close()


def test_the_palette_finds_by_keyboard(browser_page: Callable[..., Any]) -> None:
    some()
    page = browser_page("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("rossi 5")
    page.wait_for_selector("[role=option] >> text=Rossi 5")
    assert axe(page) == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/customers/C05*/")


def test_help_opens_in_the_drawer_and_gives_the_focus_back(browser_page: Callable[..., Any]) -> None:
    page = browser_page("/customers/")
    page.keyboard.press("?")
    page.wait_for_selector("dialog.drawer[open] h1")
    assert axe(page) == []
    page.keyboard.press("Escape")
    assert page.locator("dialog.drawer[open]").count() == 0


def test_a_list_is_filtered_and_paged_and_its_rows_chosen(browser_page: Callable[..., Any]) -> None:
    some()
    page = browser_page("/customers/")
    page.click("text=Next")
    page.wait_for_selector("text=Rossi 59")
    page.fill("input[name=q]", "Rossi 3")
    page.keyboard.press("Enter")
    page.wait_for_selector(".filter-chip")
    assert page.locator("tbody tr").count() == 11
    assert page.url.endswith("?q=Rossi+3")
    page.goto(page.url.split("/customers/")[0] + "/gallery/")
    page.click("[data-picks-all]")
    page.click("text=Look at them")
    page.wait_for_selector("dd:has-text('8')")


def test_signing_in_by_password(browser_page: Callable[..., Any], live_server: Any) -> None:
    from meterline.access import services as access

    access.add_user("anna@example.com", roles=["billing"], password="a long pass phrase")
    page = browser_page("/account/login/", role="admin")
    page.context.clear_cookies()
    page.goto(f"{live_server.url}/customers/")
    assert axe(page) == []
    page.fill("input[type=email]", "anna@example.com")
    page.fill("input[type=password]", "a long pass phrase")
    page.click("button:has-text('Sign in') >> nth=0")
    page.wait_for_url("**/customers/")
