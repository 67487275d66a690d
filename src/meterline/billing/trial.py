"""What an act would do to the next invoice: done, previewed, and taken back again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from meterline.billing.services import DocumentPreview, preview
from meterline.customers.models import Account
from meterline.kernel.cycle import grid
from meterline.kernel.interval import Interval
from meterline.platform import clock
from meterline.subscriptions import store
from meterline.subscriptions.models import Subscription
from meterline.usage.rehearsal import rehearsal

_MONTH = Interval(months=1)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The next invoice, due on a local day of the account, without and with the act."""

    day: date
    currency: str
    before: list[DocumentPreview]
    after: list[DocumentPreview]
    result: Any

    @property
    def totals(self) -> tuple[Decimal, Decimal]:
        """What is billed in all, without and with the act."""
        return total(self.before), total(self.after)


def total(documents: list[DocumentPreview]) -> Decimal:
    """What documents come to, tax included."""
    return sum((one.total for one in documents), Decimal(0))


def attempt(account_id: int, act: Callable[[], Any]) -> Trial:
    """Try `act`, which changes contracts of an account: the same functions as in earnest, in a
    transaction that is taken back. Raises what the act raises."""
    account = Account.objects.get(pk=account_id)
    day = next_day(account)
    before = preview(account_id, day)
    with rehearsal():
        result = act()
        after = preview(account_id, day)
    return Trial(day=day, currency=account.currency, before=before, after=after, result=result)


def next_day(account: Account, at: datetime | None = None) -> date:
    """The next local day, after today, on which a month of an account ends: its billing day, or the
    day of the month on which the first of its subscriptions that has not ended began."""
    today = (at or clock.now()).astimezone(ZoneInfo(account.timezone)).date()
    days = [one.day for one in store.billing_days(account.pk) if one.since <= today]
    day = days[-1] or _anniversary(account) or today.day
    return grid(_MONTH, day, date(today.year, today.month, 1)).cycle(today)[1]


def _anniversary(account: Account) -> int | None:
    running = Subscription.objects.filter(account=account).exclude(state="cancelled")
    first = running.order_by("started_at").values_list("started_at", flat=True).first()
    return first.astimezone(ZoneInfo(account.timezone)).day if first else None
