"""Granted credit: what is used, paid out, taken back and written off; what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from meterline.customers.models import Account
from meterline.customers.services import create_account
from meterline.ledger import services as ledger
from meterline.payments import grants, services
from meterline.payments.credit_commands import app
from meterline.payments.errors import (
    ExpiresInPast,
    NotEnoughCredit,
    NotEnoughPaid,
    NothingLeft,
    UnknownGrant,
)
from meterline.payments.grants import Terms
from meterline.payments.models import Grant, GrantUse, Payment
from meterline.platform import clock

START = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = Terms(expires_at=START + timedelta(days=10))


def give(account: Account, amount: str, terms: Terms = grants.PLAIN) -> Grant:
    made = services.grant_credit(account.pk, Decimal(amount), at=START, terms=terms)
    return Grant.objects.get(pk=made.pk)


def test_expiry_is_booked_once(account: Account, books_agree: Callable[[], None]) -> None:
    give(account, "7", ENDS)
    give(account, "2")
    assert grants.expire(START + timedelta(days=9)) == 0
    assert grants.expire(START + timedelta(days=10)) == 1
    assert grants.expire(START + timedelta(days=10)) == 0
    trial = {row["ledger_account"]: row["balance"] for row in ledger.trial_balance().to_dicts()}
    assert trial == {"goodwill": 9, "customer_credit": -2, "breakage": -7}
    assert services.balance(account.pk).credit == 2
    books_agree()


def test_a_void_takes_back_what_is_left(
    account: Account, issue: Any, books_agree: Callable[[], None]
) -> None:
    grant = give(account, "7")
    issue(account, "3.00")
    grants.void(grant.payment.code, at=START, reason="by mistake")
    assert [(use.kind, use.amount) for use in grant.uses.order_by("id")] == [
        ("used", 3),
        ("void", 4),
    ]
    trial = {row["ledger_account"]: row["balance"] for row in ledger.trial_balance().to_dicts()}
    assert trial["goodwill"] == 3
    books_agree()
    with pytest.raises(NothingLeft):
        grants.void(grant.payment.code)
    with pytest.raises(UnknownGrant):
        grants.void("P-77777777")


def test_only_free_credit_is_paid_out(account: Account, books_agree: Callable[[], None]) -> None:
    give(account, "7", ENDS)
    give(account, "5", Terms(price_codes=("calls",)))
    plain = give(account, "2")
    services.pay(account.pk, Decimal(3), at=START)
    with pytest.raises(NotEnoughCredit, match=r"has 5\.00 EUR of credit that can be paid out"):
        services.refund(account.pk, Decimal("5.01"))
    with pytest.raises(NotEnoughPaid):
        services.chargeback(account.pk, Decimal("5.01"))
    services.refund(account.pk, Decimal(4))
    plain.refresh_from_db()
    assert plain.remaining == 1
    assert GrantUse.objects.get().kind == "refund"
    books_agree()


def test_uses_stay_as_they_are(account: Account, issue: Any) -> None:
    give(account, "7")
    issue(account, "3.00")
    for act in ("UPDATE payments_grantuse SET amount = 1", "DELETE FROM payments_grantuse"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(act)


def test_a_grant_ends_after_it_begins(account: Account) -> None:
    with pytest.raises(ExpiresInPast):
        give(account, "7", Terms(expires_at=START))
    assert Payment.objects.count() == 0


def test_bills_and_refunds_at_once_use_credit_once(
    at_once: None, issue: Any, books_agree: Callable[[], None]
) -> None:
    account = create_account(code="A", currency="EUR")
    give(account, "10", Terms(priority=1))
    give(account, "10", Terms(expires_at=datetime(2036, 1, 1, tzinfo=UTC)))

    def act(number: int) -> None:
        try:
            issue(account, "4.00") if number % 2 else services.refund(account.pk, Decimal(4))
        except NotEnoughCredit:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, range(6)))
    books_agree()


acts = st.lists(
    st.tuples(
        st.sampled_from(["issue", "credit_note", "pay", "plain", "ends", "calls", "refund",
                         "chargeback", "void", "expire"]),
        st.integers(1, 3000).map(lambda n: Decimal(n) / 100),
    ),
    min_size=1, max_size=14,
)  # fmt: skip


class Undo(Exception):
    """Takes an example's rows out of the database again."""


