"""Discounts that an account has for all of its subscriptions, as a page shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from meterline.customers.models import Account
from meterline.platform import clock
from meterline.subscriptions import discounts
from meterline.web import format as written


def running(account: Account) -> list[dict[str, Any]]:
    """Those that have not ended: code, and the days since and until which they hold."""
    rows = discounts.Holder(account=account).rows
    now = clock.now()
    return [
        {
            "code": row.discount_code, "since": _day(row.since_at, account),
            "until": row.until_at and _day(row.until_at, account),
        }
        for row in rows
        if row.until_at is None or row.until_at > now
    ]  # fmt: skip


def _day(at: datetime, account: Account) -> str:
    return written.day(at.astimezone(ZoneInfo(account.timezone)).date())
