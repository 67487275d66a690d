"""The main tasks, each by the role whose task it is, in a browser and by keyboard alone."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from console.conftest import Product
from console.keyboard import Hands

from meterline.web import format as written

pytestmark = pytest.mark.slow
Open = Callable[..., Any]


def demo(product: Product, pattern: str) -> Path:
    """The newest file of the demo of this name."""
    home = Path(product.environment["METERLINE_HOME"]) / "demo"
    return sorted(home.rglob(pattern))[-1]


def somebody(product: Product) -> str:
    """The code of a mobile customer since the first month, and of the account."""
    home = Path(product.environment["METERLINE_HOME"]) / "demo" / "import"
    with sorted(home.glob("accounts-*.csv"))[0].open(encoding="utf-8") as file:
        return next(row["code"] for row in csv.DictReader(file) if row["code"].startswith("M"))


def used(product: Product) -> list[dict[str, str]]:
    """Rows of mobile usage, of which somebody may bring more."""
    with demo(product, "mobile-2*.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row["meter"] == "voice" and row["id"].count("-") == 2]


def month(product: Product, after: int = 0) -> date:
    """The first day of the last month that the demo lived, or of so many months after it."""
    last = date.fromisoformat(f"{demo(product, 'mobile-2*.csv').parent.name}-01")
    for _ in range(after):
        last = (last + timedelta(days=31)).replace(day=1)
    return last


def dearer(product: Product, folder: Path, cents: int) -> Path:
    """The catalogue of software, with one price raised by less than 1; each test by its own cents,
    since what one publishes the next compares with."""
    text = demo(product, "software.yaml").read_text()
    changed = re.sub(r'amount: "(\d+)\.00"', rf'amount: "\g<1>.{cents}"', text, count=1)
    assert changed != text
    file = folder / "software.yaml"
    file.write_text(changed)
    return file


def test_usage_is_tried_and_loaded(browser_page: Open, product: Product, tmp_path: Path) -> None:
    row, file = used(product)[0], tmp_path / "extra.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, row)
        writer.writeheader()
        writer.writerow(row | {"id": "extra-1"})
        writer.writerow(row | {"id": "extra-2", "identifier": "000"})
    hands = Hands(browser_page("/", role="billing"))
    hands.press("Usage", "Load a file")
    hands.press("Load a file", "Usage file")
    hands.reads_help()
    hands.give("Usage file", file)
    hands.press("Try it", "Some records would be rejected")
    hands.press("Load it", "What became of it")
    hands.press("Its batch", "Every record ends somewhere")


def test_a_reject_is_mended(browser_page: Open, product: Product) -> None:
    number = used(product)[0]["identifier"]
    hands = Hands(browser_page("/", role="billing"))
    hands.press("Usage records rejected", "What is missing")
    hands.reads_help()
    hands.to("Choose this row")
    hands.press("nobody holds the identifier", "The record")
    hands.fill("Identifier", number)
    hands.press("See what it would become", "Will be rated")
    hands.press("Try 1 again", "Every record ends somewhere")


def test_a_bill_run_is_planned_approved_and_issued(browser_page: Open, product: Product) -> None:
    clerk = Hands(browser_page("/billing/runs/", role="billing"))
    clerk.press("Plan a run", "Bill what is due on")
    clerk.reads_help()
    due = month(product, after=2)
    clerk.day("Bill what is due on", due.month, due.day, due.year)
    clerk.press("Begin the dry run", "What it would bill")
    clerk.press("Ask for approval", "It waits for a second person")
    where = clerk.page.url
    manager = Hands(browser_page("/approvals/", role="finance"))
    manager.press("Issue ", "Asked by")
    manager.press("Approve")
    clerk.page.goto(where)
    clerk.press("Issue", "cannot be changed any more")
    clerk.press("Issue ")
    clerk.page.locator(".page-header .chip[data-tone=good]").wait_for()  # issued
    clerk.press("The run", "The largest")


def test_a_line_is_explained(browser_page: Open) -> None:
    hands = Hands(browser_page("/", role="support"))
    hands.press("Billing")
    hands.press("Invoices")
    hands.reads_help()
    hands.press("ARIA-", "Summary")
    hands.press("Explanation", "How the total comes about")
    line = hands.page.locator("details.explained").first
    hands.to(line.locator(".explained-title").first.inner_text())
    hands.keys.press("Enter")
    line.locator(".explained-sum").first.wait_for()
    hands.sees("How the total comes about")


def test_usage_is_corrected_and_the_bill_with_it(browser_page: Open, product: Product) -> None:
    call = max(used(product), key=lambda row: int(row["duration"]))
    first = month(product)
    hands = Hands(browser_page("/usage/records/", role="billing"))
    hands.reads_help()
    hands.fill("Subscription or identifier", call["identifier"])
    hands.day("from", first.month, first.day, first.year)
    hands.press("Look up", "Rated at")
    hands.press(written.moment(datetime.fromisoformat(call["start"])), "The record")
    hands.press("Take out", "It changes by")
    hands.press("Take out this record", "Every record ends somewhere")
    code = f"M{int(call['identifier'][-6:]):06d}"
    hands.find(code.lower(), code)
    hands.press(code, "Next invoice")
    hands.sees(written.number(-Decimal(call["duration"])))  # is paid back on the next bill


def test_a_payment_is_taken_and_allocated(browser_page: Open, product: Product) -> None:
    hands = Hands(browser_page("/", role="billing"))
    hands.press("Money")
    hands.press("Take a payment", "In the currency of the account")
    hands.reads_help()
    hands.complete("Account", somebody(product))
    hands.fill("Amount", "5.00")
    hands.fill("Reference", "at the desk")
    hands.press("See what it does", "Owes after")
    hands.press("Take 5.00", "at the desk")
    hands.sees("What it settled")


def test_a_plan_is_changed_with_its_effect_seen_before(browser_page: Open) -> None:
    hands = Hands(browser_page("/", role="support"))
    hands.press("Sales")
    hands.fill("Subscription or number", "3932")
    with hands.page.expect_navigation():
        hands.keys.press("Enter")
    hands.to("Clear all")
    hands.press("M0", "Phases")
    hands.press("Change the plan", "As the plan says")
    hands.reads_help()
    hands.to("Plan")
    hands.keys.press("ArrowDown")
    hands.press("See what it does", "With the change")
    hands.press("Change the plan", "Phases")


def test_a_price_is_published_by_two_people(
    browser_page: Open, product: Product, tmp_path: Path
) -> None:
    file = dearer(product, tmp_path, 50)
    author = Hands(browser_page("/", role="product"))
    author.press("Catalogue")
    author.press("Drafts")
    author.press("New draft", "Catalogue file")
    author.reads_help()
    author.give("Catalogue file", file)
    author.press("Check and keep", "Plans that are affected")
    author.press("Mark as reviewed", "somebody else has to approve it")
    second = Hands(browser_page(author.page.url.split(product.url)[1], role="admin"))
    second.sees("Holds from")
    second.press("Approve", "Approve")
    if second.page.get_by_role("button", name="Publish").count() == 0:
        second.press("Approve")
    author.page.reload()
    author.press("Publish", "Publish")
    author.press("Publish", "Its versions are published")


def test_a_tariff_is_asked_what_if(browser_page: Open, product: Product, tmp_path: Path) -> None:
    hands = Hands(browser_page("/", role="product"))
    hands.press("Insight")
    hands.press("What-if", "What-if")
    hands.press("Ask what if", "Every bill of these months is made twice")
    hands.reads_help()
    hands.give("Or a catalogue file", dearer(product, tmp_path, 70))
    hands.press("Work it out", "Pay more")
    more = hands.page.locator(".figure").filter(has_text="Pay more").locator(".stat-value")
    assert int(more.inner_text()) > 0
    tree = hands.page.locator("details.explained").first
    folded = tree.get_attribute("open")
    hands.to(tree.locator(".explained-title").first.inner_text())
    hands.keys.press("Enter")
    assert tree.get_attribute("open") != folded
    hands.sees("The ten largest rises")


def test_a_question_is_answered_from_the_customer(browser_page: Open, product: Product) -> None:
    code = somebody(product)
    hands = Hands(browser_page("/", role="support"))
    hands.find(code.lower(), code)
    hands.sees("What happened")
    hands.reads_help()
    hands.press("Invoices")
    hands.press("ARIA-", "Summary")
    hands.press("Against the last bill", "last")
    hands.find(code.lower(), code)
    hands.fill("Text", "Explained why the bill of this month is higher.")
    hands.press("Keep the note", "Explained why")
