"""The frames of a credit note against one line: its tax and totals. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from meterline.kernel.money import MONEY, round_amount

_LINE: dict[str, Any] = {
    "account_id": pl.Int64, "subscription_id": pl.Int64, "price_id": pl.Int64,
    "price_code": pl.String, "name": pl.String, "kind": pl.String,
    "start_at": pl.Datetime("us", "UTC"), "end_at": pl.Datetime("us", "UTC"),
    "quantity": MONEY, "amount": MONEY, "tax_code": pl.String, "tax_percent": pl.Decimal(12, 6),
    "tax_amount": MONEY, "season": pl.String, "band": pl.String, "by_value": pl.String,
    "track": pl.String, "advance": pl.Boolean, "inputs": pl.String, "position": pl.Int32,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CreditNote:
    """What invoices.services.record takes."""

    documents: pl.DataFrame
    lines: pl.DataFrame
    taxes: pl.DataFrame


def credit_note(line: Mapping[str, Any], amount: Decimal, at: datetime) -> CreditNote:
    """A credit note of `amount` before tax, at the tax rate of `line` (columns of _LINE, and
    seller_id, currency, timezone)."""
    percent = line["tax_percent"]
    exact = Fraction(amount) * Fraction(percent or 0) / 100
    tax = -round_amount(exact, line["currency"])
    day = at.astimezone(ZoneInfo(line["timezone"])).date()
    document = {
        "account_id": line["account_id"], "seller_id": line["seller_id"], "kind": "credit_note",
        "currency": line["currency"], "issue_date": day, "due_date": day, "net": -amount,
        "tax": tax, "total": tax - amount, "credit_applied": Decimal(0), "due": tax - amount,
    }  # fmt: skip
    row = {
        **{name: line.get(name) for name in _LINE}, "kind": "adjustment", "amount": -amount,
        "quantity": None, "tax_amount": None, "advance": False, "position": 1,
    }  # fmt: skip
    taxes = (
        [] if percent is None else [(line["account_id"], line["tax_code"], percent, -amount, tax)]
    )
    money = dict.fromkeys(("net", "tax", "total", "credit_applied", "due"), MONEY)
    return CreditNote(
        documents=pl.DataFrame([document], schema_overrides=money),
        lines=pl.DataFrame([row], schema=_LINE),
        taxes=pl.DataFrame(
            taxes,
            schema={"account_id": pl.Int64, "code": pl.String, "percent": pl.Decimal(12, 6),
                    "base": MONEY, "amount": MONEY},
            orient="row",
        ),
    )  # fmt: skip