@pytest.mark.django_db
@given(story=acts)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_books_agree_after_any_story(
    story: list[tuple[str, Decimal]], issue: Any, books_agree: Callable[[], None]
) -> None:
    with pytest.raises(Undo), transaction.atomic():
        account, day = create_account(code="X", currency="EUR"), date(2026, 1, 1)
        for act, amount in story:
            day += timedelta(days=3)
            at = datetime(day.year, day.month, day.day, tzinfo=UTC)
            with suppress(NotEnoughCredit, NotEnoughPaid):
                _act(act, account, amount, at, issue)
            books_agree()
        raise Undo


def _act(act: str, account: Account, amount: Decimal, at: datetime, issue: Any) -> None:
    match act:
        case "issue" | "credit_note":
            issue(account, str(amount if act == "issue" else -amount), at.date())
        case "pay":
            services.pay(account.pk, amount, at=at)
        case "refund":
            services.refund(account.pk, amount, at=at)
        case "chargeback":
            services.chargeback(account.pk, amount, at=at)
        case "expire":
            grants.expire(at)
        case "void":
            left = Grant.objects.filter(account_id=account.pk, remaining__gt=0).first()
            if left:
                grants.void(left.payment.code, at=at)
        case kind:
            terms = {
                "plain": grants.PLAIN,
                "ends": Terms(priority=5, expires_at=at + timedelta(days=10)),
                "calls": Terms(price_codes=("calls",)),
            }[kind]
            services.grant_credit(account.pk, amount, at=at, terms=terms)


def test_commands(account: Account, issue: Any) -> None:
    clock.move_to(START)
    run = CliRunner()

    def said(*words: str) -> Any:
        done = run.invoke(app, [*words, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    made = said("grant", "A", "9.00", "--priority", "10", "--expires", "2026-02-01",
                "--for", "usage", "--reason", "voucher")  # fmt: skip
    said("grant", "A", "1.00", "--for", "calls", "--for", "texts")
    invoice = issue(account, "4.00")
    first, second = said("list", "A")
    assert (first["grant"], first["left"], first["for"]) == (made["code"], "5.00", "usage")
    assert first["expires"] == "2026-01-31T23:00:00+00:00"  # midnight in Berlin
    assert (second["left"], second["for"], second["expires"]) == ("1.00", "calls, texts", "")
    (use,) = said("show", made["code"])["uses"]
    assert (use["kind"], use["invoice"], use["amount"]) == ("used", invoice.number, "4.00")
    assert said("void", second["grant"])["kind"] == "void"
    clock.move_to(START + timedelta(days=31))
    assert said("expire") == {"grants": 1}
    assert said("expire") == {"grants": 0}
    assert "left: 0.00" in run.invoke(app, ["show", made["code"]]).output
    wrong = run.invoke(app, ["grant", "A", "1", "--for", "all", "--for", "calls"])
    assert wrong.exit_code == 2


def test_what_a_voucher_paid_does_not_become_money(
    account: Account, issue: Any, books_agree: Callable[[], None]
) -> None:
    give(account, "20", ENDS)
    issue(account, "31.00")
    services.pay(account.pk, Decimal(11), at=START)
    issue(account, "-31.00")
    assert services.balance(account.pk).credit == 31
    with pytest.raises(NotEnoughCredit, match=r"has 11\.00 EUR"):
        services.refund(account.pk, Decimal(12), at=START)
    services.refund(account.pk, Decimal(11), at=START)
    with pytest.raises(NotEnoughCredit, match=r"has 0\.00 EUR"):
        services.refund(account.pk, Decimal(1), at=START)
    document = issue(account, "25.00")
    assert (document.credit_applied, services.balance(account.pk).credit) == (20, 0)
    books_agree()


def test_what_was_granted_without_an_end_is_paid_out_beside_a_voucher(
    account: Account, issue: Any
) -> None:
    give(account, "5", ENDS)
    give(account, "4")
    gone = give(account, "2")
    grants.void(gone.payment.code, at=START)
    paid = issue(account, "9.00")
    issue(account, "-9.00")
    with pytest.raises(NotEnoughPaid, match=r"has paid 4\.00 EUR"):
        services.chargeback(account.pk, Decimal(5), at=START)
    assert paid.due == 0
    services.refund(account.pk, Decimal(4), at=START)
    assert services.balance(account.pk).credit == 5
