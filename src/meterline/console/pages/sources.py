"""What Home shows: the key figures, what waits for somebody, and the first steps."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from procrastinate.contrib.django.models import ProcrastinateJob

from meterline.access.models import Approval
from meterline.billing.models import BillRun
from meterline.catalog.models import Draft
from meterline.payments.models import OpenItem
from meterline.platform import clock
from meterline.usage.models import Reject
from meterline.web import format as written
from meterline.web.figures import Stat, Work, figures, work
from meterline.web.page import link
from meterline.web.table import COUNTED
from meterline.web.words import spoken

_INVOICED = """
    SELECT currency, date_trunc('month', issue_date)::date, sum(total), count(*)
    FROM invoices_invoice WHERE issue_date >= %s GROUP BY 1, 2 ORDER BY 1, 2
"""
_OPEN = """
    SELECT currency, sum(open), coalesce(sum(open) FILTER (WHERE due_date < %s), 0),
           count(*) FILTER (WHERE due_date < %s)
    FROM payments_openitem WHERE open > 0 GROUP BY 1 ORDER BY 2 DESC
"""
_JOINED = """
    SELECT date_trunc('month', created_at)::date, count(*)
    FROM customers_customer GROUP BY 1 ORDER BY 1
"""


@figures("invoiced", permission="invoices.view")
def invoiced() -> list[Stat]:
    """What was invoiced a month in each currency, over a year."""
    today = clock.now().date()
    since = date(today.year - 1, today.month, 1)
    months: dict[str, list[tuple[date, Decimal, int]]] = defaultdict(list)
    for currency, month, total, count in _rows(_INVOICED, [since]):
        months[currency].append((month, total, count))
    stats = []
    for currency, course in sorted(months.items(), key=_documents, reverse=True):
        month, total, count = course[-1]
        before = course[-2][1] if len(course) > 1 else None
        stats.append(
            Stat(
                title=spoken(_invoiced_in, month),
                value=spoken(written.short, total),
                url=link("invoices.invoices", f"currency={currency}&issue_date_from={month}"),
                note=spoken(_of_documents, count),
                trend=spoken(_trend, total, before),
                tone="neutral" if before is None else ("good" if total >= before else "bad"),
                course=tuple(f"{value:.2f}" for _month, value, _count in course),
                labels=tuple(spoken(written.month, one) for one, _value, _count in course),
                group=currency,
            )
        )
    return stats


@figures("open", permission="payments.view")
def receivable() -> list[Stat]:
    """What is still to be paid in each currency, and what of it is overdue."""
    today = clock.now().date()
    stats = []
    for currency, total, overdue, count in _rows(_OPEN, [today, today]):
        share = 100 * overdue / total
        stats += [
            Stat(
                title=gettext_lazy("Open"), value=spoken(written.short, total), group=currency,
                url=link("payments.open_items", f"currency={currency}"),
                note=gettext_lazy("still to be paid"),
            ),
            Stat(
                title=gettext_lazy("Overdue"), value=spoken(written.short, overdue),
                group=currency,
                url=link("payments.open_items", f"currency={currency}&overdue=1"),
                note=spoken(_of_documents, count),
                trend=f"{share:.0f} %", tone="bad" if share > 20 else "neutral",
            ),
        ]  # fmt: skip
    return stats


@figures("customers", permission="customers.view")
def customers() -> list[Stat]:
    """How many customers there are, and how many joined a month."""
    months = _rows(_JOINED, [])[1:][-12:]  # the first month is that of the take-over
    total = _rows("SELECT count(*) FROM customers_customer", [])[0][0]
    return [
        Stat(
            title=gettext_lazy("Customers"), value=spoken(written.number, total),
            url=link("customers.customers"),
            note=spoken(_joined_last, months[-1][1]) if months else "",
            course=tuple(str(count) for _month, count in months),
            labels=tuple(spoken(written.month, month) for month, _count in months),
        )
    ]  # fmt: skip


@work("jobs", permission="jobs.view")
def failed_jobs() -> list[Work]:
    """Background jobs that failed."""
    count = ProcrastinateJob.objects.filter(status="failed")[:COUNTED].count()
    url = link("console.jobs", "status=failed")
    return [Work(title=_("Background jobs failed"), url=url, count=count, tone="bad")]


@work("runs", permission="billing.view")
def open_runs() -> list[Work]:
    """Bill runs that were begun and not finished."""
    count = BillRun.objects.filter(finished_at=None).count()
    note = _("each continues where it stopped")
    return [Work(title=_("Bill runs not finished"), url=link("billing.runs"), count=count,
                 note=note)]  # fmt: skip


@work("rejects", permission="usage.view")
def rejects() -> list[Work]:
    """Usage records that could not be rated."""
    count = Reject.objects.filter(state="open")[:COUNTED].count()
    note = _("to be mended and recycled, or discarded")
    url = link("usage.rejects", "state=open")
    return [Work(title=_("Usage records rejected"), url=url, count=count, note=note)]


@work("drafts", permission="catalog.view")
def drafts() -> list[Work]:
    """Drafts of the catalogue that wait for approval."""
    count = Draft.objects.filter(state="draft").count()
    title = _("Catalogue drafts to review")
    return [Work(title=title, url=link("catalog.drafts"), count=count, tone="busy")]


@work("approvals", permission="home.view")
def approvals() -> list[Work]:
    """Acts that wait for a second person."""
    count = Approval.objects.filter(state="awaiting").count()
    title = _("Acts waiting for a second person")
    return [Work(title=title, url=link("console.approvals"), count=count, tone="busy")]


@work("overdue", permission="payments.view")
def overdue() -> list[Work]:
    """Documents past their due date."""
    late = OpenItem.objects.filter(open__gt=0, due_date__lt=clock.now().date())
    count = late.order_by()[:COUNTED].count()
    url = link("payments.open_items", "overdue=1")
    return [Work(title=_("Documents overdue"), url=url, count=count, tone="neutral")]


STEPS = (
    ("customers.models.Seller", gettext_lazy("Say who you are: a seller"), "console.sellers"),
    ("catalog.models.PlanVersion", gettext_lazy("Publish a plan"), "catalog.plans"),
    ("customers.models.Customer", gettext_lazy("Add customers"), "customers.customers"),
    ("subscriptions.models.Subscription", gettext_lazy("Start subscriptions"),
     "subscriptions.subscriptions"),
    ("usage.models.Batch", gettext_lazy("Load usage"), "usage.batches"),
    ("billing.models.BillRun", gettext_lazy("Run the first bill"), "billing.runs"),
    ("payments.models.Payment", gettext_lazy("Take a payment"), "payments.payments"),
)  # fmt: skip
"""The first steps: what there has to be, what to do, and where."""


def _invoiced_in(month: date) -> str:
    return _("Invoiced in %(month)s") % {"month": written.month(month)}


def _of_documents(count: int) -> str:
    return _("%(count)s documents") % {"count": written.number(count)}


def _joined_last(count: int) -> str:
    return _("%(count)s joined last") % {"count": written.number(count)}


def _documents(item: tuple[str, list[tuple[date, Decimal, int]]]) -> int:
    return sum(count for _month, _total, count in item[1])


def _trend(now: Decimal, before: Decimal | None) -> str:
    if not before:
        return ""
    change = 100 * (now - before) / before
    return f"{'+' if change >= 0 else written.MINUS}{written.number(abs(change), 1)} %"


def _rows(statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
