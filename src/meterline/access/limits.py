"""What one person may give one account alone within a day; above it a second one has to approve.

All that the person gave the account alone in the last 24 hours counts together, as credit or by
credit notes, so that giving it in parts comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import Sum

from meterline.access.models import CreditLimit, Given
from meterline.kernel.money import decimals
from meterline.platform import audit, clock

USUAL: Final = 100
"""The limit where none is set, in a currency of two decimals; others are scaled alike."""

WITHIN: Final = timedelta(hours=24)
"""What was given in so long counts together."""

_lifted: ContextVar[bool] = ContextVar("lifted", default=False)


def limit(currency: str) -> Decimal:
    """What one person may give one account alone within a day, in a currency."""
    held = CreditLimit.objects.filter(currency=currency).first()
    return held.amount if held is not None else usual(currency)


def usual(currency: str) -> Decimal:
    """The limit of a currency for which none is set."""
    return Decimal(USUAL).scaleb(max(2 - decimals(currency), 0))


def given(currency: str, subject: str) -> Decimal:
    """What the actor gave this subject alone in the last 24 hours."""
    rows = Given.objects.filter(
        subject=subject, actor=audit.actor(), currency=currency, at__gt=clock.now() - WITHIN
    )
    return rows.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def above(amount: Decimal, currency: str, subject: str) -> bool:
    """Does giving this to a subject, such as `account:A1`, need a second person?"""
    return not _lifted.get() and amount + given(currency, subject) > limit(currency)


def note(amount: Decimal, currency: str, subject: str) -> None:
    """Keep what is being given away alone, in the transaction that does it, which holds the lock of
    the subject."""
    if not _lifted.get():
        Given.objects.create(
            actor=audit.actor(), subject=subject, currency=currency, amount=amount, at=clock.now()
        )


@transaction.atomic
def set_limit(currency: str, amount: Decimal | None) -> None:
    """Set what one person may give away alone; None: the usual. Raises UnknownCurrency."""
    before = limit(currency)
    if amount is None:
        CreditLimit.objects.filter(currency=currency).delete()
    else:
        CreditLimit.objects.update_or_create(currency=currency, defaults={"amount": amount})
    after = usual(currency) if amount is None else amount
    if after != before:
        audit.record(
            "limit.set", f"credit_limit:{currency}",
            before={"limit": str(before)}, after={"limit": str(after)},
        )  # fmt: skip


@contextmanager
def lifted() -> Iterator[None]:
    """Inside, there is no limit: for what is only tried, and for scenarios."""
    token = _lifted.set(True)
    try:
        yield
    finally:
        _lifted.reset(token)
