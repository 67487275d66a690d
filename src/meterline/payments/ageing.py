"""How long accounts have owed what they owe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

# whole days after the due date, in the account's zone
_AGES = """
    SELECT a.id,
        coalesce(sum(o.open) FILTER (WHERE d.late <= 0), 0),
        coalesce(sum(o.open) FILTER (WHERE d.late BETWEEN 1 AND 30), 0),
        coalesce(sum(o.open) FILTER (WHERE d.late BETWEEN 31 AND 60), 0),
        coalesce(sum(o.open) FILTER (WHERE d.late BETWEEN 61 AND 90), 0),
        coalesce(sum(o.open) FILTER (WHERE d.late > 90), 0)
    FROM customers_account a
    LEFT JOIN payments_openitem o ON o.account_id = a.id AND o.open > 0
    CROSS JOIN LATERAL (SELECT (%s AT TIME ZONE a.timezone)::date - o.due_date AS late) d
    WHERE a.id = ANY(%s) GROUP BY a.id
"""


@dataclass(frozen=True)
class Owed:
    """What an account owes, by the days since it was due."""

    not_due: Decimal
    days_1_30: Decimal
    days_31_60: Decimal
    days_61_90: Decimal
    days_91: Decimal

    @property
    def overdue(self) -> Decimal:
        """What was due before today."""
        return self.days_1_30 + self.days_31_60 + self.days_61_90 + self.days_91

    @property
    def total(self) -> Decimal:
        """All that is open."""
        return self.not_due + self.overdue


def of(account_ids: Sequence[int], at: datetime) -> dict[int, Owed]:
    """What each of the accounts owes at an instant, of what is open now."""
    with connection.cursor() as cursor:
        cursor.execute(_AGES, [at, list(account_ids)])
        return {account: Owed(*parts) for account, *parts in cursor.fetchall()}
