"""Meters, calendars, discounts with their codes, and taxes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from meterline.catalog import reading
from meterline.catalog.compare import differences
from meterline.catalog.history import published
from meterline.catalog.models import Entry, PriceRow
from meterline.catalog.pages.plans import since
from meterline.kernel.calendar import WEEKDAYS, CalendarSpec
from meterline.platform import clock
from meterline.pricing.price import Meter
from meterline.web import format as written
from meterline.web.page import page
from meterline.web.rows import Column, Number, Percent, Rows, Who

_QUARTER = 900_000_000  # of an hour, in microseconds
HOURS = ("00", "03", "06", "09", "12", "15", "18", "21")
AGGREGATIONS = {
    "count": _("how many events"), "sum": _("the sum of"), "max": _("the highest"),
    "latest": _("the latest"), "unique": _("how many different"),
    "weighted_sum": _("the average over time of"), "average": _("the average of"),
}  # fmt: skip
DAYS = {
    "mon": _("Mon"), "tue": _("Tue"), "wed": _("Wed"), "thu": _("Thu"), "fri": _("Fri"),
    "sat": _("Sat"), "sun": _("Sun"),
}  # fmt: skip
VERSION_COLUMNS = [
    Column("version", _("Version")), Column("since", _("Holds from")),
    Who("by", _("Published by")), Column("at", _("Published")),
]  # fmt: skip


def versions_of(kind: str, code: str) -> list[Entry]:
    """The versions of an entry, the oldest first."""
    found = list(Entry.objects.filter(kind=kind, code=code).order_by("version"))
    if not found:
        raise Http404
    return found


def history(found: list[Entry]) -> dict[str, Any]:
    """The versions as a table, and what is new in the last one."""
    known = {one["version"]: one for one in published(found[0].kind, found[0].code, len(found))}
    dated = found[0].kind == "rate_card"
    lines = [
        {
            "since": since(one.effective) if dated or one.version == 1 else _t("when published"),
            **known.get(one.version, {"by": None, "at": None}), "version": str(one.version),
        }
        for one in reversed(found)
    ]  # fmt: skip
    changes = []
    if len(found) > 1:
        changes = [
            (one.field, one.before, one.after)
            for one in differences(found[-2].body, found[-1].body)
        ]
    return {"versions": Rows(VERSION_COLUMNS, lines, caption=_("Versions")), "changes": changes}


def prices_with(**wanted: Any) -> Rows:
    """Prices of versions of plans that are not those of single subscriptions, by plan."""
    found = (
        PriceRow.objects.filter(plan_version__base=None, **wanted)
        .order_by("plan_version__plan_code", "-plan_version__version", "code")
        .values("code", "name", "plan_version__plan_code", "plan_version__version")[:200]
    )
    columns = [
        Column("plan_version__plan_code", _("Plan")), Number("plan_version__version", _("Version")),
        Column("name", _("Price"), link=lambda row: reverse(
            "catalog.price",
            args=[row["plan_version__plan_code"], row["plan_version__version"], row["code"]],
        )),
    ]  # fmt: skip
    return Rows(columns, list(found), caption=_("Prices"))


def counted(meter: Meter) -> str:
    """What a meter counts, in words."""
    text = str(AGGREGATIONS[meter.aggregation])
    return text if meter.aggregation == "count" else f"{text} {meter.value}"


@page("catalog/meters", title=_("Meters"), permission="catalog.view", menu="catalog", order=30)
def meters(request: HttpRequest) -> HttpResponse:
    """All meters."""
    columns = [
        Column("code", _("Meter"), link=lambda row: reverse("catalog.meter", args=[row["code"]])),
        Column("counted", _("Of a period it tells")), Column("unit", _("Unit")),
        Column("filter", _("Only events with")),
    ]  # fmt: skip
    rows = [
        {"code": one.code, "counted": counted(one), "unit": one.unit, "filter": _filter(one)}
        for one in sorted(reading.meters().values(), key=lambda one: one.code)
    ]
    context = {"rows": Rows(columns, rows, caption=_("Meters")), "count": str(len(rows))}
    return render(request, "catalog/meters.html", context)


def _filter(meter: Meter) -> str:
    return "; ".join(f"{name}: {', '.join(values)}" for name, values in meter.filter.items())


@page("catalog/meters/<str:code>", title=_("Meter"), permission="catalog.view")
def meter(request: HttpRequest, code: str) -> HttpResponse:
    """One meter, the prices that it feeds, its versions."""
    found = versions_of("meter", code)
    one = reading.meters()[code]
    facts = [
        (_("Of a period it tells"), counted(one)), (_("Unit"), one.unit),
        (_("Property of events"), one.value), (_("Only events with"), _filter(one)),
        (_("Stands over into the next period"), _("yes") if one.carry else _("no")),
        (_("Multiplied by"), one.factor and written.number(one.factor)),
        (_("Rounded to decimals"), one.round),
    ]  # fmt: skip
    context = {
        "code": code, "facts": [(term, value) for term, value in facts if value not in (None, "")],
        "prices": prices_with(meter_code=code), **history(found),
    }  # fmt: skip
    return render(request, "catalog/meter.html", context)


@page(
    "catalog/calendars", title=_("Calendars"), permission="catalog.view", menu="catalog", order=31
)
def calendars(request: HttpRequest) -> HttpResponse:
    """All calendars."""
    columns = [
        Column("code", _("Calendar"),
               link=lambda row: reverse("catalog.calendar", args=[row["code"]])),
        Column("bands", _("Bands")), Column("seasons", _("Seasons")),
        Column("timezone", _("Time zone")), Column("holidays", _("Holidays")),
    ]  # fmt: skip
    rows = [
        {
            "code": one.code, "timezone": one.timezone,
            "bands": ", ".join(dict.fromkeys(band.name for band in one.bands)),
            "seasons": ", ".join(season.name for season in one.seasons),
            "holidays": one.holiday_country,
        }
        for one in sorted(reading.calendars().values(), key=lambda one: one.code)
    ]  # fmt: skip
    context = {"rows": Rows(columns, rows, caption=_("Calendars")), "count": str(len(rows))}
    return render(request, "catalog/calendars.html", context)


@page("catalog/calendars/<str:code>", title=_("Calendar"), permission="catalog.view")
def calendar(request: HttpRequest, code: str) -> HttpResponse:
    """One calendar: hours by weekday in each season, holidays, versions."""
    found = versions_of("calendar", code)
    spec = reading.calendars()[code]
    facts = [
        (_("Time zone"), spec.timezone),
        (_("Holidays"), spec.holiday_country), (_("Part of the country"), spec.holiday_subdivision),
        (_("Holidays count as"), spec.holiday_band),
    ]  # fmt: skip
    context = {
        "code": code, "facts": [(term, value) for term, value in facts if value],
        "weeks": weeks(spec, clock.now().date()),
        "hours": HOURS, **history(found),
    }  # fmt: skip
    return render(request, "catalog/calendar.html", context)


def weeks(spec: CalendarSpec, today: date) -> list[dict[str, Any]]:
    """An ordinary week of each season (from today on, without holidays): hours by weekday, each
    with its band and the band's place among all."""
    places = {band: place for place, band in enumerate(dict.fromkeys(b.name for b in spec.bands))}
    free = CalendarSpec(
        code=spec.code, timezone=spec.timezone, seasons=spec.seasons, bands=spec.bands
    ).calendar
    monday = today - timedelta(days=today.weekday())
    made = []
    seasons: list[str | None] = [one.name for one in spec.seasons]
    for season in seasons or [None]:
        first = next(
            (start for start in (monday + timedelta(weeks=week) for week in range(53))
             if season is None or all(
                 free.season_on(start + timedelta(days=n)) == season for n in range(7))),
            None,
        )  # fmt: skip
        if first is None:  # shorter than a week
            continue
        days = [
            (DAYS[name], _hours(free.layout(first + timedelta(days=n)), places))
            for n, name in enumerate(WEEKDAYS)
        ]
        made.append({"season": season, "days": days, "bands": list(places.items())})
    return made


