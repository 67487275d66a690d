"""Which invoices a payment settles, and which a chargeback opens again. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from meterline.kernel.money import MONEY


@dataclass(kw_only=True)
class OpenItem:
    """What is still to be paid of an invoice."""

    invoice_id: int
    account_id: int
    due_date: date
    open: Decimal


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A payment to be allocated."""

    key: int
    account_id: int
    amount: Decimal
    invoice_id: int | None = None  # to be settled first


ALLOCATIONS: dict[str, Any] = {
    "key": pl.Int64,  # of the payment
    "account_id": pl.Int64,
    "invoice_id": pl.Int64,
    "amount": MONEY,
}


def allocate(payments: Iterable[Incoming], items: Sequence[OpenItem]) -> pl.DataFrame:
    """ALLOCATIONS of payments in their order: to the invoice named, then to the oldest by due date
    and number. What is left over is credit, and not here.
    """
    waiting: dict[int, deque[OpenItem]] = {}
    known: dict[tuple[int, int], OpenItem] = {}
    for item in sorted(items, key=lambda item: (item.due_date, item.invoice_id)):
        own = OpenItem(**vars(item))  # the caller's stay as they are
        waiting.setdefault(own.account_id, deque()).append(own)
        known[own.account_id, own.invoice_id] = own
    rows: list[tuple[int, int, int, Decimal]] = []

    def settle(payment: Incoming, item: OpenItem, left: Decimal) -> Decimal:
        taken = min(left, item.open)
        if taken > 0:
            item.open -= taken
            rows.append((payment.key, payment.account_id, item.invoice_id, taken))
        return left - taken

    for payment in payments:
        left = payment.amount
        named = payment.invoice_id and known.get((payment.account_id, payment.invoice_id))
        if named:
            left = settle(payment, named, left)
        queue = waiting.get(payment.account_id, deque())
        while left > 0 and queue:
            left = settle(payment, queue[0], left)
            if queue[0].open == 0:
                queue.popleft()
    return pl.DataFrame(rows, schema=ALLOCATIONS, orient="row")


def take_back(
    amount: Decimal, allocated: Sequence[tuple[int, Decimal]]
) -> list[tuple[int, Decimal]]:
    """Which allocations (invoice_id, amount; newest first) a chargeback undoes: (invoice_id,
    amount); their sum is at most `amount`, the rest was credit."""
    left, undone = amount, []
    for invoice_id, paid in allocated:
        taken = min(left, paid)
        if taken > 0:
            undone.append((invoice_id, taken))
            left -= taken
    return undone
