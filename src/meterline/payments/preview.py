"""What taking or giving money would do: done, looked at, and taken back again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from meterline.payments.models import Allocation, Payment
from meterline.payments.services import Balance, balance
from meterline.platform.trial import trial


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A payment that would be, what it would settle or open again, and the balance around it."""

    payment: Payment
    parts: list[Allocation]
    before: Balance
    after: Balance

    @property
    def settled(self) -> Decimal:
        """What invoices take of it; negative where it is taken back from them."""
        return sum((part.amount for part in self.parts), Decimal(0))


def attempt(account_id: int, act: Callable[[], Payment]) -> Outcome:
    """Try an act by the function that does it in earnest, in a transaction that is taken back.
    Raises what the act raises."""
    before = balance(account_id)
    with trial():
        made = act()
        parts = Allocation.objects.filter(payment=made).select_related("invoice").order_by("pk")
        outcome = Outcome(payment=made, parts=list(parts), before=before, after=balance(account_id))
    return outcome
