"""What real commits refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from meterline.ledger import services


def test_no_line_for_an_entry_of_an_earlier_transaction(at_once: None, post: Any) -> None:
    with transaction.atomic():
        entry = post(receivable="10", cash="-10")
    with (
        pytest.raises(IntegrityError, match="no further lines"),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO ledger_line (entry_id, ledger_account, currency, amount)"
            " VALUES (%s, 'cash', 'EUR', 1), (%s, 'goodwill', 'EUR', -1)",
            [entry, entry],
        )


def test_a_commit_out_of_balance_is_refused(at_once: None, post: Any) -> None:
    with pytest.raises(IntegrityError, match="does not balance"), transaction.atomic():
        post(receivable="10", cash="-9")
    assert services.trial_balance().is_empty()


def test_one_check_does_not_last_for_the_next_transaction(at_once: None, post: Any) -> None:
    for _ in range(2):
        with pytest.raises(IntegrityError, match="does not balance"), transaction.atomic():
            post(receivable="10", cash="-10")
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            post(receivable="10", cash="-9")
    assert services.trial_balance().is_empty()
