"""One bill as the portal shows it, issued or as it would be now, with the usage behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from meterline.billing.services import preview
from meterline.billing.trial import next_day
from meterline.customers.models import Account
from meterline.invoices import reading
from meterline.invoices.models import Invoice
from meterline.portal.spread import Every, Piece, is_usage, spread
from meterline.usage import services as usage


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The lines (with `unit`) and sums of a bill; `invoice` None: not issued, as it would be on
    `day` with the usage so far."""

    account: Account
    invoice: Invoice | None
    day: date
    lines: list[dict[str, Any]]
    net: Decimal
    tax: Decimal
    total: Decimal

    @property
    def usage_lines(self) -> list[dict[str, Any]]:
        """Those that charge for usage of the bill's own period."""
        return [line for line in self.lines if is_usage(line)]

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """From the first to the last instant whose usage it charges for."""
        lines = self.usage_lines
        if not lines:
            return None
        return min(line["start_at"] for line in lines), max(line["end_at"] for line in lines)


def issued(invoice: Invoice) -> Bill:
    """A bill that was issued."""
    return Bill(
        account=invoice.account, invoice=invoice, day=invoice.issue_date,
        lines=reading.lines([invoice.pk]), net=invoice.net, tax=invoice.tax, total=invoice.total,
    )  # fmt: skip


def so_far(account: Account) -> Bill:
    """The next bill as it would be with the usage so far: the computation of a bill run."""
    day = next_day(account)
    documents = preview(account.pk, day)
    lines = [dict(line) for one in documents for line in one.lines]
    units = reading.units({line["price_id"] for line in lines if line["kind"] == "usage"})
    for line in lines:
        line["unit"] = units.get(line["price_id"])
        line["inputs"] = _inputs(line["inputs"])
    zero = Decimal(0)
    return Bill(
        account=account, invoice=None, day=day, lines=lines,
        net=sum((one.net for one in documents), zero),
        tax=sum((one.tax for one in documents), zero),
        total=sum((one.total for one in documents), zero),
    )  # fmt: skip


def pieces(bill: Bill, every: Every) -> list[Piece]:
    """The usage of a bill by hour or day; the amounts add up to its lines of usage."""
    lines = bill.usage_lines
    if bill.span is None:
        return []
    start, end = bill.span
    records = usage.detail(
        sorted({line["subscription_id"] for line in lines}),
        sorted({line["price_id"] for line in lines}), start, end,
    )  # fmt: skip
    return spread(lines, records, every, bill.account.timezone, bill.account.currency)


def _inputs(kept: Any) -> Mapping[str, Any] | None:
    return json.loads(kept) if isinstance(kept, str) else kept
