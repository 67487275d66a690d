"""`meterline usage allowances`, and what documents say of allowances."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from usage.test_allowances import FIRST, NOW, load, set_up

from meterline.billing import services as billing
from meterline.invoices import reports
from meterline.invoices.formats.html import render
from meterline.invoices.models import Invoice
from meterline.platform.instants import InvalidInstant
from meterline.subscriptions.errors import UnknownSubscription
from meterline.usage.commands import app

pytestmark = pytest.mark.django_db

CALL = {
    "id": "c1", "subscription": "s1", "meter": "voice", "to": "39123", "duration": "400",
    "start": "2026-05-03T10:00:00Z",
}  # fmt: skip


@pytest.fixture(autouse=True)
def operator(home: Path) -> None:
    set_up()
    load([CALL])


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["allowances", *arguments])


def test_what_is_left() -> None:
    rows = json.loads(_run("a", "--at", "2026-05-04", "--json").output)
    shown = ("allowance", "subscription", "granted", "used", "left")
    assert [tuple(row[name] for name in shown) for row in rows] == [
        ("family", None, "300", "300", "0"),
        ("purse", None, "4", "0", "4"),
        ("megabytes", "s1", "100", "0", "100"),
        ("own", "s1", "150", "100", "50"),
    ]
    assert (rows[3]["from"], rows[3]["until"]) == (
        "2026-05-01T00:00:00+00:00", "2026-06-01T00:00:00+00:00",
    )  # fmt: skip
    assert rows[2]["until"].startswith("2026-07-01")
    assert rows[1]["unit"] == "money"
    of_one = json.loads(_run("s2", "--at", "2026-05-04T00:00:00Z", "--json").output)
    assert [row["allowance"] for row in of_one] == ["family", "purse"]
    table = _run("s1", "--at", "2026-05-04")
    assert table.exit_code == 0
    assert "megabytes" in table.output


def test_now_is_the_default() -> None:
    rows = json.loads(_run("a", "--json").output)
    assert {row["used"] for row in rows} == {"0"}
    assert NOW.isoformat() in {row["from"] for row in rows}
    assert FIRST < NOW


def test_nobody_of_that_code() -> None:
    assert isinstance(_run("nobody").exception, UnknownSubscription)
    assert isinstance(_run("a", "--at", "soon").exception, InvalidInstant)


def test_documents_tell_what_was_covered() -> None:
    load([{**CALL, "id": "c2", "start": "2026-05-04T10:00:00Z", "duration": "600"}])
    billing.run(NOW, workers=1)
    invoice = Invoice.objects.get()
    ((line, why),) = reports.explain(invoice.number)
    assert line["quantity"] == 550
    assert why.rule.endswith("300 of 1000 by family; 150 of 1000 by own; 4 paid by purse")
    page = render(reports.document(invoice.number, usage_detail=True)).decode()
    assert "0:05:00 h by family, 0:02:30 h by own" in page
    assert "0:00:50 h free" in page
