"""Invoices on pages: list, document, explanation, why it changed, crediting a line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from billing.world import BILLED, Used, bill, load, set_up
from console.conftest import axe
from django.test import Client
from django.urls import reverse

from meterline.access import approvals, limits
from meterline.access.models import Approval
from meterline.invoices import reading
from meterline.invoices.against import causes
from meterline.invoices.models import Invoice
from meterline.platform import audit
from meterline.web.find import FINDERS

Clerk = Callable[[str], Client]


@pytest.fixture
def billed(db: None, home: Path) -> list[Invoice]:
    """The invoices of account a, of three months with more and more usage."""
    set_up()
    for month, quantity in zip(BILLED, (30, 60, 90), strict=True):
        minute = (month.month - 2) * 44_640 + 600
        load([Used(number=month.month, subscription="s1", minute=minute, meter="data",
                   quantity=quantity)], month)  # fmt: skip
        bill(month)
    return list(Invoice.objects.filter(account__code="a").order_by("id"))


def text(client: Client, name: str, *args: Any, **query: Any) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def test_the_list_is_narrowed_by_each_filter(billed: list[Invoice], clerk: Clerk) -> None:
    client = clerk("billing")
    first, last = billed[0], billed[-1]

    def shown(**query: Any) -> set[str]:
        page = text(client, "invoices.invoices", **query)
        numbers = Invoice.objects.values_list("number", flat=True)
        return {number for number in numbers if f">{number}</a>" in page}

    every = set(Invoice.objects.values_list("number", flat=True))
    assert shown() == every
    assert shown(q=first.number.lower()) == {first.number}
    assert shown(q="a") == {one.number for one in billed}
    assert shown(state="overdue") | shown(state="open") == every
    assert shown(state="paid") == set()
    assert last.number in shown(issue_date_from=last.issue_date.isoformat())
    assert first.number not in shown(issue_date_from=last.issue_date.isoformat())
    assert shown(least="100000") == shown(currency="USD") == shown(run="999") == set()
    assert first.number in shown(run=str(first.bill_run_id))
    assert [hit.title for hit in FINDERS["invoices"].find(first.number[:5], 1)] == [first.number]


def test_a_document_is_what_its_pdf_shows(billed: list[Invoice], clerk: Clerk) -> None:
    client, one = clerk("read-only"), billed[-1]
    page = text(client, "invoices.invoice", one.pk)
    assert one.number in page
    for line in one.lines.all():
        assert line.name in page
    assert f"{one.total:,.2f}" in page
    assert "Credit a line" not in page
    for format, begins in (("pdf", b"%PDF"), ("html", b"<!doctype"), ("json", b"{")):
        answer = client.get(reverse("invoices.download", args=[one.pk, format]))
        assert answer.content.startswith(begins)
    assert client.get(reverse("invoices.download", args=[one.pk, "exe"])).status_code == 422
    assert client.get(reverse("invoices.invoice", args=[10**9])).status_code == 404


def test_each_line_is_explained(billed: list[Invoice], clerk: Clerk) -> None:
    page = text(clerk("read-only"), "invoices.explained", billed[1].pk)
    for line in billed[1].lines.all():
        assert f"{line.amount:,.2f} EUR".replace("-", "\N{MINUS SIGN}") in page
    assert "round(" in page
    assert "The usage records behind it" in page


def test_the_causes_of_a_change_add_up(billed: list[Invoice], clerk: Clerk) -> None:
    client = clerk("read-only")
    assert "There is no bill before this one" in text(client, "invoices.against", billed[0].pk)
    for before, after in pairwise(billed):
        found = causes(reading.lines([before.pk]), reading.lines([after.pk]),
                       (before.tax, after.tax), 2)  # fmt: skip
        assert sum((amount for _cause, amount in found), Decimal(0)) == after.total - before.total
        page = text(client, "invoices.against", after.pk)
        assert f"{after.total:,.2f}" in page
        assert "Usage: more or less was used" in page


def line(**changes: Any) -> dict[str, Any]:
    return {
        "subscription_id": 1, "price_code": "p", "kind": "usage", "season": None, "band": None,
        "by_value": None, "start_at": datetime(2026, 1, 1, tzinfo=UTC),
        "end_at": datetime(2026, 2, 1, tzinfo=UTC), "quantity": Decimal(310),
        "amount": Decimal(31), "inputs": {}, **changes,
    }  # fmt: skip


FEE = {"kind": "recurring", "quantity": Decimal(2), "amount": Decimal(20)}
SHORTER = {"start_at": datetime(2026, 2, 1, tzinfo=UTC), "end_at": datetime(2026, 3, 1, tzinfo=UTC)}


def daily(days: int) -> dict[str, Any]:
    """2 units at 1 a day: the line's quantity counts the days too."""
    return {
        "quantity": Decimal(2 * days), "amount": Decimal(2 * days),
        "inputs": {"share": f"{days}/1", "rows": [{"quantity": "2"}]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # usage: 10 a day at 0.10
        ([line()], [line()], {}),
        ([line()], [line(**SHORTER, quantity=Decimal(280), amount=Decimal(28))], {"days": -3}),
        ([line()], [line(quantity=Decimal(620), amount=Decimal(62))], {"usage": 31}),
        ([line()], [line(amount=Decimal(62))], {"price": 31}),
        ([], [line()], {"usage": 31}),
        ([line()], [], {"usage": -31}),
        # what recurs: 2 at 10
        ([line(**FEE)], [line(**FEE | {"amount": Decimal(24)})], {"price": 4}),
        ([line(**FEE)], [line(**FEE | {"quantity": Decimal(3), "amount": Decimal(30)})],
         {"services": 10}),
        ([line(**FEE)], [line(**FEE | {"amount": Decimal(10), "inputs": {"share": "1/2"}})],
         {"days": -10}),
        ([line(**FEE)], [], {"services": -20}),
        # by the day: 2 at 1 a day
        ([line(**FEE | daily(30))], [line(**FEE | daily(31))], {"days": 2}),
        # what is not measured
        ([], [line(kind="one_time")], {"one_offs": 31}),
        ([], [line(kind="discount", amount=Decimal(-3))], {"credits": -3}),
        ([], [line(inputs={"before": "5"}, amount=Decimal(2))], {"credits": 2}),
        ([], [line(**FEE | {"inputs": {"credit_of": "5"}, "amount": Decimal(-2)})],
         {"credits": -2}),
        ([line(kind="minimum")], [], {"minimums": -31}),
    ],
)  # fmt: skip
def test_causes(before: list[Any], after: list[Any], expected: dict[str, int]) -> None:
    assert dict(causes(before, after, (Decimal(0), Decimal(0)), 2)) == expected


