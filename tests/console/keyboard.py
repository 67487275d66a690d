"""Somebody who works by keyboard alone: Tab to a name, Enter, Space, and typing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from console.conftest import axe

MOST = 300  # steps of Tab to anything on a page
PATIENCE = 120_000  # milliseconds, for what the worker does
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return "";
  const labels = [...(one.labels ?? [])].map((label) => label.textContent).join(" ");
  const name = one.getAttribute("aria-label") || labels || one.textContent || one.value || "";
  return name.replace(/\\s+/g, " ").trim();
}"""
COVERED = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  if (!box.width || getComputedStyle(one).opacity === "0") return false;
  const down = Math.min(box.height, 20) / 2;
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + down);
  return top !== null && !one.contains(top) && !top.contains(one)
    && ![...(one.labels ?? [])].some((label) => label.contains(top));
}"""


class Hands:
    """Hands on a keyboard, at a page that is open."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.keys = page.keyboard
        page.set_default_timeout(PATIENCE)

    def to(self, name: str) -> None:
        """Tab until what is called so has the focus, and see that nothing covers it."""
        name, passed = " ".join(name.split()), []
        for _ in range(MOST):
            self.keys.press("Tab")
            here = self.page.evaluate(FOCUSED)
            if name in here:
                assert not self.page.evaluate(COVERED), f"{name} is covered"
                return
            passed.append(here)
        raise AssertionError(f"Tab does not reach {name!r}; it passed {passed}")

    def press(self, name: str, then: str = "") -> None:
        """Go to a link or a button and press Enter; wait for the words `then`, if any."""
        self.to(name)
        with self.page.expect_navigation():
            self.keys.press("Enter")
        if then:
            self.sees(then)

    def fill(self, name: str, text: str) -> None:
        """Type into a field, in the place of what stands there."""
        self.to(name)
        self.keys.press("Control+a")
        self.keys.type(text)

    def day(self, name: str, month: int, day: int, year: int) -> None:
        """Type a date, as the browser of an American asks for it."""
        self.to(name)
        self.keys.type(f"{month:02d}{day:02d}{year}")

    def complete(self, name: str, text: str) -> None:
        """Type into a field that completes itself, and take the first that it finds."""
        self.fill(name, text)
        self.page.wait_for_selector("[role=option]")
        self.keys.press("Enter")

    def give(self, name: str, file: Path) -> None:
        """Choose a file, once its field has the focus; the chooser itself is the system's."""
        self.to(name)
        self.page.locator(":focus").set_input_files(file)

    def find(self, text: str, hit: str) -> None:
        """Ctrl-K, type, Enter on what is called so."""
        self.keys.press("Control+k")
        self.keys.type(text)
        self.page.wait_for_selector(f"[role=option] >> text={hit}")
        self.keys.press("ArrowDown")
        with self.page.expect_navigation():
            self.keys.press("Enter")

    def sees(self, words: str) -> None:
        """Wait until these words are on the page, which is well made and has its help."""
        self.page.locator("main").get_by_text(words).first.wait_for()
        self.page.wait_for_load_state()
        assert axe(self.page) == [], self.page.url
        assert self.page.locator("[data-help]").count() == 1, self.page.url

    def reads_help(self) -> None:
        """`?` opens the page's help, Escape closes it again."""
        self.page.evaluate("document.activeElement.blur()")
        self.keys.press("?")
        self.page.wait_for_selector("dialog.drawer[open] h1")
        self.keys.press("Escape")
        self.page.wait_for_selector("dialog.drawer[open]", state="hidden")
