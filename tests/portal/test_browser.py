"""The portal in a browser, as a customer: usage by months, a bill asked about by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from console.conftest import axe

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (360, "light"), (1440, "light")])
def test_usage_of_months_in_units(
    browser_page: Any, signed_in: str, width: int, theme: str
) -> None:
    path = "/portal/usage/?every=month&show=units"
    page = browser_page(path, role=signed_in, width=width, theme=theme)
    page.wait_for_load_state("networkidle")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.context.close()


def test_a_bill_is_read_and_asked_about_by_keyboard(browser_page: Any, signed_in: str) -> None:
    page = browser_page("/portal/bills/", role=signed_in, width=360)
    page.focus(".bill-list a")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Line by line")
    assert axe(page) == []
    page.focus("details.explained summary")
    page.keyboard.press("Enter")
    assert page.locator("details.explained[open]").count() >= 1
    page.focus("text=Ask about this line")
    page.keyboard.press("Enter")
    page.wait_for_selector("textarea")
    page.keyboard.press("Tab")
    page.fill("textarea", "Why is this more than last month?")
    page.focus("button.primary")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Your question is with us")
    assert page.locator("text=Why is this more than last month?").count() == 1
