"""Bills after usage was backed out are those of usage that never came."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from billing.world import FIRST, Used, bill, load, rows, undone

from meterline.catalog import services as catalog
from meterline.catalog.files import parse_data
from meterline.catalog.yaml import load_all
from meterline.customers import services as customers
from meterline.platform import clock
from meterline.subscriptions import services as subscriptions
from meterline.usage import services as usage

pytestmark = pytest.mark.django_db

CATALOGUE = """
currency: EUR
timezone: UTC
meters: {data: {aggregation: sum, value: mb}}
plans:
  plan:
    prices:
      data:
        {kind: usage, meter: data, model: per_unit, unit_amount: "0.10", by: [mb],
         minimum_amount: "10.00"}
"""


def billed(*, wrong: bool) -> list[tuple[object, ...]]:
    clock.move_to(FIRST)
    document = load_all(CATALOGUE, "test.yaml")[0]
    catalog.apply(parse_data(document.data, lines=document.lines, file="test.yaml", at=()))
    account = customers.create_account(
        code="a", currency="EUR", timezone="UTC", billing_day=1, region="IT"
    )
    subscriptions.subscribe(account_id=account.pk, plan="plan", at=FIRST, code="s1", quantity=1)
    if wrong:
        load([Used(number=1, subscription="s1", minute=0, meter="data", quantity=3)], FIRST.date())
        usage.back_out(rows("SELECT id FROM usage_batch")[0][0])
    bill(date(2026, 2, 1))
    return rows("SELECT price_code, by_value, quantity, amount FROM invoices_line")


def test_a_least_amount_names_no_value_of_what_was_backed_out(home: Path) -> None:
    found = []
    for wrong in (False, True):
        with undone():
            found.append(billed(wrong=wrong))
    assert found[0] == found[1]
    assert [line[1] for line in found[0]] == [None]
