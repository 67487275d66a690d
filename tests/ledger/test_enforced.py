"""The database itself refuses books that do not balance, and changes of what is posted."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from psycopg.errors import CheckViolation

from meterline.ledger import services

pytestmark = pytest.mark.django_db


def run(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def check() -> None:
    """What a commit does."""
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run("SET CONSTRAINTS ALL DEFERRED")


ADD = "INSERT INTO ledger_line (entry_id, ledger_account, currency, amount) VALUES (%s, 'x', %s, 5)"


def test_balanced_entries_are_accepted(post: Any) -> None:
    post(receivable="10", cash="-7", goodwill="-3")
    check()
    assert set(services.trial_balance()["ledger_account"]) == {"receivable", "cash", "goodwill"}


def test_an_entry_out_of_balance_is_refused_at_the_end(post: Any) -> None:
    post(receivable="10", cash="-9.99")  # may be so for a while
    with pytest.raises(IntegrityError, match="does not balance"):
        check()


def test_each_currency_balances_by_itself(post: Any) -> None:
    entry = post(receivable="5", cash="-10")
    run(ADD, entry, "USD")
    with pytest.raises(IntegrityError, match="does not balance"):
        check()


def test_lines_may_come_one_by_one(post: Any) -> None:
    entry = post(cash="-10")
    run(ADD, entry, "EUR")
    run(ADD, entry, "EUR")
    check()


def test_a_line_after_the_check_is_checked_too(post: Any) -> None:
    entry = post(receivable="10", cash="-10")
    check()
    run(ADD, entry, "EUR")
    with pytest.raises(IntegrityError, match="does not balance"):
        check()


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_line"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET account_id = 7", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
def test_what_is_posted_stays(post: Any, table: str, statement: str) -> None:
    post(receivable="10", cash="-10")
    check()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        run(statement.format(table))


def test_no_line_of_nothing(post: Any) -> None:
    with pytest.raises(CheckViolation, match="no_line_of_nothing"):
        post(receivable="10", cash="-10", goodwill="0")


def test_trial_balance_up_to_a_date(post: Any) -> None:
    post(receivable="10", cash="-10", day=date(2026, 1, 31))
    post(receivable="-4", cash="4", day=date(2026, 2, 1))
    january = services.trial_balance(date(2026, 1, 31)).rows_by_key("ledger_account", named=True)
    assert january["receivable"][0]["balance"] == 10
    row = services.trial_balance().rows_by_key("ledger_account", named=True)["receivable"][0]
    assert (row["debit"], row["credit"], row["balance"]) == (10, 4, 6)
    assert services.differences(services.trial_balance()) == {"EUR": 0}
