"""The gallery at each size and look; the palette, help, lists and signing in, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from console.conftest import Product, axe

pytestmark = pytest.mark.slow
SIZES = ((360, "light"), (1440, "dark"), (1920, "light"))


@pytest.mark.parametrize(("width", "theme"), SIZES)
def test_the_gallery(browser_page: Callable[..., Any], width: int, theme: str) -> None:
    """Every component in all of its states; pages are walked by test_walk.py."""
    for path in ("/gallery/", "/gallery/?wrong=1&messages=1"):
        page = browser_page(path, width=width, theme=theme)
        assert axe(page) == [], path
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, path
        page.context.close()


def test_the_palette_finds_by_keyboard(browser_page: Callable[..., Any]) -> None:
    page = browser_page("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("m000001")
    page.wait_for_selector("[role=option] >> text=M000001")
    assert axe(page) == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/customers/M000001/")


def test_help_opens_in_the_drawer(
    browser_page: Callable[..., Any],
) -> None:
    page = browser_page("/customers/")
    page.keyboard.press("?")
    page.wait_for_selector("dialog.drawer[open] h1")
    assert axe(page) == []
    page.keyboard.press("Escape")
    assert page.locator("dialog.drawer[open]").count() == 0


def test_a_list_is_filtered_and_paged_and_its_rows_chosen(
    browser_page: Callable[..., Any], product: Product
) -> None:
    page = browser_page("/customers/")
    page.click("text=Next")
    page.wait_for_selector("text=Previous")
    assert page.locator("tbody tr").count() == 10
    page.fill("input[name=q]", "M00000")
    page.keyboard.press("Enter")
    page.wait_for_selector(".filter-chip")
    assert page.locator("tbody tr").count() == 9
    assert page.url.endswith("?q=M00000")
    page.goto(f"{product.url}/gallery/")
    page.click("[data-picks-all]")
    page.click("text=Look at them")
    page.wait_for_selector("dd:has-text('8')")


def test_signing_in(browser_page: Callable[..., Any], product: Product) -> None:
    page = browser_page("/customers/", role=None)
    assert "/account/login/" in page.url
    assert axe(page) == []
    page.fill("input[type=email]", "nobody@example.com")
    page.fill("input[type=password]", "a long pass phrase")
    page.click("button:has-text('Sign in') >> nth=0")
    page.wait_for_selector(".error, .notice")
    assert axe(page) == []
