"""Meters: the list, and one with what it showed and what was billed of it."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.catalog import services as catalog
from meterline.reads.models import Installation, Meter, Piece, Read, Register
from meterline.reads.words import QUALITIES, QUALITY_TONES, STATE_TONES, STATES
from meterline.subscriptions.models import Identifier
from meterline.web import charts
from meterline.web import format as written
from meterline.web.filters import Search
from meterline.web.find import Hit, finder
from meterline.web.page import page
from meterline.web.rows import Chip, Column, Number, Row, Rows, When
from meterline.web.table import Table

MOST = 100
MONTHS = 13


def _link(row: Row) -> str:
    return reverse("reads.meter", args=[row["pk"]])


def matching(meters: QuerySet[Meter], text: str) -> list[QuerySet[Meter]]:
    """Meters whose serial number begins so, or that are at a place that does."""
    there = Installation.objects.filter(identifier__startswith=text, end_at=None)
    return [
        meters.filter(serial__startswith=text),
        meters.filter(pk__in=there.values("meter_id")),
    ]


def with_place(rows: list[dict[str, Any]]) -> None:
    """Add where the meters of one page are, since when, and what they have last shown."""
    ids = [row["pk"] for row in rows]
    here = {one.meter_id: one for one in Installation.objects.filter(meter__in=ids, end_at=None)}
    codes: dict[int, list[str]] = {}
    for meter, code in (
        Register.objects.filter(meter__in=ids).order_by("code").values_list("meter_id", "code")
    ):
        codes.setdefault(meter, []).append(code)
    last = dict(
        Read.objects.filter(register__meter__in=ids, state="accepted")
        .order_by("register__meter_id", "-at")
        .distinct("register__meter_id")
        .values_list("register__meter_id", "at")
    )
    for row in rows:
        place = here.get(row["pk"])
        row["place"] = place.identifier if place else ""
        row["since"] = place.start_at if place else None
        row["registers"] = ", ".join(codes.get(row["pk"], []))
        row["last_read"] = last.get(row["pk"])


METERS = Table(
    "meters",
    columns=[
        Column("serial", later("Serial number"), sort=True, link=_link),
        Column("place", later("Place of supply")),
        When("since", later("Installed")),
        Column("registers", later("Registers")),
        When("last_read", later("Last read")),
    ],
    filters=[Search(label=later("Serial number or place"), find=matching)],
    order="serial",
    empty=later("Devices whose reads become usage: install one here, or load a file of reads."),
    enrich=with_place,
    enriched=frozenset({"place", "since", "registers", "last_read"}),
)


@page("usage/meters", title=later("Meters"), permission="usage.view", menu="usage", order=24)
def meters(request: HttpRequest) -> HttpResponse:
    """All meters, and where they are."""
    return METERS.respond(request, Meter.objects.all(), "reads/meters.html")


@page("usage/meters/<int:meter>", title=later("Meter"), permission="usage.view")
def meter(request: HttpRequest, meter: int) -> HttpResponse:
    """What a meter showed, what was billed of it, where it was."""
    one = get_object_or_404(Meter, pk=meter)
    here = Installation.objects.filter(meter=one).select_related("meter").order_by("-start_at")
    context = {
        "meter": one,
        "here": here.filter(end_at=None).first(),
        "charts": _charts(one),
        "registers": _registers(one),
        "reads": _reads(one),
        "pieces": _pieces(one),
        "places": _places(list(here[:MOST])),
        "held": Read.objects.filter(register__meter=one, state="held").count(),
    }
    return render(request, "reads/meter.html", context)


def _charts(one: Meter) -> list[charts.Chart]:
    """Consumption by month, for each meter of the catalogue: what was read, shared, estimated."""
    units = {code: known.unit or "" for code, known in catalog.meters().items()}
    found: dict[str, dict[tuple[date, str], Decimal]] = {}
    rows = Piece.objects.filter(register__meter=one, gone_at=None).order_by("-start_at")
    for piece in rows[:5_000]:
        first = piece.start_at.astimezone(ZoneInfo(one.timezone)).date().replace(day=1)
        months = found.setdefault(piece.usage_meter, {})
        key = (first, piece.quality)
        months[key] = months.get(key, Decimal(0)) + piece.quantity
    drawn = []
    for code, sums in sorted(found.items()):
        shown = sorted({month for month, _quality in sums})[-MONTHS:]
        points = [
            (f"{month:%b %y}", str(QUALITIES[quality]), amount)
            for (month, quality), amount in sorted(sums.items()) if month in shown
        ]  # fmt: skip
        title = _("Consumption by month: %(meter)s") % {"meter": code}
        drawn.append(charts.stacked(title, points, unit=units.get(code, "")))
    return drawn


def _registers(one: Meter) -> Rows:
    rows = [
        {
            "code": row.code, "direction": row.direction, "digits": f"{row.dials}.{row.decimals}",
            "multiplier": row.multiplier.normalize(), "unit": row.unit,
            "usage_meter": row.usage_meter, "band": row.band, "zone": row.zone,
        }
        for row in Register.objects.filter(meter=one).order_by("code")
    ]  # fmt: skip
    labels = {"import": _("taken"), "export": _("fed in")}
    columns = [
        Column("code", _("Register")), Chip("direction", _("Direction"), labels=labels),
        Column("digits", _("Digits")), Number("multiplier", _("Multiplier")),
        Column("unit", _("Unit")), Column("usage_meter", _("Usage of")), Column("band", _("Band")),
        Column("zone", _("Gas zone")),
    ]  # fmt: skip
    return Rows(columns, rows, caption=_("Registers"))


def _reads(one: Meter) -> Rows:
    found = Read.objects.filter(register__meter=one).select_related("register")
    rows = [
        {
            "pk": row.pk, "at": local(row.at, one), "register": row.register.code,
            "quality": row.quality, "value": f"{row.value.normalize():f}", "state": row.state,
            "source": row.source,
        }
        for row in found.order_by("-at", "-pk")[:MOST]
    ]  # fmt: skip
    columns = [
        Column("at", _("When")), Column("register", _("Register")), Value("value", _("Shows"),
                                                                        link=_read_link),
        Chip("quality", _("Quality"), labels=QUALITIES, tones=QUALITY_TONES),
        Chip("state", _("State"), labels=STATES, tones=STATE_TONES),
        Column("source", _("Source")),
    ]  # fmt: skip
    return Rows(columns, rows, caption=_("Reads"))


def local(at: datetime, one: Meter) -> str:
    """A day, and a time unless it is midnight, of the meter's zone."""
    there = at.astimezone(ZoneInfo(one.timezone))
    day = written.day(there.date())
    return day if there.time() == time(0) else f"{day}, {there:%H:%M}"


