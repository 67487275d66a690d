"""The first reports: revenue, recurring revenue, ageing, usage; each with charts and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from babel.dates import format_skeleton
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from procrastinate.exceptions import AlreadyEnqueued

from meterline.catalog import services as catalog
from meterline.insight.jobs import refresh_reports
from meterline.insight.models import Report
from meterline.insight.movements import CAUSES
from meterline.insight.reports import EDGES
from meterline.platform import clock
from meterline.web import charts
from meterline.web import format as written
from meterline.web.page import act, done, link, page
from meterline.web.rows import Column, Money, Number, Percent, Rows

WORDS = {
    "new": _("New"), "back": pgettext_lazy("customers who return", "Back"),
    "expansion": _("Expansion"),
    "contraction": _("Contraction"), "churn": _("Churn"),
}  # fmt: skip
Kept = list[dict[str, Any]]


def _month(text: str) -> str:
    return str(format_skeleton("yMMM", date.fromisoformat(text), locale=written.locale()))


def _last_day(text: str) -> date:
    first = date.fromisoformat(text)
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _kept(code: str) -> tuple[Report | None, Kept]:
    report = Report.objects.filter(code=code).first()
    return report, report.content if report else []


def _by(rows: Iterable[dict[str, Any]], key: str) -> dict[str, Kept]:
    groups: dict[str, Kept] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


def _answer(
    request: HttpRequest, report: Report | None, sections: Sequence[dict[str, Any]], note: str
) -> HttpResponse:
    context = {"report": report, "sections": sections, "note": note}
    return render(request, "insight/report.html", context)


@page("insight/revenue", title=_("Revenue"), permission="insight.view", menu="insight", order=1)
def revenue(request: HttpRequest) -> HttpResponse:
    """Invoiced by month and currency, net of tax; and an account (ARPU)."""
    report, kept = _kept("revenue")
    columns = [
        Column("label", _("Month"), link=_invoices), Money("net", _("Net")), Money("tax", _("Tax")),
        Number("documents", _("Documents")), Number("accounts", _("Accounts billed")),
        Money("arpu", _("Net an account")),
    ]  # fmt: skip
    sections = []
    for currency, rows in _by(kept, "currency").items():
        shown = [
            {**row, "label": _month(row["month"]),
             **{name: Decimal(row[name]) for name in ("net", "tax", "arpu")}}
            for row in rows
        ]  # fmt: skip
        sections.append(
            {
                "title": currency,
                "charts": [
                    charts.bars(_t("Invoiced by month, net"), _pairs(shown, "net"), unit=currency),
                    charts.area(_t("Net an account (ARPU)"), _pairs(shown, "arpu"), unit=currency),
                ],
                "rows": Rows(columns, shown[::-1], caption=_t("Revenue in %s") % currency),
            }
        )
    return _answer(request, report, sections, _t("Invoices less credit notes, by issue date."))


def _pairs(rows: Kept, name: str) -> list[tuple[str, Decimal]]:
    return [(row["label"], row[name]) for row in rows]


def _invoices(row: Any) -> str:
    ends = f"issue_date_from={row['month']}&issue_date_to={_last_day(row['month'])}"
    return link("invoices.invoices", f"currency={row['currency']}&{ends}")


@page(
    "insight/recurring", title=_("Recurring revenue"), permission="insight.view", menu="insight",
    order=2,
)  # fmt: skip
def recurring(request: HttpRequest) -> HttpResponse:
    """MRR by month: what moved it, and churn."""
    report, kept = _kept("recurring")
    amounts = ("opening", *CAUSES, "closing")
    columns = [
        Column("label", _("Month"), link=_subscriptions), Money("opening", _("At the beginning")),
        *(Money(name, WORDS[name]) for name in CAUSES), Money("closing", _("At the end")),
        Number("subscriptions", _("Subscriptions")), Number("lost", _("Lost")),
        Percent("churned", _("Churn rate")),
    ]  # fmt: skip
    sections = []
    for currency, rows in _by(kept, "currency").items():
        shown = [
            {**row, "label": _month(row["month"]), "churned": _percent(row["churn_percent"]),
             **{name: Decimal(row[name]) for name in amounts}}
            for row in rows
        ]  # fmt: skip
        moved = [(row["label"], str(WORDS[name]), row[name]) for row in shown for name in CAUSES]
        last = shown[-1]
        bridge = [(_t("Beginning"), last["opening"]),
                  *((str(WORDS[name]), last[name]) for name in CAUSES),
                  (_t("End"), last["closing"])]  # fmt: skip
        sections.append(
            {
                "title": currency,
                "charts": [
                    charts.area(_t("At the end of the month"), _pairs(shown, "closing"),
                                unit=currency),
                    charts.stacked(_t("What moved it"), moved, unit=currency),
                    charts.waterfall(last["label"], bridge, unit=currency),
                    charts.lines(
                        _t("Churn rate"),
                        [(row["label"], _t("of subscriptions"), Decimal(row["churn_percent"]))
                         for row in shown if row["churn_percent"] is not None], unit="%",
                    ),
                ],
                "rows": Rows(columns, shown[::-1], caption=_t("Movements in %s") % currency),
            }
        )  # fmt: skip
    note = _t("What recurring prices come to a month, at list price, before discounts and tax.")
    return _answer(request, report, sections, note)


def _percent(text: str | None) -> str:
    return "" if text is None else f"{written.number(Decimal(text), 2)} %"


def _subscriptions(row: Any) -> str:
    ends = f"started_at_from={row['month']}&started_at_to={_last_day(row['month'])}"
    return link("subscriptions.subscriptions", ends)


@page("insight/ageing", title=_("Ageing"), permission="insight.view", menu="insight", order=3)
def ageing(request: HttpRequest) -> HttpResponse:
    """What is open, by how long it is overdue."""
    report, kept = _kept("ageing")
    columns = [
        Column("label", _("Overdue"), link=_open), Money("open", _("Open")),
        Number("documents", _("Documents")), Percent("share", _("Share")),
    ]  # fmt: skip
    sections = []
    for currency, rows in _by(kept, "currency").items():
        total = sum((Decimal(row["open"]) for row in rows), Decimal(0))
        known = {row["bucket"]: row for row in rows}
        shown = [
            {
                "label": label, "bucket": bucket, "currency": currency,
                "open": (amount := Decimal(known.get(bucket, {}).get("open", 0))),
                "documents": known.get(bucket, {}).get("documents", 0),
                "share": f"{written.number(100 * amount / total, 1)} %",
                "asof": (report.computed_at if report else clock.now()).date(),
            }
            for bucket, label in enumerate(_buckets())
        ]  # fmt: skip
        title = _t("Open by days overdue")
        sections.append(
            {"title": currency,
             "charts": [charts.bars(title, _pairs(shown, "open"), unit=currency)],
             "rows": Rows(columns, shown, caption=_t("Ageing in %s") % currency)}
        )  # fmt: skip
    return _answer(request, report, sections, _t("What is still to be paid, by due date."))


def _buckets() -> list[str]:
    ranges = [f"{low + 1}{written.DASH}{high}" for low, high in pairwise(EDGES)]
    return [_t("not due"), *ranges, _t("over %s") % EDGES[-1]]


def _open(row: Any) -> str:
    bucket, today = row["bucket"], row["asof"]
    ends = ""
    if bucket:
        ends = f"&due_date_to={today - timedelta(days=EDGES[bucket - 1] + 1)}"
    if bucket < len(EDGES):
        ends += f"&due_date_from={today - timedelta(days=EDGES[bucket])}"
    return link("payments.open_items", f"currency={row['currency']}{ends}")


@page("insight/usage", title=_("Usage"), permission="insight.view", menu="insight", order=4)
def usage(request: HttpRequest) -> HttpResponse:
    """Usage by meter and month."""
    report, kept = _kept("usage")
    meters = catalog.meters()
    sections = []
    for meter, rows in _by(kept, "meter").items():
        unit = (meters[meter].unit if meter in meters else None) or _t("units")
        columns = [
            Column("label", _("Month")), Number("quantity", f"{_t('Quantity')} ({unit})"),
            Number("events", _("Records")),
        ]  # fmt: skip
        shown = [
            {**row, "label": _month(row["month"]), "quantity": Decimal(row["quantity"])}
            for row in rows
        ]
        title = _t("%s by month") % meter
        sections.append(
            {"title": meter, "url": reverse("catalog.meter", args=[meter]),
             "charts": [charts.bars(title, _pairs(shown, "quantity"), unit=unit)],
             "rows": Rows(columns, shown[::-1], caption=title)}
        )  # fmt: skip
    note = _t("What was rated, by the beginning of the period that it belongs to.")
    return _answer(request, report, sections, note)


@act("insight/refresh", permission="insight.view")
def refresh(request: HttpRequest) -> HttpResponse:
    """Let a job compute all reports anew."""
    with suppress(AlreadyEnqueued), transaction.atomic():
        refresh_reports.defer(timestamp=0)  # type: ignore[call-arg]
    words = _("The reports are being computed. They are here once the job has ended.")
    return done(request, words, request.headers.get("Referer") or reverse("insight.revenue"))
