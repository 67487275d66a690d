"""Days that people type, as instants of an account."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from meterline.customers.models import Account
from meterline.platform import clock
from meterline.web import format as written


def start_of(day: date | None, account: Account) -> datetime | None:
    """The beginning of a day in the account's zone; none where no day was typed."""
    if day is None:
        return None
    return datetime.combine(day, time(0), ZoneInfo(account.timezone)).astimezone(UTC)


def today(account: Account) -> date:
    """The present day in the account's zone."""
    return clock.now().astimezone(ZoneInfo(account.timezone)).date()


def told(at: datetime, account: Account) -> str:
    """An instant in the account's zone, as people read it."""
    local = at.astimezone(ZoneInfo(account.timezone))
    return f"{written.day(local.date())}, {local:%H:%M}"
