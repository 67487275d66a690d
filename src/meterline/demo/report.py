"""What the demo tells at its end: counts, money, the ledger, and what to try next."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from meterline.demo import sql
from meterline.demo.run import Story
from meterline.platform import clock


def tell(story: Story) -> Iterator[str]:
    """The report, line by line, read back from the database."""
    yield from _sales()
    yield from _usage()
    yield from _ledger()
    total = sum(story.seconds.values())
    parts = ", ".join(f"{what} {seconds:.1f}" for what, seconds in story.seconds.items())
    yield f"Time: {total:.1f} s ({parts})"
    yield from _next(story)


def balanced() -> bool:
    """True if debits equal credits in every currency, and there are any."""
    found = sql.rows(sql.LEDGER)
    return bool(found) and all(row["difference"] == 0 for row in found)


def _sales() -> Iterator[str]:
    unpaid = {(row["name"], row["currency"]): row for row in sql.rows(sql.OPEN, clock.now().date())}
    paid = {(row["name"], row["currency"]): row for row in sql.rows(sql.PAID)}
    for row in sql.rows(sql.SALES):
        key, currency = (row["name"], row["currency"]), row["currency"]
        yield (
            f"{row['name']}: {row['invoices']:,} invoices and {row['credit_notes']:,} credit notes,"
            f" net {_money(row['net'])}, tax {_money(row['tax'])},"
            f" total {_money(row['total'])} {currency}"
        )
        received, still = paid.get(key, {}), unpaid.get(key, {})
        yield (
            f"    paid {_money(received.get('amount'))}"
            f" in {received.get('payments', 0):,} payments,"
            f" open {_money(still.get('open'))}, overdue {_money(still.get('overdue'))} {currency}"
        )


def _usage() -> Iterator[str]:
    (row,) = sql.rows(sql.USAGE)
    yield (
        f"Usage: {row['records']:,} records in {row['batches']:,} batches:"
        f" {row['rated']:,} rated, {row['duplicates']:,} duplicates, {row['rejected']:,} rejected"
    )
    reasons = ", ".join(f"{one['reason']} {one['records']:,}" for one in sql.rows(sql.REJECTS))
    if reasons:
        yield f"    rejects: {reasons}"


def _ledger() -> Iterator[str]:
    for row in sql.rows(sql.LEDGER):
        word = "balanced" if row["difference"] == 0 else f"OUT BY {row['difference']}"
        yield (
            f"Ledger {row['currency']}: {row['entries']:,} entries,"
            f" debit {_money(row['debit'])}, {word}"
        )


def _next(story: Story) -> Iterator[str]:
    yield "Try next:"
    showpieces = sql.rows(sql.SHOWPIECES)
    for row in showpieces[:1]:
        yield f"    meterline invoice show {row['number']}"
        yield f"    meterline invoice explain {row['number']}"
        yield f"    meterline bill preview {row['account']}"
    for row in showpieces[1:2]:
        yield f"    meterline invoice pdf {row['number']}"
    for row in sql.rows(sql.DEBTOR):
        yield f"    meterline pay {row['code']} 10.00        (an account that owes)"
    yield "    meterline usage rejects"
    yield "    meterline ledger trial-balance"
    yield f"    the catalogue, the deck and the usage files are in {story.folder}"
    for path in story.invoices:
        yield f"    open {path}"


def _money(value: Any) -> str:
    return f"{value or Decimal(0):,.2f}"
