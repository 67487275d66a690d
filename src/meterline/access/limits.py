"""What one person may give away alone; above it a second one has to approve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Final

from django.db import transaction

from meterline.access.models import CreditLimit
from meterline.kernel.money import decimals
from meterline.platform import audit

USUAL: Final = 100
"""The limit where none is set, in a currency of two decimals; others are scaled alike."""

_lifted: ContextVar[bool] = ContextVar("lifted", default=False)


def limit(currency: str) -> Decimal:
    """What one person may give away alone in a currency."""
    held = CreditLimit.objects.filter(currency=currency).first()
    return held.amount if held is not None else usual(currency)


def usual(currency: str) -> Decimal:
    """The limit of a currency for which none is set."""
    return Decimal(USUAL).scaleb(max(2 - decimals(currency), 0))


def above(amount: Decimal, currency: str) -> bool:
    """Does giving this away need a second person?"""
    return not _lifted.get() and amount > limit(currency)


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
