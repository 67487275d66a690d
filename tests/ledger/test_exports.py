"""The journal in formats of other programs; beancount's own checker reads ours."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meterline.ledger import services
from meterline.ledger.errors import UnknownExport
from meterline.ledger.exports.names import account_name

pytestmark = pytest.mark.django_db
NASTY = 'Miete "März" \\ 1;\n2026-01-01 * "x"\n  Assets:Cash  1.00 EUR'


@pytest.fixture
def _journal(post: Any, account: Any) -> None:
    own = {"account_id": account.pk}
    post(day=date(2026, 1, 31), receivable="119", **{"revenue:one_time": "-100"},
         **{"tax_payable:vat-standard 19": "-19"}, **own)  # fmt: skip
    post(day=date(2026, 1, 2), receivable="-119.5", cash="119.5", reference=NASTY, **own)
    post(day=date(2026, 2, 1), currency="JPY", cash="1000", customer_credit="-1000")
    post(day=date(2026, 2, 2), currency="KWD", goodwill="0.125", customer_credit="-0.125")


def bean_check(text: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "books.beancount"
    path.write_text(text, "utf-8")
    program = Path(sys.executable).with_name("bean-check")
    return subprocess.run([program, str(path)], capture_output=True, text=True, check=False)


def test_beancount_accepts_the_books(_journal: None, tmp_path: Path) -> None:
    text = "".join(services.export("beancount"))
    assert text.count(" * ") >= 4
    result = bean_check(text, tmp_path)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_beancount_sees_what_is_wrong(_journal: None, tmp_path: Path) -> None:
    text = "".join(services.export("beancount")).replace("-100.00 EUR", "-99.00 EUR")
    assert "does not balance" in bean_check(text, tmp_path).stderr


def test_an_empty_ledger_is_fine_too(tmp_path: Path) -> None:
    assert bean_check("".join(services.export("beancount")), tmp_path).returncode == 0
    assert "".join(services.export("hledger")) == ""


def test_hledger(_journal: None) -> None:
    text = "".join(services.export("hledger", since=date(2026, 1, 31), until=date(2026, 2, 1)))
    assert text == (
        "2026-01-31 * A | test r\n"
        "    Assets:Receivable  119.00 EUR\n"
        "    Income:OneTime  -100.00 EUR\n"
        "    Liabilities:Tax:VatStandard19  -19.00 EUR\n"
        "\n"
    )


def test_what_payers_wrote_stays_on_its_line(_journal: None) -> None:
    text = "".join(services.export("hledger"))
    heads = [line for line in text.splitlines() if line[:4].isdigit()]
    assert len(heads) == 4
    assert not any(";" in head for head in heads)


def test_csv(_journal: None) -> None:
    rows = list(csv.DictReader(io.StringIO("".join(services.export("csv")))))
    assert len(rows) == 9
    assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)
    paid = next(row for row in rows if row["ledger_account"] == "cash")
    assert paid["reference"] == NASTY
    assert (float(paid["debit"]), paid["credit"], paid["account_code"]) == (119.5, "", "A")


def test_unknown_format() -> None:
    with pytest.raises(UnknownExport, match="beancount, csv, hledger"):
        services.export("xls")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("deferred_revenue", "Liabilities:DeferredRevenue"),
        ("revenue:usage", "Income:Usage"),
        ("tax_payable:", "Liabilities:Tax:Other"),
        ("tax_payable:19%", "Liabilities:Tax:19"),
    ],
)
def test_names(code: str, name: str) -> None:
    assert account_name(code) == name
