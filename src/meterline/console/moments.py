"""Days that people type, as instants of an account."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from meterline.customers.models import Account
from meterline.platform import clock


def start_of(day: date | None, account: Account) -> datetime | None:
    """The beginning of a day in the account's zone; none where no day was typed."""
    if day is None:
        return None
    return datetime.combine(day, time(0), ZoneInfo(account.timezone)).astimezone(UTC)


def today(account: Account) -> date:
    """The present day in the account's zone."""
    return clock.now().astimezone(ZoneInfo(account.timezone)).date()


def day(text: str) -> date | None:
    """A day kept as text."""
    return date.fromisoformat(text) if text else None
