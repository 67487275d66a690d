"""What always holds of usage and bills, whatever happens in which order."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from billing.world import (
    BILLED,
    FIRST,
    SUBSCRIPTIONS,
    Used,
    bill,
    charged,
    check_books,
    load,
    rows,
    set_up,
    totals,
    undone,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.billing import services as billing
from meterline.customers.services import account_by_code
from meterline.invoices import reports
from meterline.payments import services as payments
from meterline.subscriptions import services as subscriptions

pytestmark = pytest.mark.django_db

MINUTES = 88 * 24 * 60
few = settings(
    max_examples=int(os.environ.get("METERLINE_EXAMPLES", "5")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def usage(draw: st.DrawFn) -> list[Used]:
    """Records of a quarter."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from(SUBSCRIPTIONS),
                st.integers(0, MINUTES),
                st.sampled_from(["calls", "data"]),
                st.integers(0, 60),
            ),
            min_size=1,
            max_size=25,
        )
    )
    return [
        Used(number=number, subscription=s, minute=minute, meter=meter, quantity=quantity)
        for number, (s, minute, meter, quantity) in enumerate(drawn)
    ]


@st.composite
def deliveries(draw: st.DrawFn, records: list[Used]) -> list[list[Used]]:
    """How the records arrive: in three deliveries at the months' ends, none before its time, some
    late, in any order, some of them several times."""
    parts: list[list[Used]] = [[], [], []]
    for record in records:
        earliest = next(i for i, day in enumerate(BILLED) if record.at.date() < day)
        for index in draw(st.lists(st.integers(earliest, 2), min_size=1, max_size=3)):
            parts[index].append(record)
    return [draw(st.permutations(part)) for part in parts]


class Changes:
    """Changes of plan and quantity: (day, subscription, what)."""

    @staticmethod
    @st.composite
    def drawn(draw: st.DrawFn) -> list[tuple[int, str, str]]:
        found = draw(
            st.lists(
                st.tuples(
                    st.integers(3, 85),
                    st.sampled_from(SUBSCRIPTIONS),
                    st.sampled_from(["small", "large", "quantity", "cancel"]),
                ),
                max_size=4,
                unique_by=lambda change: (change[1], change[2] == "cancel"),
            )
        )
        return sorted(found, key=lambda change: (change[0], change[2] == "cancel"))


def enter(change: tuple[int, str, str]) -> None:
    day, subscription, what = change
    at = FIRST + timedelta(days=day, hours=8)
    if subscriptions.state(subscription, at) == "cancelled":
        return
    match what:
        case "quantity":
            subscriptions.set_quantity(subscription, 5, at)
        case "cancel":
            subscriptions.cancel(subscription, at)
        case plan:
            subscriptions.change(subscription, plan, at, when="now")


def quarter(
    parts: list[list[Used]],
    changes: list[tuple[int, str, str]],
    after_month: Callable[[int], Any] = lambda month: None,
    begin: Callable[[], Any] = set_up,
) -> None:
    """Three months: the month's changes, its delivery, its bill."""
    begin()
    for month, (part, day) in enumerate(zip(parts, BILLED, strict=True)):
        since = datetime.combine(day, datetime.min.time()).date()
        for change in changes:
            at = (FIRST + timedelta(days=change[0])).date()
            if at < since and (month == 0 or at >= BILLED[month - 1]):
                enter(change)
        load(part, day)
        bill(day)
        after_month(month)


@few
@given(data=st.data())
def test_order_parts_lateness_and_repetition_of_usage_change_nothing(
    home: Path, data: st.DataObject
) -> None:
    records = data.draw(usage())
    changes = data.draw(Changes.drawn())
    in_time = [
        [r for r in records if (i == 0 or r.at.date() >= BILLED[i - 1]) and r.at.date() < day]
        for i, day in enumerate(BILLED)
    ]
    found = []
    for parts in (in_time, data.draw(deliveries(records))):
        with undone():
            quarter(parts, changes)
            check_books()
            found.append((totals(), charged("usage")))
    assert found[0] == found[1]


@few
@given(data=st.data())
def test_a_bill_run_again_adds_nothing(home: Path, data: st.DataObject) -> None:
    records = data.draw(usage())
    changes = data.draw(Changes.drawn())
    with undone():
        quarter(data.draw(deliveries(records)), changes, lambda m: _nothing(bill(BILLED[m])))


def _nothing(made: list[int]) -> None:
    assert made == []


@few
@given(data=st.data())
def test_a_preview_is_what_the_run_issues(home: Path, data: st.DataObject) -> None:
    records = data.draw(usage())
    changes = data.draw(Changes.drawn())
    with undone():
        quarter(data.draw(deliveries(records)), changes)
        seen = {}
        day = BILLED[-1] + timedelta(days=30)
        for code in ("a", "b"):
            account = account_by_code(code).pk
            for document in billing.preview(account, day):
                seen[code] = (document.total, document.due, _lines(document.lines))
        made = {}
        for document in reports.documents(bill(day)):
            lines = rows(
                "SELECT l.price_code, l.start_at, l.amount FROM invoices_line l"
                " JOIN invoices_invoice i ON i.id = l.invoice_id"
                f" WHERE i.number = '{document.number}'"
            )
            made[document.account] = (document.total, document.due, sorted(lines))
        assert made == seen


def _lines(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((line["price_code"], line["start_at"], line["amount"]) for line in lines)


@few
@given(data=st.data())
def test_progressive_billing_comes_to_the_same(home: Path, data: st.DataObject) -> None:
    records = data.draw(usage())
    parts = data.draw(deliveries(records))
    found = []
    for progressive in (False, True):
        with undone():
            quarter(parts, [], _progress if progressive else (lambda m: None))
            bill(BILLED[-1] + timedelta(days=35))
            check_books()
            found.append(charged("usage"))
    assert found[0] == found[1]


def _progress(month: int) -> None:
    """A bill of the usage to date, ten days into the next month."""
    bill(BILLED[month] + timedelta(days=10), progressive=True)


@few
@given(data=st.data())
def test_backing_out_is_as_if_it_had_never_come(home: Path, data: st.DataObject) -> None:
    from meterline.usage import services
    from meterline.usage.models import Batch

    records = data.draw(usage())
    kept = [record for record in records if record.number % 2]
    others = [record for record in records if not record.number % 2]
    found = []
    for wrong in ([], others):
        with undone():
            set_up()
            load(wrong, BILLED[2])
            load(kept, BILLED[2])
            bill(BILLED[2])
            if wrong:
                first = Batch.objects.order_by("id").first()
                assert first is not None
                services.back_out(first.pk)
            bill(BILLED[2])
            check_books()
            found.append((totals(), charged("usage")))
    assert found[0] == found[1]


@few
@given(data=st.data())
def test_what_is_paid_and_owed_agrees_with_the_books(home: Path, data: st.DataObject) -> None:
    records = data.draw(usage())
    changes = data.draw(Changes.drawn())
    amounts = data.draw(st.lists(st.decimals("0.01", "80", places=2), min_size=3, max_size=3))

    def pay(month: int) -> None:
        payments.pay(account_by_code("a").pk, amounts[month])
        check_books()

    with undone():
        quarter(data.draw(deliveries(records)), changes, pay)
        owed = rows("SELECT sum(total) FROM invoices_invoice i JOIN customers_account a"
                    " ON a.id = i.account_id WHERE a.code = 'a'")  # fmt: skip
        balance = payments.balance(account_by_code("a").pk).balance
        assert balance == (owed[0][0] or 0) - sum(amounts)
