"""A small operator for tests of bills: two accounts, three subscriptions, a quarter of usage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
from django.db import connection, transaction

from meterline.billing import services as billing
from meterline.catalog import services as catalog
from meterline.catalog.files import parse_data
from meterline.catalog.yaml import load_all
from meterline.customers import services as customers
from meterline.platform import clock
from meterline.subscriptions import services as subscriptions
from meterline.usage import services as usage

CATALOGUE = """
currency: EUR
timezone: Europe/Rome
meters:
  calls: {aggregation: count}
  data: {aggregation: sum, value: mb, unit: MB}
taxes: [{code: vat, rates: [{region: IT, percent: 22}]}]
discounts: [{code: tenth, percent: 10, applies_to: [base]}]
plans:
  small:
    prices:
      base: {kind: recurring, interval: month, model: flat, amount: "9.90", tax: vat}
      calls: {kind: usage, meter: calls, model: package, size: 3, amount: "0.35", tax: vat}
      data: {kind: usage, meter: data, model: graduated, tax: vat,
             tiers: [{up_to: 50, unit_amount: "0.011"}, {unit_amount: "0.007", flat_amount: "0.5"}]}
  large:
    policy: {downgrade: now}
    prices:
      base: {kind: recurring, interval: month, model: flat, amount: "24.50", tax: vat}
      seats: {kind: recurring, interval: month, timing: arrears, model: per_unit, unit_amount: "3"}
      calls: {kind: usage, meter: calls, model: per_unit, unit_amount: "0.0333", tax: vat}
      data: {kind: usage, meter: data, model: volume, tax: vat,
             tiers: [{up_to: 40, unit_amount: "0.013"}, {unit_amount: "0.009"}]}
"""
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
BILLED = (date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1))
SUBSCRIPTIONS = ("s1", "s2", "s3")


@dataclass(frozen=True, kw_only=True)
class Used:
    """A usage record: of a subscription, so many minutes into the quarter."""

    number: int
    subscription: str
    minute: int
    meter: str
    quantity: int

    @property
    def at(self) -> datetime:
        """When it was used; the first day is left to the contracts."""
        return FIRST + timedelta(days=1, minutes=self.minute)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is done inside is undone; deferred constraints have spoken before."""
    with transaction.atomic():
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)
    clock.move_to(None)


def set_up(plans: Sequence[str] = ("small", "large", "small")) -> None:
    """Catalogue, accounts a (anniversary) and b (day 10), subscriptions s1, s2 of a, s3 of b."""
    clock.move_to(FIRST)
    document = load_all(CATALOGUE, "test.yaml")[0]
    catalog.apply(parse_data(document.data, lines=document.lines, file="test.yaml", at=()))
    for code, day in (("a", None), ("b", 10)):
        customers.create_account(
            code=code, currency="EUR", timezone="Europe/Rome", billing_day=day, region="IT"
        )
    for code, account, plan in zip(SUBSCRIPTIONS, ("a", "a", "b"), plans, strict=True):
        owner = customers.account_by_code(account).pk
        subscriptions.subscribe(account_id=owner, plan=plan, at=FIRST, code=code, quantity=2)


def load(records: Sequence[Used], at: date) -> None:
    """Load records as one batch on a day."""
    clock.move_to(datetime(at.year, at.month, at.day, 9, tzinfo=UTC))
    if not records:
        return
    frame = pl.DataFrame(
        [
            {
                "id": f"r{one.number}", "meter": one.meter, "subscription": one.subscription,
                "start": one.at.isoformat(), "mb": str(one.quantity),
            }
            for one in records
        ]
    )  # fmt: skip
    batch = usage.load_records(frame, source="test")
    assert batch.records == batch.rated + batch.rejected + batch.duplicates == len(records)


def bill(at: date, **options: Any) -> list[int]:
    """Bill all accounts until a day; gives the ids of what was issued."""
    clock.move_to(datetime(at.year, at.month, at.day, 12, tzinfo=UTC))
    return billing.run(at, workers=1, **options).invoice_ids


def rows(query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def totals() -> list[tuple[Any, ...]]:
    """Usage by subscription, price and period, over all batches."""
    return rows(
        """
        SELECT s.code, p.code, v.plan_code, t.period_start, sum(t.events), sum(t.quantity)
        FROM usage_total t JOIN subscriptions_subscription s ON s.id = t.subscription_id
        JOIN catalog_price p ON p.id = t.price_id
        JOIN catalog_planversion v ON v.id = p.plan_version_id
        GROUP BY 1, 2, 3, 4 HAVING sum(t.events) <> 0 ORDER BY 1, 2, 3, 4
        """
    )


def charged(kind: str) -> list[tuple[Any, ...]]:
    """What a kind of line comes to by subscription, price and period, over all documents."""
    return rows(
        f"""
        SELECT s.code, l.price_code, l.start_at, l.end_at, sum(l.amount)
        FROM invoices_line l JOIN subscriptions_subscription s ON s.id = l.subscription_id
        WHERE l.kind = '{kind}' GROUP BY 1, 2, 3, 4 HAVING sum(l.amount) <> 0 ORDER BY 1, 2, 3, 4
        """
    )


def check_books() -> None:
    """Documents add up, numbers have no gaps, accounts and ledger agree, entries balance."""
    assert rows(
        """
        SELECT i.number FROM invoices_invoice i
        WHERE i.net <> (SELECT sum(amount) FROM invoices_line l WHERE l.invoice_id = i.id)
            OR i.tax <> (SELECT coalesce(sum(amount), 0) FROM invoices_tax t
                         WHERE t.invoice_id = i.id)
            OR i.total <> i.net + i.tax
        """
    ) == []  # fmt: skip
    assert rows(
        "SELECT series FROM invoices_invoice GROUP BY seller_id, series"
        " HAVING max(sequence_number) <> count(*)"
    ) == []  # fmt: skip
    assert rows("SELECT entry_id FROM ledger_line GROUP BY 1 HAVING sum(amount) <> 0") == []
    assert rows(
        """
        SELECT a.code FROM customers_account a
        WHERE coalesce((SELECT sum(amount) FROM ledger_line l WHERE l.account_id = a.id
                        AND l.ledger_account = 'receivable'), 0)
            <> coalesce((SELECT sum(open) FROM payments_openitem o WHERE o.account_id = a.id), 0)
        OR -coalesce((SELECT sum(amount) FROM ledger_line l WHERE l.account_id = a.id
                      AND l.ledger_account = 'customer_credit'), 0)
            <> coalesce((SELECT sum(credit) FROM payments_credit c WHERE c.account_id = a.id), 0)
        """
    ) == []  # fmt: skip
