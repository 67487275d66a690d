"""What I use: units or money, by hour, day or month, adding up to the bill to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from meterline.customers.models import Account
from meterline.invoices.models import Invoice, Line
from meterline.portal import bill as bills
from meterline.portal.bill import Bill
from meterline.portal.scope import account_of, invoice_of
from meterline.portal.services import PERMISSION
from meterline.portal.spread import Piece, parts
from meterline.portal.words import PARTS
from meterline.web import charts
from meterline.web import format as written
from meterline.web.page import page
from meterline.web.sound import day, whole

MONTHS = 13
EVERY = {"hour": _("Hours"), "day": _("Days"), "month": _("Months")}
SHOW = {"money": _("Money"), "units": _("Units")}
Value = tuple[datetime | None, str, Decimal]  # when (None: at no moment of its own), of what
Point = tuple[str, str, Decimal]  # label, of what


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the URL asks to see."""

    every: str
    show: str
    what: str
    day: date | None


@page("portal/usage", title=_("Usage"), permission=PERMISSION, menu="usage", surface="portal")
def usage(request: HttpRequest) -> HttpResponse:
    """The usage of one bill, or of the one that is still to come, and how the bill follows."""
    account = account_of(request)
    asked = _asked(request)
    chosen = whole(request.GET.get("bill", ""))
    one = bills.so_far(account) if chosen is None else bills.issued(invoice_of(request, chosen))
    whats = _whats(one)
    what = asked.what if asked.what in dict(whats) else (whats[0][0] if whats else "")
    points, unit = _points(one, asked, what)
    made = parts(one.lines, one.tax)
    context = {
        "account": one.account, "bill": one, "asked": asked, "what": what, "whats": whats,
        "every": EVERY.items(), "show": SHOW.items(), "days": _days(one),
        "recent": _recent(one.account), "chart": _chart(points, unit) if points else None,
        "parts": [(PARTS[part], amount) for part, amount in made.items()],
        "period": "" if asked.every == "month" else _period(one),
    }  # fmt: skip
    return render(request, "portal/usage.html", context)


def _asked(request: HttpRequest) -> Asked:
    every, show = request.GET.get("every", "day"), request.GET.get("show", "money")
    return Asked(
        every=every if every in EVERY else "day", show=show if show in SHOW else "money",
        what=request.GET.get("what", ""), day=day(request.GET.get("day", "")),
    )  # fmt: skip


def _points(one: Bill, asked: Asked, what: str) -> tuple[list[Point], str]:
    """(label, series, value) in the order of time, and their unit."""
    if asked.every == "month":
        found = months(one.account)
    else:
        found = bills.pieces(one, "1h" if asked.every == "hour" else "1d")
        if asked.every == "hour":
            day = asked.day or max((p.at.date() for p in found if p.at), default=None)
            found = [piece for piece in found if piece.at is None or piece.at.date() == day]
    if asked.show == "money":
        unit, values = one.account.currency, [(p.at, p.name, p.amount) for p in found]
    else:
        mine = [piece for piece in found if piece.price_code == what and piece.at is not None]
        units = {line["price_code"]: line["unit"] or "" for line in one.usage_lines}
        unit, values = units.get(what, ""), [(p.at, p.name, p.quantity) for p in mine]
    return _labelled(_without_gaps(values, asked.every), asked.every), unit


def _without_gaps(values: list[Value], every: str) -> list[Value]:
    """With a nothing for each hour or day between the first and the last of the chart."""
    times = sorted(at for at, _name, _value in values if at is not None)
    if not times or every == "month":
        return values
    step = timedelta(hours=1) if every == "hour" else timedelta(days=1)
    first = times[0].replace(hour=0) if every == "hour" else times[0]
    last = times[0].replace(hour=23) if every == "hour" else times[-1]
    count = (last - first) // step + 1
    name = values[0][1]
    return [*((first + n * step, name, Decimal(0)) for n in range(count)), *values]


def months(account: Account) -> list[Piece]:
    """The usage of the newest bills, a piece each and price: of the month in which it ends."""
    newest = Invoice.objects.filter(account=account, kind="invoice").order_by("-issue_date", "-pk")
    rows = (
        Line.objects.filter(invoice__in=list(newest[:MONTHS]), kind="usage")
        .values("invoice_id", "price_code", "name")
        .annotate(units=Sum("quantity"), money=Sum("amount"), end=Max("end_at"))
        .order_by("end", "name")
    )
    zone = ZoneInfo(account.timezone)
    return [
        Piece(
            price_code=row["price_code"], name=row["name"], quantity=row["units"] or Decimal(0),
            amount=row["money"], at=_month(row["end"].astimezone(zone)),
        )
        for row in rows
    ]  # fmt: skip


def _month(end: datetime) -> datetime:
    last = end - timedelta(microseconds=1)
    return datetime(last.year, last.month, 1)  # noqa: DTZ001 - of the account's zone


def _labelled(values: list[Value], every: str) -> list[Point]:
    """The values of each hour, day or month and price, added up."""
    sums: dict[tuple[datetime | None, str], Decimal] = {}
    for at, name, value in values:
        sums[at, name] = sums.get((at, name), Decimal(0)) + value
    ordered = sorted(sums.items(), key=lambda one: (one[0][0] is None, one[0][0] or 0, one[0][1]))
    return [(_label(at, every), name, value) for (at, name), value in ordered]


def _label(at: datetime | None, every: str) -> str:
    if at is None:
        return str(_("whole period"))
    match every:
        case "hour":
            return f"{at:%H:%M}"
        case "month":
            return str(format_skeleton("yyMMM", at, locale=written.locale()))
    return str(format_skeleton("MMMd", at, locale=written.locale()))


def _chart(points: list[Point], unit: str) -> charts.Chart:
    return charts.stacked(str(_("What you used")), points, unit=unit)


def _whats(one: Bill) -> list[tuple[str, str]]:
    """What was used, that which cost most first: (price code, name)."""
    sums: dict[tuple[str, str], Decimal] = {}
    for line in one.usage_lines:
        key = (line["price_code"], line["name"])
        sums[key] = sums.get(key, Decimal(0)) + line["amount"]
    return sorted(sums, key=lambda key: (-sums[key], key))


def _days(one: Bill) -> tuple[str, str]:
    """The first and the last day that can be looked at by the hour."""
    if one.span is None:
        return "", ""
    zone = ZoneInfo(one.account.timezone)
    first, last = (at.astimezone(zone).date() for at in one.span)
    return first.isoformat(), max(first, last - timedelta(days=1)).isoformat()


def _period(one: Bill) -> str:
    if one.span is None:
        return ""
    zone = ZoneInfo(one.account.timezone)
    start, end = (at.astimezone(zone) for at in one.span)
    last = (end - timedelta(microseconds=1)).date()
    return written.period(start.date(), last + timedelta(days=1))


def _recent(account: Account) -> list[dict[str, Any]]:
    rows = Invoice.objects.filter(account=account, kind="invoice").order_by("-issue_date", "-pk")
    return list(rows.values("pk", "number", "issue_date")[:MONTHS])
