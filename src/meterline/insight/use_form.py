"""The rows in which somebody says what was used: as a query of a URL has them, and as uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from django.utils.translation import gettext as _

from meterline.catalog.offered import Offered
from meterline.insight.quote import Use, at_once
from meterline.pricing.price import Price

ROWS_MOST = 50
_DAYS = 8  # in which each band of a week comes


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row as it was typed, and what is wrong with it."""

    name: str
    at: str = ""
    events: str = ""
    quantity: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    band: str = ""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Used:
    """The rows of one meter. `whole`: only the sum of the period counts, whenever it was."""

    meter: str
    unit: str
    counts: bool  # events are counted, and have no quantity
    whole: bool
    banded: bool
    properties: Sequence[str]
    rows: Sequence[Row]


def of_query(
    offered: Offered, query: Mapping[str, str], period: tuple[date, date], only: str = ""
) -> list[Used]:
    """The rows of each meter that the plan (or the price `only`) meters; without any in the query,
    one to begin with, or one for each band."""
    by_meter: dict[str, list[Price]] = {}
    for price in offered.prices:
        if price.meter is not None and (not only or price.code in (only, *_counted(offered, only))):
            by_meter.setdefault(price.meter, []).append(price)
    return [_used(offered, meter, prices, query, period) for meter, prices in by_meter.items()]


def _counted(offered: Offered, only: str) -> Sequence[str]:
    """The prices that a rider counts."""
    found = (one.parameter("of") or () for one in offered.prices if one.code == only)
    return [code for codes in found for code in codes]


def _used(
    offered: Offered, meter: str, prices: Sequence[Price], query: Mapping[str, str],
    period: tuple[date, date],
) -> Used:  # fmt: skip
    known = offered.tariff.meters
    calendar = next((p.parameter("calendar") for p in prices if p.model == "time_of_use"), None)
    names = list(dict.fromkeys(name for price in prices for name in _names(offered, price)))
    rows = list(_typed(query, meter, names))
    if not rows and f"n:{meter}" not in query:
        places = _bands(offered, calendar, period) if calendar else {"": ""}
        rows = [Row(name=f"{meter}.{n}", at=at) for n, at in enumerate(places.values())]
    if calendar:
        rows = _with_bands(offered, calendar, rows)
    one = known[meter]
    return Used(
        meter=meter, unit=one.unit or "", counts=one.aggregation in ("count", "unique"),
        whole=all(at_once(price, known) for price in prices) and calendar is None and not names,
        banded=calendar is not None, properties=names, rows=rows,
    )  # fmt: skip


def _names(offered: Offered, price: Price) -> Iterator[str]:
    """The properties by which a price tells events apart."""
    yield from price.by
    match price.model:
        case "rate_card":
            keys = offered.tariff.cards[price.parameter("card")].card.keys
            own = price.parameter("key")
            yield from (
                (own if isinstance(own, tuple) else [own]) if own else [k.field for k in keys]
            )
        case "dynamic":
            yield price.parameter("value")
    yield from offered.tariff.meters[price.meter or ""].filter


def _typed(query: Mapping[str, str], meter: str, names: Sequence[str]) -> Iterator[Row]:
    text = query.get(f"n:{meter}", "0")
    for number in range(min(int(text) if text.isdecimal() else 0, ROWS_MOST)):
        name = f"{meter}.{number}"
        given = {
            key: query.get(f"{name}.{key}", "").strip() for key in ("at", "events", "quantity")
        }
        found = {key: query.get(f"{name}.p.{key}", "").strip() for key in names}
        yield Row(name=name, **given, properties=found, error=_fault(given))


def _fault(given: Mapping[str, str]) -> str:
    if given["at"] and _instant(given["at"]) is None:
        return _("That is no date and time.")
    for name in ("events", "quantity"):
        if given[name] and _number(given[name]) is None:
            return _("%(text)s is no number.") % {"text": given[name]}
    if given["events"] and (_number(given["events"]) or 0) % 1:
        return _("Events are whole.")
    return ""


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text.replace(",", "")) if len(text) < 20 else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() and found >= 0 else None


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is None else None


def uses(found: Sequence[Used], zone: ZoneInfo, start: date) -> list[Use]:
    """What the rows say; rows with neither events nor a quantity say nothing."""
    made = []
    for one in found:
        for row in one.rows:
            if row.error or not (row.events or row.quantity):
                continue
            at = _instant(row.at) if row.at else datetime.combine(start, time(12))
            assert at is not None
            quantity = None if one.counts else _number(row.quantity or "0")
            made.append(
                Use(
                    meter=one.meter, start=at.replace(tzinfo=zone), quantity=quantity,
                    events=int(_number(row.events) or 1) if row.events else 1,
                    properties={name: text for name, text in row.properties.items() if text},
                )
            )  # fmt: skip
    return made


def _bands(offered: Offered, calendar: str, period: tuple[date, date]) -> dict[str, str]:
    """An hour of each band within the first days of a period."""
    begin = datetime.combine(period[0], time(0, 30))
    days = min((period[1] - period[0]).days, _DAYS)
    hours = [begin + timedelta(hours=n) for n in range(24 * days)]
    placed = _placed(offered, calendar, hours)
    found: dict[str, str] = {}
    for hour, band in zip(hours, placed, strict=True):
        found.setdefault(band, hour.isoformat(timespec="minutes"))
    return found


def _placed(offered: Offered, calendar: str, local: Sequence[datetime]) -> list[str]:
    """The bands of local times, by the calendar's own clock."""
    spec = offered.tariff.calendars[calendar]
    zone = ZoneInfo(offered.timezone)
    instants = pl.Series(
        [one.replace(tzinfo=zone).astimezone(UTC) for one in local], dtype=pl.Datetime("us", "UTC")
    )
    rows: list[dict[str, Any]] = spec.calendar.place(instants).to_dicts()
    return [", ".join(text for text in (row["season"], row["band"]) if text) for row in rows]


def _with_bands(offered: Offered, calendar: str, rows: Sequence[Row]) -> list[Row]:
    dated = [row for row in rows if row.at and _instant(row.at) is not None]
    local = [datetime.fromisoformat(row.at) for row in dated]
    bands = dict(zip((row.name for row in dated), _placed(offered, calendar, local), strict=True))
    return [replace(row, band=bands.get(row.name, "")) for row in rows]
