"""Credit above what one person may grant: what exactly a second one approves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from meterline.access import approvals, limits
from meterline.access.models import Approval
from meterline.customers.models import Account
from meterline.payments.check import written
from meterline.payments.grants import Terms

KIND = "credit.grant"


def check(
    account: Account, amount: Decimal, at: datetime | None, reason: str, terms: Terms
) -> None:
    """Use the approval that an amount needs which is above the limit, together with what the actor
    gave the account within a day; in the transaction that grants it, with the account locked.

    Raises ApprovalNeeded, ApprovalMoved.
    """
    if limits.above(amount, account.currency, subject(account)):
        approvals.use(KIND, subject(account), payload(account, amount, at, reason, terms))
    else:
        limits.note(amount, account.currency, subject(account))


def ask(
    account: Account, amount: Decimal, at: datetime | None, reason: str, terms: Terms
) -> Approval:
    """Ask a second person; asking again for the same gives what was asked before."""
    return approvals.ask(
        KIND, subject(account), permission="payments.approve",
        summary=f"Credit of {written(amount, account.currency)} {account.currency}"
        f" to {account.code}",
        payload=payload(account, amount, at, reason, terms),
    )  # fmt: skip


def payload(
    account: Account, amount: Decimal, at: datetime | None, reason: str, terms: Terms
) -> dict[str, Any]:
    """What exactly is to be granted."""
    return {
        "account": account.code, "amount": written(amount, account.currency),
        "currency": account.currency, "reason": reason, "at": at.isoformat() if at else "",
        "expires": terms.expires_at.isoformat() if terms.expires_at else "",
        "only_usage": terms.only_usage, "priority": terms.priority,
        "prices": list(terms.price_codes),
    }  # fmt: skip


def asked(told: Mapping[str, Any]) -> dict[str, Any]:
    """What `services.grant_credit` takes, of a payload that was approved."""
    terms = Terms(
        priority=told["priority"], only_usage=told["only_usage"],
        expires_at=_instant(told["expires"]), price_codes=tuple(told["prices"]),
    )  # fmt: skip
    return {
        "amount": Decimal(told["amount"]), "at": _instant(told["at"]), "reason": told["reason"],
        "terms": terms,
    }  # fmt: skip


def subject(account: Account) -> str:
    """To whom credit is given, for limits and approvals."""
    return f"account:{account.code}"


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
