"""The commands of payments and of the books."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from meterline.access import approvals
from meterline.access.errors import ApprovalMoved, ApprovalNeeded
from meterline.access.models import Approval
from meterline.customers.models import Account
from meterline.customers.services import create_account
from meterline.kernel.errors import MeterlineError
from meterline.ledger.commands import app as ledger_app
from meterline.payments import services
from meterline.payments.commands import app, pay
from meterline.payments.credit_commands import app as credit_app
from meterline.payments.errors import UnknownPayment
from meterline.platform import audit

pytestmark = pytest.mark.django_db


def run(application: typer.Typer, *arguments: str) -> str:
    result = CliRunner().invoke(application, list(arguments))
    if isinstance(result.exception, MeterlineError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def pay_app() -> typer.Typer:
    application = typer.Typer()
    application.command()(pay)
    return application


def test_pay_show_list_balance(account: Account, issue: Any, pay_app: typer.Typer) -> None:
    invoice = issue(account, "10")
    said = run(pay_app, "A", "12", "--code", "bank-1", "--at", "2026-01-05", "--invoice",
               invoice.number)  # fmt: skip
    assert "payment bank-1: 12.00 EUR. A owes 0.00, credit 2.00." in " ".join(said.split())
    shown = json.loads(run(app, "show", "bank-1", "--json"))
    assert shown["allocations"] == [{"invoice": invoice.number, "amount": "10.00"}]
    assert (shown["amount"], shown["at"]) == ("12.00", "2026-01-04T23:00:00+00:00")
    assert f"{invoice.number}: 10.00" in run(app, "show", "bank-1")
    assert [row["code"] for row in json.loads(run(app, "list", "--json"))] == ["bank-1"]
    told = json.loads(run(app, "balance", "A", "--json"))
    assert told == {"currency": "EUR", "balance": "-2.00", "receivable": "0.00", "credit": "2.00",
                    "overdue": "0.00"}  # fmt: skip


def test_credit_refund_chargeback(account: Account) -> None:
    assert json.loads(run(app, "credit", "A", "5", "--json"))["kind"] == "credit"
    assert "credit 3.00" in " ".join(run(app, "refund", "A", "2").split())
    services.pay(account.pk, Decimal(4))
    run(app, "chargeback", "A", "4")
    assert services.balance(account.pk).credit == 3


def test_unknown_payment(db: None) -> None:
    with pytest.raises(UnknownPayment, match="payment list"):
        run(app, "show", "nothing")


def test_amounts_have_the_decimals_of_their_currency(pay_app: typer.Typer) -> None:
    for code, currency, amount in (("J", "JPY", "1500"), ("K", "KWD", "0.125")):
        create_account(code=code, currency=currency)
        assert f": {amount} {currency}." in run(pay_app, code, amount)
        assert json.loads(run(app, "balance", code, "--json"))["credit"] == amount
    books = run(ledger_app, "trial-balance")
    assert "0.125" in books
    assert "JPY: balanced" in books


def test_import(account: Account, tmp_path: Path) -> None:
    path = tmp_path / "bank.csv"
    path.write_text("account,amount,at\nA,5,2026-01-05\nB,5,2026-01-05\n", "utf-8")
    said = " ".join(run(app, "import", str(path), "--dry-run").split())
    assert "2 rows: 1 would be recorded, 1 refused" in said
    run(app, "import", str(path))
    assert services.balance(account.pk).credit == 5


def test_the_books(account: Account, issue: Any, tmp_path: Path) -> None:
    issue(account, "10")
    services.pay(account.pk, Decimal(10))
    rows = json.loads(run(ledger_app, "trial-balance", "--json"))
    assert {row["ledger_account"]: Decimal(row["balance"]) for row in rows} == {
        "cash": 10, "receivable": 0, "revenue:usage": -10,
    }  # fmt: skip
    target = tmp_path / "books.journal"
    run(ledger_app, "export", "--format", "hledger", "--output", str(target))
    assert "Assets:Cash  10.00 EUR" in target.read_text("utf-8")
    assert "0 entries" in run(ledger_app, "recognise", "--until", "2026-02-01")


def test_credit_above_the_limit_waits_for_a_second_person(account: Account) -> None:
    said = run(app, "credit", "A", "150", "--reason", "outage")
    assert "waits for a second person" in " ".join(said.split())
    assert services.balance(account.pk).credit == 0
    asked = Approval.objects.get()
    assert json.loads(run(app, "credit", "A", "150", "--reason", "outage", "--json")) == {
        "approval": asked.pk, "state": "awaiting", **asked.payload,
    }  # fmt: skip
    with audit.acting_as("user:finance@example.com"):
        approvals.decide(asked.pk, approved=True)
    with pytest.raises(ApprovalMoved):
        services.grant_credit(account.pk, Decimal(151), reason="outage")
    run(app, "credit", "A", "150", "--reason", "outage")
    assert services.balance(account.pk).credit == 150
    with pytest.raises(ApprovalNeeded):  # an approval is good for once
        services.grant_credit(account.pk, Decimal(150), reason="outage")
    assert "100.00 EUR" in run(credit_app, "limit", "EUR")
    run(credit_app, "limit", "EUR", "200")
    run(app, "credit", "A", "150")
    assert services.balance(account.pk).credit == 300
