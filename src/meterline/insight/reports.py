"""The reports: read by aggregates, computed, kept. Pages show what was kept.

What they cost: revenue reads each invoice of the months, ageing each open item, usage each total of
the months (one pass each); movements join the subscriptions of two month-ends, month by month, and
bring back a row for each pair of plan versions and quantities, not for each subscription.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.db import connection, transaction

from meterline.catalog import services as catalog
from meterline.insight.models import Report
from meterline.insight.movements import CAUSES, Held, Month, Step, movements, worth
from meterline.kernel.money import round_amount
from meterline.platform import clock

MONTHS = 13
EDGES = (0, 30, 60, 90)  # days overdue

_REVENUE = """
    SELECT currency, date_trunc('month', issue_date)::date, sum(net), sum(tax), count(*),
        count(DISTINCT account_id)
    FROM invoices_invoice WHERE issue_date >= %s AND issue_date < %s GROUP BY 1, 2 ORDER BY 1, 2
"""
_AGEING = """
    SELECT currency, CASE WHEN due_date >= %(today)s THEN 0 WHEN due_date >= %(today)s - 30 THEN 1
        WHEN due_date >= %(today)s - 60 THEN 2 WHEN due_date >= %(today)s - 90 THEN 3 ELSE 4 END,
        sum(open), count(*)
    FROM payments_openitem WHERE open > 0 GROUP BY 1, 2 ORDER BY 1, 2
"""
_USAGE = """
    SELECT p.meter_code, date_trunc('month', t.period_start)::date, sum(t.quantity), sum(t.events)
    FROM usage_total t JOIN catalog_price p ON p.id = t.price_id
    WHERE t.period_start >= %s AND t.period_start < %s GROUP BY 1, 2 ORDER BY 1, 2
"""
_STEPS = """
    WITH had AS (
        SELECT subscription_id, plan_version_id, quantity FROM subscriptions_phase
        WHERE state = 'active' AND start_at < %(since)s AND (end_at IS NULL OR end_at >= %(since)s)
    ), has AS (
        SELECT subscription_id, plan_version_id, quantity FROM subscriptions_phase
        WHERE state = 'active' AND start_at < %(until)s AND (end_at IS NULL OR end_at >= %(until)s)
    )
    SELECT a.currency, had.plan_version_id, had.quantity, has.plan_version_id, has.quantity,
        s.started_at < %(since)s, count(*)
    FROM had FULL JOIN has USING (subscription_id)
    JOIN subscriptions_subscription s ON s.id = subscription_id
    JOIN customers_account a ON a.id = s.account_id
    GROUP BY 1, 2, 3, 4, 5, 6
"""


def months(today: date) -> list[date]:
    """The first days of the last full months and of the one that runs, ascending."""
    number = today.year * 12 + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(number - MONTHS + 1, number + 1)]


def refresh() -> None:
    """Compute every report anew and keep it."""
    now = clock.now()
    for code, compute in REPORTS.items():
        content = compute(now.date())
        with transaction.atomic():
            Report.objects.update_or_create(
                code=code, defaults={"computed_at": now, "content": content}
            )


def revenue(today: date) -> list[dict[str, Any]]:
    """By currency and month: net, tax, documents, accounts, net an account (ARPU)."""
    rows = _rows(_REVENUE, [months(today)[0], _next(months(today)[-1])])
    return [
        {
            "currency": currency, "month": month.isoformat(), "net": str(net), "tax": str(tax),
            "documents": documents, "accounts": accounts,
            "arpu": str(round_amount(net / accounts, currency)),
        }
        for currency, month, net, tax, documents, accounts in rows
    ]  # fmt: skip


def ageing(today: date) -> list[dict[str, Any]]:
    """By currency and bucket (0: not due, then by EDGES): what is open, and documents."""
    return [
        {"currency": currency, "bucket": bucket, "open": str(amount), "documents": count}
        for currency, bucket, amount, count in _rows(_AGEING, {"today": today})
    ]


def usage(today: date) -> list[dict[str, Any]]:
    """By meter and month: quantity and events, as rated."""
    rows = _rows(_USAGE, [months(today)[0], _next(months(today)[-1])])
    return [
        {"meter": meter, "month": month.isoformat(), "quantity": f"{quantity.normalize():f}",
         "events": int(events)}
        for meter, month, quantity, events in rows
    ]  # fmt: skip


def recurring(today: date) -> list[dict[str, Any]]:
    """By currency and month that has ended: MRR at both ends and what moved it."""
    steps = list(_steps(today))
    held = {one for step in steps for one in (step.before, step.after) if one}
    return [_told(one) for one in movements(steps, _worths(held))]


def _steps(today: date) -> Iterator[Step]:
    for month, following in pairwise(months(today)):
        ends = {"since": _start(month), "until": _start(following)}
        for currency, *sides, returned, count in _rows(_STEPS, ends):
            before, after = (
                (sides[at], sides[at + 1]) if sides[at] is not None else None for at in (0, 2)
            )
            yield Step(month=month, currency=currency, before=before, after=after,
                       returned=returned, count=count)  # fmt: skip


def _worths(held: set[Held]) -> dict[Held, Any]:
    versions = {version for version, _quantity in held}
    by_version: dict[int, list[Any]] = {version: [] for version in versions}
    for price in catalog.prices(versions):
        by_version[price.plan_version_id].append(price)
    return {one: worth(by_version[one[0]], one[1]) for one in held}


def _told(one: Month) -> dict[str, Any]:
    """Amounts rounded so that they still add up: what is left over is put on the largest cause."""
    opening, closing = (round_amount(value, one.currency) for value in (one.opening, one.closing))
    causes = {name: round_amount(one.causes[name], one.currency) for name in CAUSES}
    largest = max(causes, key=lambda name: abs(causes[name]))
    causes[largest] += closing - opening - sum(causes.values(), Decimal(0))
    return {
        "currency": one.currency, "month": one.month.isoformat(), "opening": str(opening),
        "closing": str(closing), **{name: str(amount) for name, amount in causes.items()},
        "subscriptions": one.subscriptions, "lost": one.lost,
        "churn_percent": None if one.churn_percent is None else str(one.churn_percent),
    }  # fmt: skip


REPORTS: dict[str, Callable[[date], list[dict[str, Any]]]] = {
    "revenue": revenue, "recurring": recurring, "ageing": ageing, "usage": usage,
}  # fmt: skip


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=UTC)


def _rows(statement: str, parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