def _hours(layout: tuple[tuple[int, str], ...], places: dict[str, int]) -> list[dict[str, Any]]:
    """The bands of a day as stretches: from, to, band, its place, quarters that it takes."""
    ends = [at for at, _band in layout[1:]] + [96 * _QUARTER]
    stretches = []
    for (at, band), end in zip(layout, ends, strict=True):
        stretches.append(
            {"from": _clock(at), "to": _clock(end), "band": band, "place": places[band] % 5 + 1,
             "span": max(1, round(end / _QUARTER) - round(at / _QUARTER))}
        )  # fmt: skip
    return stretches


def _clock(micros: int) -> str:
    minutes = micros // 60_000_000
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@page(
    "catalog/discounts", title=_("Discounts"), permission="catalog.view", menu="catalog", order=20
)
def discounts(request: HttpRequest) -> HttpResponse:
    """Discounts, and the codes by which customers get them."""
    columns = [
        Column("code", _("Discount")), Column("off", _("Takes off")),
        Column("of", pgettext_lazy("what is discounted", "From")),
        Column("how_long", _("For")), Column("between", _("Between")),
    ]  # fmt: skip
    rows = [_discount(code, body) for code, body in _newest("discount")]
    promotions = [
        {
            "code": code, "discount": body["discount"],
            "limit": body.get("limit"), "each": body.get("limit_per_customer"),
            "plans": ", ".join(body.get("plans") or ()), "between": _between(body),
        }
        for code, body in _newest("promotion")
    ]  # fmt: skip
    codes = [
        Column("code", _("Code")), Column("discount", _("Gives")), Number("limit", _("At most")),
        Number("each", _("Each customer")), Column("plans", _("Only for plans")),
        Column("between", _("Between")),
    ]  # fmt: skip
    context = {
        "rows": Rows(columns, rows, caption=_("Discounts")), "count": str(len(rows)),
        "promotions": Rows(codes, promotions, caption=_("Promotion codes")),
    }  # fmt: skip
    return render(request, "catalog/discounts.html", context)


