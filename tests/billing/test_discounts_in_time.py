"""Discounts over a quarter: usage that comes late, bills in mid-period, previews, credit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from billing.quarters import Changes, deliveries, few, quarter, usage
from billing.world import BILLED, bill, charged, check_books, rows, set_up, undone
from hypothesis import given
from hypothesis import strategies as st

from meterline.billing import services as billing
from meterline.catalog import services as catalog
from meterline.catalog.files import parse_data
from meterline.catalog.yaml import load_all
from meterline.customers.services import account_by_code
from meterline.payments import services as payments
from meterline.payments.grants import Terms
from meterline.subscriptions import discounts

pytestmark = pytest.mark.django_db

DISCOUNTS = """
currency: EUR
discounts:
  - {code: much, amount: "29.00"}
  - {code: tenth, percent: 10, of: gross}
  - {code: off, amount: "3.00", on: invoice}
  - {code: part, percent: 15, on: invoice, periods: 2}
"""


def begin() -> None:
    """Amounts and percentages off, and credit of two kinds."""
    set_up()
    document = load_all(DISCOUNTS, "test.yaml")[0]
    catalog.apply(parse_data(document.data, lines=document.lines, file="test.yaml", at=()))
    for subscription, code in (("s1", "much"), ("s1", "tenth"), ("s2", "much"), ("s3", "off")):
        discounts.give(code, discounts.holder(subscription=subscription))
    owner = account_by_code("a").pk
    payments.grant_credit(owner, Decimal(4), terms=Terms(only_usage=True, priority=1))
    payments.grant_credit(owner, Decimal(9))


@few
@given(data=st.data())
def test_late_usage_moves_no_sum(home: Path, data: st.DataObject) -> None:
    """Shares of a percentage of the invoice are left out: what was billed in advance keeps its own,
    which may be a cent apart."""
    records = data.draw(usage())
    in_time = [
        [r for r in records if (i == 0 or r.at.date() >= BILLED[i - 1]) and r.at.date() < day]
        for i, day in enumerate(BILLED)
    ]
    found = []
    for parts in (in_time, data.draw(deliveries(records))):
        with undone():
            quarter(parts, [], begin=begin)
            check_books()
            found.append(charged("discount"))
    assert found[0] == found[1]
    assert found[0]


@few
@given(data=st.data())
def test_a_bill_run_again_adds_nothing_and_previews_are_right(
    home: Path, data: st.DataObject
) -> None:
    records, changes = data.draw(usage()), data.draw(Changes.drawn())

    def again(month: int) -> None:
        assert bill(BILLED[month]) == []
        check_books()

    def begin_all() -> None:
        begin()
        discounts.give("part", discounts.holder(account="a"))

    with undone():
        quarter(data.draw(deliveries(records)), changes, again, begin_all)
        seen, made, day = {}, {}, BILLED[-1] + timedelta(days=30)
        for code in ("a", "b"):
            for one in billing.preview(account_by_code(code).pk, day):
                seen[code] = (one.total, one.credit_applied, one.due)
        for number in bill(day):
            code, *figures = rows(
                "SELECT a.code, i.total, i.credit_applied, i.due FROM invoices_invoice i"
                f" JOIN customers_account a ON a.id = i.account_id WHERE i.id = {number}"
            )[0]
            made[code] = tuple(figures)
        assert made == seen