class Value(Column):
    """What a register shows: digits, without separators, aligned to the right."""

    numeric = True


def _read_link(row: Row) -> str:
    return reverse("reads.read", args=[row["pk"]])


def _pieces(one: Meter) -> Rows:
    rows = [
        {
            "start": local(row.start_at, one), "end": local(row.end_at, one), "code": row.code,
            "quantity": row.quantity.normalize(), "usage_meter": row.usage_meter,
            "quality": row.quality,
        }
        for row in Piece.objects.filter(register__meter=one, gone_at=None).order_by("-start_at")[
            :MOST
        ]
    ]  # fmt: skip
    columns = [
        Column("start", _("From")), Column("end", _("Until")), Column("code", _("Register")),
        Number("quantity", _("Quantity")), Column("usage_meter", _("Usage of")),
        Chip("quality", _("Quality"), labels=QUALITIES, tones=QUALITY_TONES),
    ]  # fmt: skip
    return Rows(columns, rows, caption=_("Consumption"))


def _places(rows: list[Installation]) -> list[dict[str, Any]]:
    """Where a meter was, with the contract that is there now."""
    held = dict(
        Identifier.objects.filter(value__in=[one.identifier for one in rows], end_at=None)
        .values_list("value", "subscription_id")
    )  # fmt: skip
    return [
        {
            "identifier": one.identifier, "start": local(one.start_at, one.meter),
            "end": one.end_at and local(one.end_at, one.meter),
            "url": reverse("console.subscription", args=[held[one.identifier]])
            if one.identifier in held else "",
        }
        for one in rows
    ]  # fmt: skip


@finder("meters", later("Meters"), permission="usage.view")
def find(text: str, limit: int) -> list[Hit]:
    """Meters by the beginning of their serial number."""
    if not text:
        return []
    found = Meter.objects.filter(serial__startswith=text).order_by("serial")[:limit]
    return [
        Hit(title=one.serial, note="", icon="pulse", value=one.serial,
            url=reverse("reads.meter", args=[one.pk]))
        for one in found
    ]  # fmt: skip
