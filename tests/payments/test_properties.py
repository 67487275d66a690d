"""Whatever happens to accounts: the books agree, nothing is lost, no invoice is paid twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.customers.services import create_account
from meterline.ledger import services as ledger
from meterline.payments import services, store
from meterline.payments.allocate import Incoming, OpenItem, allocate, take_back
from meterline.payments.credit import GRANTS, PARTS, use
from meterline.payments.errors import NotEnoughCredit, NotEnoughPaid
from meterline.payments.models import Allocation, Payment
from meterline.payments.models import OpenItem as OpenRow

cents = st.integers(1, 5000).map(lambda n: Decimal(n) / 100)
acts = st.lists(
    st.tuples(
        st.sampled_from(["issue", "credit_note", "pay", "pay_named", "credit", "refund",
                         "refund_named", "chargeback"]),
        st.integers(0, 1),
        cents,
    ),
    min_size=1, max_size=12,
)  # fmt: skip
fixtures = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Undo(Exception):
    """Takes an example's rows out of the database again."""


@pytest.mark.django_db
@given(story=acts)
@fixtures
def test_books_agree_after_any_story(
    story: list[tuple[str, int, Decimal]], issue: Any, books_agree: Callable[[], None]
) -> None:
    with pytest.raises(Undo), transaction.atomic():
        accounts = [create_account(code=code, currency="EUR") for code in "XY"]
        day, newest, cash = date(2026, 1, 1), {}, Decimal(0)
        for act, which, amount in story:
            account, day = accounts[which], day + timedelta(days=3)
            invoice = newest.get(which)
            match act:
                case "issue":
                    newest[which] = issue(account, str(amount), day).number
                case "credit_note":
                    issue(account, str(-amount), day)
                case "pay" | "pay_named":
                    named = invoice if act == "pay_named" else None
                    services.pay(account.pk, amount, invoice=named)
                    cash += amount
                case "credit":
                    services.grant_credit(account.pk, amount)
                case _:
                    give_back = services.chargeback if act == "chargeback" else services.refund
                    named = invoice if act == "refund_named" else None
                    try:
                        give_back(account.pk, amount, invoice=named)
                        cash -= amount
                    except (NotEnoughCredit, NotEnoughPaid):
                        pass
            books_agree()
        trial = ledger.trial_balance().filter(pl.col("ledger_account") == "cash")
        assert trial["balance"].sum() == cash
        raise Undo


PAYMENTS = st.lists(
    st.tuples(st.integers(0, 1), cents, st.none() | st.integers(0, 4), st.integers(0, 6)),
    min_size=1, max_size=10,
)  # fmt: skip


def outcome() -> list[Any]:
    payments = Payment.objects.order_by("id").values_list("account_id", "amount", "code")
    numbers = {pk: number for number, pk in enumerate(
        Payment.objects.order_by("id").values_list("pk", flat=True)
    )}  # fmt: skip
    codes = [code if not code.startswith("P-") else None for *_, code in payments]
    allocations = [
        (numbers[payment], invoice.split("-")[-1], amount)
        for payment, invoice, amount in Allocation.objects.order_by("id").values_list(
            "payment_id", "invoice__number", "amount"
        )
    ]
    open_ = list(OpenRow.objects.order_by("invoice_id").values_list("open", flat=True))
    credits = store.credits(sorted({account for account, *_ in payments}))
    return [[amount for _, amount, _ in payments], codes, allocations, open_,
            sorted(credits["credit"])]  # fmt: skip


