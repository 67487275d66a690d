"""Names of our ledger accounts in the charts of accounts of plain-text accounting."""

from __future__ import annotations

import re
from decimal import Decimal

_NAMES = {
    "receivable": "Assets:Receivable",
    "cash": "Assets:Cash",
    "customer_credit": "Liabilities:CustomerCredit",
    "deferred_revenue": "Liabilities:DeferredRevenue",
    "goodwill": "Expenses:Goodwill",
    "breakage": "Income:Breakage",
}
_GROUPS = {"revenue": "Income", "tax_payable": "Liabilities:Tax"}


def account_name(ledger_account: str) -> str:
    """`revenue:one_time` -> `Income:OneTime`; each part begins with a capital letter or digit."""
    if ledger_account in _NAMES:
        return _NAMES[ledger_account]
    group, _, detail = ledger_account.partition(":")
    words = re.split(r"[^0-9A-Za-z]+", detail)
    name = "".join(word[:1].upper() + word[1:] for word in words if word) or "Other"
    return f"{_GROUPS[group]}:{name}"


def one_line(text: str) -> str:
    """What people wrote, without line breaks: those would begin another posting."""
    return " ".join(text.split())


def amount_text(amount: Decimal) -> str:
    """The amount without needless zeros, with two decimals at least."""
    short = amount.normalize()
    exponent = short.as_tuple().exponent
    assert isinstance(exponent, int)
    return f"{short:f}" if exponent < -2 else f"{amount:.2f}"
