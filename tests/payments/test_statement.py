"""Bank statements: good rows are paid once, the others come back."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meterline.customers.errors import InvalidImport
from meterline.customers.models import Account
from meterline.customers.services import create_account
from meterline.ledger.models import Entry
from meterline.payments import services
from meterline.payments.models import OpenItem, Payment
from meterline.payments.statement import import_statement

pytestmark = pytest.mark.django_db
HEADER = "account,amount,at,currency,reference,invoice,code\n"


@pytest.fixture
def statement(tmp_path: Path) -> Any:
    def write(*rows: str) -> Path:
        path = tmp_path / "bank.csv"
        path.write_text(HEADER + "".join(f"{row}\n" for row in rows), "utf-8")
        return path

    return write


def test_good_rows_are_paid(account: Account, issue: Any, statement: Any) -> None:
    issue(account, "10")
    named = issue(account, "20", date(2026, 2, 1))
    path = statement(
        f"A,12.50,2026-02-05,EUR,thanks,{named.number},bank-1", "A,3,2026-02-05T10:00:00+01:00,,,,"
    )
    report = import_statement(path)
    assert (report.rows, report.created, report.rejected, report.rejects) == (2, 2, 0, None)
    assert list(OpenItem.objects.order_by("pk").values_list("open", flat=True)) == [
        7,
        Decimal("7.5"),
    ]
    first, second = Payment.objects.order_by("id")
    assert (first.code, first.reference) == ("bank-1", "thanks")
    assert first.at == datetime(2026, 2, 4, 23, tzinfo=UTC)  # that day in Berlin
    assert second.at == datetime(2026, 2, 5, 9, tzinfo=UTC)
    assert set(Entry.objects.filter(kind="payment").values_list("date", flat=True)) == {
        date(2026, 2, 5)
    }


def test_a_day_west_of_greenwich_stays_that_day(statement: Any) -> None:
    create_account(code="H", currency="USD", timezone="Pacific/Honolulu")
    import_statement(statement("H,1,2026-02-01,,,,"))
    assert Entry.objects.get().date == date(2026, 2, 1)


def test_the_same_file_again_changes_nothing(account: Account, statement: Any) -> None:
    path = statement("A,5,2026-02-05,,,,", "A,5,2026-02-05,,,,", "A,5,2026-02-05,,,,bank-9")
    assert import_statement(path).created == 3
    again = import_statement(path)
    assert (again.created, again.rejected) == (0, 0)
    assert services.balance(account.pk).credit == 15


def test_a_dry_run_records_nothing(account: Account, statement: Any) -> None:
    report = import_statement(statement("A,5,2026-02-05,,,,", "B,5,2026-02-05,,,,"), dry_run=True)
    assert (report.created, report.rejected) == (1, 1)
    assert Payment.objects.count() == 0


BAD = {
    "B,1,2026-02-05,,,,": "unknown_account",
    "A,,2026-02-05,,,,": "missing_field",
    "A,0,2026-02-05,,,,": "invalid_field",
    "A,-1,2026-02-05,,,,": "invalid_field",
    "A,NaN,2026-02-05,,,,": "invalid_field",
    "A,1e3,2026-02-05,,,,": "invalid_field",
    "A,1_000,2026-02-05,,,,": "invalid_field",
    "A,\u0663,2026-02-05,,,,": "invalid_field",
    "A,1.001,2026-02-05,,,,": "invalid_field",
    'A,"1,50",2026-02-05,,,,': "invalid_field",
    "A,1,05/02/2026,,,,": "invalid_field",
    "A,1,0001-01-01,,,,": "invalid_field",
    "A,1,2026-02-05,USD,,,": "wrong_currency",
    "A,1,2026-02-05,,,INV-404,": "unknown_invoice",
    "A,1,2026-02-05,," + "x" * 201 + ",,": "invalid_field",
    "A,1,2026-02-05,,,,twice": "code_taken",
    "A,1,2026-02-05,,,,known": "payment_code_taken",
    "A,1,2026-02-05,,,,P-99999999": "reserved_code",
    "A,1": "malformed",
}


def test_bad_rows_come_back(account: Account, statement: Any, tmp_path: Path) -> None:
    services.pay(account.pk, Decimal(9), code="known")
    path = statement("A,1,2026-02-05,,,,twice", *BAD)
    report = import_statement(path, rejects=tmp_path / "bad.csv")
    assert (report.rows, report.created, report.rejected) == (len(BAD) + 1, 1, len(BAD))
    with (tmp_path / "bad.csv").open(newline="", encoding="utf-8") as file:
        reasons = [row["reason"] for row in csv.DictReader(file)]
    assert reasons == list(BAD.values())


def test_no_statement_at_all(tmp_path: Path) -> None:
    with pytest.raises(InvalidImport):
        import_statement(tmp_path / "absent.csv")
