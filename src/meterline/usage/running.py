"""The running total: what has been used so far, by the newest period of each price."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

from django.db import connection

from meterline.kernel.explain import number


def running_totals(
    *, subscription: str | None = None, account: str | None = None, at: datetime
) -> list[dict[str, Any]]:
    """By subscription, plan, price and period, of one subscription or all of an account: events,
    quantity, and what they were rated at (0 where the period is priced as a whole), as exact texts.

    Of each price the newest period that has begun and in which something was used.
    """
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, {"subscription": subscription, "account": account, "at": at})
        rows = cursor.fetchall()
    found: dict[tuple[Any, ...], list[Any]] = {}
    for *key, events, quantity, amount, denominator in rows:
        sums = found.setdefault(tuple(key), [0, Fraction(0), Fraction(0)])
        sums[0] += events
        sums[1] += Fraction(quantity)
        sums[2] += Fraction(amount) / denominator
    return [
        {
            "subscription": key[0], "plan": key[1], "price": key[2], "currency": key[3],
            "period_start": key[4].isoformat(), "events": int(events),
            "quantity": number(quantity), "amount": number(amount),
        }
        for key, (events, quantity, amount) in found.items()
    ]  # fmt: skip


_QUERY = """
    SELECT s.code, p.plan_code, r.code, p.currency, t.period_start, sum(t.events), sum(t.quantity),
        sum(t.amount), t.denominator
    FROM subscriptions_subscription s
    JOIN customers_account a ON a.id = s.account_id
    JOIN usage_total t ON t.account_id = s.account_id AND t.subscription_id = s.id
    JOIN catalog_price r ON r.id = t.price_id
    JOIN catalog_planversion p ON p.id = r.plan_version_id
    WHERE (s.code = %(subscription)s OR a.code = %(account)s)
        AND t.period_start = (
            SELECT max(n.period_start) FROM usage_total n
            WHERE n.account_id = t.account_id AND n.subscription_id = t.subscription_id
                AND n.price_id = t.price_id
                AND n.period_start <= (%(at)s AT TIME ZONE a.timezone)::date)
    GROUP BY 1, 2, 3, 4, 5, t.denominator ORDER BY 1, 2, 3, 5
"""