@pytest.mark.django_db
@given(totals=st.lists(cents, min_size=5, max_size=5), rows=PAYMENTS)
@fixtures
def test_many_payments_are_like_one_by_one(
    totals: list[Decimal], rows: list[tuple[int, Decimal, int | None, int]], issue: Any,
    books_agree: Callable[[], None],
) -> None:  # fmt: skip
    at = datetime(2026, 3, 1, tzinfo=UTC)
    outcomes = []
    for many in (False, True):
        with pytest.raises(Undo), transaction.atomic():
            accounts = [create_account(code=code, currency="EUR") for code in "XY"]
            made = [issue(accounts[i % 2], str(total)) for i, total in enumerate(totals)]
            told = []
            for number, (which, amount, named, code) in enumerate(rows):
                own = named is not None and named % 2 == which
                known = {row["code"] for row in told}
                text = f"c{code}" if code < 3 else None
                if text in known:  # the same payment again
                    told.append(next(row for row in told if row["code"] == text))
                    continue
                told.append(
                    {"account_code": "XY"[which], "amount": amount, "currency": "EUR", "at": at,
                     "reference": f"r{number}", "invoice": made[named].number if own else None,
                     "code": text}
                )  # fmt: skip
            if many:
                services.pay_many(pl.DataFrame(told, schema=services.PAYMENTS))
            else:
                ids = {account.code: account.pk for account in accounts}
                for row in told:
                    facts = {name: row[name] for name in row if name != "account_code"}
                    services.pay(ids[row["account_code"]], **facts)
            books_agree()
            outcomes.append(outcome())
            raise Undo
    assert outcomes[0] == outcomes[1]


items = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), cents), max_size=12)
incoming = st.lists(st.tuples(st.integers(0, 2), cents, st.integers(0, 20)), max_size=12)


@given(items, incoming)
def test_allocation_never_exceeds(
    open_: list[tuple[int, int, Decimal]], paid: list[tuple[int, Decimal, int]]
) -> None:
    waiting = [
        OpenItem(invoice_id=number, account_id=account, due_date=date(2026, 1, 1 + due), open=left)
        for number, (account, due, left) in enumerate(open_)
    ]
    payments = [
        Incoming(key=key, account_id=account, amount=amount, invoice_id=invoice)
        for key, (account, amount, invoice) in enumerate(paid)
    ]
    made = allocate(payments, waiting)
    by_invoice = dict(made.group_by("invoice_id").agg(pl.col("amount").sum()).iter_rows())
    by_payment = dict(made.group_by("key").agg(pl.col("amount").sum()).iter_rows())
    owner = {item.invoice_id: item.account_id for item in waiting}
    assert all(owner[invoice] == account for account, invoice in
               made.select("account_id", "invoice_id").iter_rows())  # fmt: skip
    assert all(by_invoice.get(item.invoice_id, 0) <= item.open for item in waiting)
    assert all(by_payment.get(p.key, 0) <= p.amount for p in payments)
    for account in range(3):  # as much is settled as can be
        owed = sum((i.open for i in waiting if i.account_id == account), Decimal(0))
        came = sum((p.amount for p in payments if p.account_id == account), Decimal(0))
        settled = sum(by_invoice.get(i.invoice_id, 0) for i in waiting if i.account_id == account)
        assert settled == min(owed, came)


@given(cents, st.lists(cents, max_size=5))
def test_no_more_is_taken_back_than_was_paid(amount: Decimal, paid: list[Decimal]) -> None:
    allocated = list(enumerate(paid))
    undone = take_back(amount, allocated)
    assert sum(part for _, part in undone) == min(amount, sum(paid))
    assert [invoice for invoice, _ in undone] == list(range(len(undone)))


@pytest.mark.parametrize(
    ("total", "credit", "applied"),
    [("10", None, "0"), ("10", "4", "4"), ("10", "12", "10"), ("0", "5", "0"), ("-3", "5", "0")],
)
def test_credit_of_a_document(total: str, credit: str | None, applied: str) -> None:
    money = {"total": pl.Decimal(38, 10)}
    documents = pl.DataFrame(
        {"account_id": [1], "currency": ["EUR"], "total": [Decimal(total)]}, schema_overrides=money
    )
    rows = [] if credit is None else [(1, "EUR", Decimal(credit)), (1, "USD", Decimal(99))]
    credits = pl.DataFrame(
        rows, schema={"account_id": pl.Int64, "currency": pl.String, "credit": money["total"]},
        orient="row",
    )  # fmt: skip
    none = pl.DataFrame(schema=GRANTS)
    made = use(documents, credits, none, lambda: pl.DataFrame(schema=PARTS))[0].row(0, named=True)
    assert made["credit_applied"] == Decimal(applied)
    assert made["due"] == Decimal(total) - Decimal(applied)