def _newest(kind: str) -> list[tuple[str, dict[str, Any]]]:
    rows = Entry.objects.filter(kind=kind).order_by("code", "-version").distinct("code")
    return [(row.code, row.body) for row in rows]


def _discount(code: str, body: dict[str, Any]) -> dict[str, Any]:
    off = (
        f"{written.number(Decimal(str(body['percent'])))} %" if "percent" in body
        else written.number(Decimal(str(body["amount"])))
    )  # fmt: skip
    of = ", ".join(body.get("applies_to") or ()) or _t("all prices")
    if body.get("on") == "invoice":
        of = _t("the whole invoice")
    if body.get("plans"):
        of = f"{of} ({', '.join(body['plans'])})"
    periods = body.get("periods")
    how_long = _t("%(periods)s periods") % {"periods": periods} if periods else _t("ever")
    return {"code": code, "off": off, "of": of, "how_long": how_long, "between": _between(body)}


def _between(body: dict[str, Any]) -> str:
    ends = [body.get("from"), body.get("to")]
    if not any(ends):
        return ""
    first, last = (written.day(date.fromisoformat(str(end))) if end else "" for end in ends)
    return f"{first} {written.DASH} {last}".strip()


@page("catalog/taxes", title=_("Taxes"), permission="catalog.view", menu="catalog", order=40)
def taxes(request: HttpRequest) -> HttpResponse:
    """Taxes with their rates by region and day."""
    columns = [
        Column("code", _("Tax")), Column("region", _("Region")), Percent("percent", _("Percent")),
        Column("since", _("From")),
    ]  # fmt: skip
    rows = [
        {
            "code": code, "region": rate["region"],
            "percent": f"{written.number(Decimal(str(rate['percent'])))} %",
            "since": written.day(date.fromisoformat(str(rate["from"])))
            if rate.get("from") else _t("always"),
        }
        for code, body in _newest("tax") for rate in body["rates"]
    ]  # fmt: skip
    context = {"rows": Rows(columns, rows, caption=_("Taxes")), "count": str(len(rows))}
    return render(request, "catalog/taxes.html", context)
