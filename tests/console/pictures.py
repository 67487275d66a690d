"""The pictures of docs/screenshots, taken anew from a demo company that lives a little more.

meterline --home demo demo --customers 120 --months 5
python tests/console/pictures.py demo docs/screenshots
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))
PICTURES: Final = {
    "gallery": ("console.gallery", 1280, "light"),
    "home": ("console.home", 1280, "dark"),
    "customers": ("customers.customers", 1280, "light"),
    "customers-narrow": ("customers.customers", 360, "light"),
    "customer": ("console.customer", 1280, "light"),
    "account": ("console.account", 1280, "light"),
    "subscriptions": ("subscriptions.subscriptions", 1280, "light"),
    "plan": ("catalog.plan", 1280, "light"),
    "calendar": ("catalog.calendar", 1280, "light"),
    "draft": ("authoring.draft", 1280, "light"),
    "what-if": ("authoring.what_if", 1280, "dark"),
    "batches": ("usage.batches", 1280, "dark"),
    "rejects": ("usage.rejects", 1280, "light"),
    "sources": ("usage.source_list", 1280, "light"),
    "load": ("usage.load", 360, "dark"),
    "meter": ("reads.meter", 1280, "light"),
    "bill-runs": ("billing.runs", 1280, "dark"),
    "bill-run": ("billing.plan", 1280, "light"),
    "invoice": ("invoices.invoice", 1280, "light"),
    "explained": ("invoices.explained", 1280, "light"),
    "against": ("invoices.against", 1280, "light"),
    "payments": ("payments.payments", 1280, "light"),
    "trial-balance": ("ledger.trial_balance", 1280, "light"),
    "recurring": ("insight.recurring", 1280, "dark"),
    "revenue": ("insight.revenue", 1280, "light"),
    "rules": ("console.rules", 1280, "light"),
    "import": ("console.import_file", 1280, "light"),
    "seller": ("console.seller", 1280, "light"),
    "portal-home": ("portal.home", 360, "light"),
    "portal-usage": ("portal.usage", 360, "light"),
    "portal-bill": ("portal.bill", 360, "dark"),
    "portal-service": ("portal.service", 1280, "light"),
}
"""Name of the file -> page, width, theme."""
HEIGHTS: Final = {1280: 800, 360: 760}
BYTES_MOST: Final = 3_000_000


def take(product: Any, browser: Any, folder: Path) -> None:
    """Find the pages, then picture them."""
    from crawling import crawl
    from living import Doer, live, resident

    home = Path(product.environment["METERLINE_HOME"])
    states = {
        "console": product.signed_in(browser, "admin"),
        "portal": product.states[product.invited(browser, resident(home))],
    }
    contexts = {
        name: browser.new_context(storage_state=state, reduced_motion="reduce")
        for name, state in states.items()
    }
    with tempfile.TemporaryDirectory() as lived:
        first = live(Doer(contexts["console"], product.url), home, Path(lived))
    pages = crawl(contexts["portal"].request, product.url, "/portal/")
    pages |= crawl(contexts["console"].request, product.url, "/", *first)
    for name, (page, width, theme) in PICTURES.items():
        context = contexts["portal" if page.startswith("portal.") else "console"]
        context.add_cookies([{"name": "theme", "value": theme, "url": product.url}])
        shown = context.new_page()
        shown.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        shown.goto(f"{product.url}{pages[page]}")
        if shown.locator("[hx-trigger=load]").count():
            shown.wait_for_load_state("networkidle")
        shown.screenshot(path=folder / f"{name}.png")
        shown.close()


def main(home: Path, folder: Path) -> int:
    """Serve the demo, take all pictures; 1 where they are too large together."""
    from browsing import Product
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    product = Product(home.resolve())
    server = product.serve()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        take(product, browser, folder)
        browser.close()
    server.terminate()
    server.wait()
    size = sum((folder / f"{name}.png").stat().st_size for name in PICTURES)
    sys.stdout.write(f"{len(PICTURES)} pictures, {size} bytes\n")
    return 1 if size > BYTES_MOST else 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meterline.platform.settings")
    import django

    django.setup()
    from meterline.web.page import load_pages

    load_pages()
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
