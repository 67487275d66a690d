"""Documents as they were issued: golden files of story.yaml, and what holds for any document."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from meterline.invoices import reading, reports
from meterline.invoices.document import blocks
from meterline.invoices.errors import UnknownDocument, UnknownFormat
from meterline.invoices.formats import document_format
from meterline.invoices.models import Invoice

GOLDEN = Path(__file__).parent / "golden"
WRITE = "METERLINE_WRITE_GOLDEN" in os.environ
"""Set it to write the golden files anew, then read the difference."""


@pytest.mark.parametrize(("which", "name"), [(2, "invoice"), (3, "credit-note")])
@pytest.mark.parametrize("format", ["json", "html"])
def test_golden(story: list[str], which: int, name: str, format: str) -> None:
    made = document_format(format).render(reports.document(story[which], usage_detail=True))
    text = re.sub("<style>.*?</style>", "", made.decode(), flags=re.DOTALL)
    text = text.replace("><", ">\n<") + "\n"
    path = GOLDEN / f"{name}.{format}"
    if WRITE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_sums_agree(story: list[str]) -> None:
    for document in map(reports.document, story):
        lines = [line for block in document.blocks for line in block.lines]
        assert sum(line.amount for line in lines) == document.net
        assert sum(block.total for block in document.blocks) == document.net
        assert sum(tax.amount for tax in document.taxes) == document.tax
        assert document.net + document.tax == document.total
        assert document.total - document.credit_applied == document.due
        assert [line.position for line in lines] == list(range(1, len(lines) + 1))


def test_many_documents_take_as_many_queries_as_one(story: list[str]) -> None:
    ids = reading.ids_of(story)
    for some in (ids[:1], ids):
        with CaptureQueriesContext(connection) as queries:
            found = reports.documents(some)
        assert len(found) == len(some)
        assert len(queries) == 4
    assert [document.number for document in found] == story
    assert list(reports.documents_of(story, usage_detail=False)) == found


@pytest.mark.parametrize("table", ["invoices_invoice", "invoices_line", "invoices_tax"])
@pytest.mark.parametrize(
    "change", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
def test_issued_documents_never_change(story: list[str], table: str, change: str) -> None:
    with connection.cursor() as cursor, pytest.raises(DatabaseError), transaction.atomic():
        cursor.execute(change.format(table))
    assert Invoice.objects.count() == len(story)


@pytest.mark.django_db
def test_unknown_numbers_and_formats() -> None:
    with pytest.raises(UnknownDocument, match="no invoice X-1"):
        reports.document("X-1")
    with pytest.raises(UnknownDocument):
        list(reports.documents_of(["X-1"], usage_detail=True))
    with pytest.raises(UnknownFormat, match="html, json, pdf"):
        document_format("doc")


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("2024-02-29T23:00", "2024-03-31T22:00", date(2024, 3, 1), date(2024, 3, 31)),
        ("2024-03-30T23:00", "2024-03-31T22:00", date(2024, 3, 31), date(2024, 3, 31)),
        ("2024-03-01T12:00", "2024-03-02T12:00", date(2024, 3, 1), date(2024, 3, 2)),
        ("2024-03-01T12:00", "2024-03-01T12:00", date(2024, 3, 1), date(2024, 3, 1)),
    ],
    ids=["a month that the clocks change in", "the day of it", "from noon to noon", "a moment"],
)
def test_periods_are_local_days_both_within(start: str, end: str, first: date, last: date) -> None:
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end)]
    (block,) = blocks([_row(start_at=moments[0], end_at=moments[1])], "Europe/Rome")
    assert (block.lines[0].start, block.lines[0].last) == (first, last)


@pytest.mark.parametrize(
    ("facts", "detail"),
    [
        ({}, ""),
        ({"band": "off_peak", "season": "summer"}, "off peak, summer"),
        ({"by_value": '["a, \\"b\\"", null]'}, 'a, "b", \N{EN DASH}'),
        ({"inputs": {"credit_of": "1"}}, "credit"),
        ({"inputs": {"before": "1"}}, "correction"),
        ({"kind": "adjustment"}, "credit"),
    ],
)
def test_lines_say_what_tells_them_apart(facts: dict[str, Any], detail: str) -> None:
    (block,) = blocks([_row(**facts)], "UTC")
    assert block.lines[0].detail == detail


def test_blocks_are_subscriptions_under_their_newest_plan() -> None:
    rows = [
        _row(subscription_id=1, plan_name="Old", amount=Decimal(1)),
        _row(subscription_id=2, plan_name="Other", amount=Decimal(2)),
        _row(subscription_id=1, plan_name="New", amount=Decimal(4)),
        _row(subscription_id=None, plan_name=None, amount=Decimal(8)),
    ]
    found = blocks(rows, "UTC")
    assert [(b.title, b.total) for b in found] == [("New", 5), ("Other", 2), ("", 8)]
    assert [line.detail for line in found[0].lines] == ["Old", ""]


def _row(**facts: Any) -> dict[str, Any]:
    row = {
        "position": 1, "subscription_id": 1, "name": "Use", "kind": "usage", "start_at": None,
        "end_at": None, "quantity": None, "unit": None, "amount": Decimal(1), "tax_percent": None,
        "season": None, "band": None, "by_value": None, "plan_name": "Plan", "identifiers": None,
        "inputs": None,
    }  # fmt: skip
    return row | facts


class _Page(HTMLParser):
    """Collects tags that do not close, and addresses of anything outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.outside += [name for name, _ in attrs if name in ("src", "href", "srcset", "action")]
        assert tag not in ("script", "link", "img", "iframe")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_whole_and_needs_nothing_else(story: list[str]) -> None:
    for number in story:
        text = document_format("html").render(reports.document(number, usage_detail=True)).decode()
        page = _Page()
        page.feed(text)
        page.close()
        assert page.open == []
        assert page.outside == []
        assert "url(" not in text
        assert "@import" not in text
        assert "Zoë &lt;Müller&gt;" in text
        assert "<Müller>" not in text


def test_json_is_exact(story: list[str]) -> None:
    shown = json.loads(document_format("json").render(reports.document(story[2])))
    assert shown["total"] == "139.96"
    assert shown["blocks"][0]["lines"][0] == {
        "position": 1, "name": "Monthly fee", "kind": "recurring", "detail": "",
        "start": "2024-04-11", "last": "2024-04-30", "quantity": "1", "unit": "",
        "amount": "20.67", "tax_percent": "22", "covered": [],
    }  # fmt: skip
