"""Walk every page of a served product in a browser: axe, overflow, console errors, screenshots.

    meterline serve --port 8477 --sign-in you@example.com     # prints a link
    python tests/console/walk.py http://127.0.0.1:8477/sign-in/... folder

One page for each URL that links lead to is looked at, at 1,440 px in light, 1,920 px and 360 px in
dark. Prints what is wrong, and which URLs of the console no link led to.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))
WIDE = "document.documentElement.scrollWidth - innerWidth"
LINKS = "[...document.querySelectorAll('a[href]')].map(one => one.href)"
HEIGHT = 900


def say(text: str) -> None:
    """A line on the terminal, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def pages(browser: Any, first: str) -> Iterator[tuple[str, Any]]:
    """(name of the URL, page that shows it), each name once."""
    from django.urls import Resolver404, resolve

    from meterline.web.page import PAGES

    context = browser.new_context(
        viewport={"width": 1440, "height": HEIGHT}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(first)
    root = "{0.scheme}://{0.netloc}/".format(urlsplit(first))
    waiting, seen = [root], set()
    while waiting:
        url = waiting.pop(0)
        try:
            name = resolve(urlsplit(url).path).view_name
        except Resolver404:
            continue
        if name in seen or name not in PAGES or PAGES[name].surface != "console":
            continue
        seen.add(name)
        page.goto(url)
        yield name, page
        found = [urljoin(root, link) for link in page.evaluate(LINKS)]
        waiting += [link for link in found if link.startswith(root)]
    missed = [one.name for one in PAGES.values() if one.surface == "console"]
    say("no link led to: " + (", ".join(sorted(set(missed) - seen)) or "none"))


def look(name: str, page: Any, folder: Path) -> list[str]:
    """What is wrong with one page; its screenshots are written."""
    from console.conftest import axe

    wrong = [f"1440 light: {fault}" for fault in axe(page)]
    page.screenshot(path=folder / f"{name}-1440.png")
    for width in (1920, 360):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if page.evaluate(WIDE) > 0:
            wrong.append(f"{width}: wider than the screen by {page.evaluate(WIDE)} px")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    wrong += [f"360 dark: {fault}" for fault in axe(page)]
    page.screenshot(path=folder / f"{name}-360.png")
    page.set_viewport_size({"width": 1440, "height": HEIGHT})
    page.screenshot(path=folder / f"{name}-1440-dark.png")
    return wrong


def main(first: str, folder: Path) -> int:
    """Look at all pages; 1 where something is wrong."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    faults, looked = 0, 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        said: list[str] = []
        heard = False
        for name, page in pages(browser, first):
            if not heard:
                page.on("console", lambda one: said.append(one.text)
                        if one.type in ("error", "warning") else None)  # fmt: skip
                page.on("pageerror", lambda error: said.append(str(error)))
                heard = True
            wrong = look(name, page, folder) + said
            said.clear()
            looked += 1
            faults += len(wrong)
            for fault in wrong:
                say(f"{name}: {re.sub(chr(10), ' ', fault)}")
        browser.close()
    say(f"{looked} pages, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meterline.platform.settings")
    import django

    django.setup()
    from meterline.web.page import load_pages

    load_pages()
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