def test_part_of_a_line_is_credited_after_it_was_seen(billed: list[Invoice], clerk: Clerk) -> None:
    one = billed[0]
    base = one.lines.filter(kind="recurring").order_by("position")[0]
    url = reverse("invoices.credit", args=[one.pk])
    form = {"line": str(base.pk), "amount": "2.00"}
    assert clerk("support").post(url, form).status_code == 403
    client, count = clerk("billing"), Invoice.objects.count()
    shown = client.post(url, form).content.decode().replace("\N{NO-BREAK SPACE}", " ")
    assert "Credit 2.44 EUR" in shown
    assert Invoice.objects.count() == count
    answer = client.post(url, {**form, "confirm": "1"})
    note = Invoice.objects.latest("id")
    assert answer["Location"] == reverse("invoices.invoice", args=[note.pk])
    assert (note.kind, note.total, note.account) == ("credit_note", Decimal("-2.44"), one.account)
    assert note.number in text(client, "invoices.invoice", one.pk)
    assert one.number in text(client, "invoices.invoice", note.pk)
    too_much = client.post(url, {**form, "amount": "9.00"}).content.decode()
    assert "are left to credit" in too_much
    assert Invoice.objects.count() == count + 1


def test_a_large_credit_note_needs_a_second_person(billed: list[Invoice], clerk: Clerk) -> None:
    one, client = billed[0], clerk("billing")
    base = one.lines.filter(kind="recurring").order_by("position")[0]
    url = reverse("invoices.credit", args=[one.pk])
    limits.set_limit("EUR", Decimal(1))
    form = {"line": str(base.pk), "amount": "2.00"}
    shown = client.post(url, form).content.decode().replace("\N{NO-BREAK SPACE}", " ")
    assert "Ask for approval of 2.44" in shown
    count = Invoice.objects.count()
    client.post(url, {**form, "confirm": "1"})
    asked = Approval.objects.get(kind="credit.note")
    assert Invoice.objects.count() == count
    with audit.acting_as("user:finance@example.com"):
        approvals.decide(asked.pk, approved=True)
    assert "Issue the credit note" in client.get(url).content.decode()
    client.post(reverse("invoices.credit_approved", args=[asked.pk]))
    note = Invoice.objects.latest("id")
    assert (note.total, Invoice.objects.count()) == (Decimal("-2.44"), count + 1)


@pytest.mark.slow
def test_the_pages_in_a_browser(browser_page: Callable[..., Any]) -> None:
    for theme, width in (("light", 1440), ("dark", 360)):
        page = browser_page("/billing/invoices/", theme=theme, width=width)
        assert axe(page) == []
        page.click("tbody tr:first-child a")
        page.wait_for_selector("nav.tabs")
        url = page.url
        for path in ("", "explained/", "against/", "credit/"):
            page.goto(f"{url}{path}")
            assert axe(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
