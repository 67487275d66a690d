"""Which seasons and bands a calendar ever gives: for these there must be a price. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache

from meterline.catalog.build import calendar_spec
from meterline.catalog.sections import CalendarSection
from meterline.kernel.calendar import Calendar

_FIRST, _LAST = date(2016, 1, 1), date(2026, 12, 31)  # each day of the year on each weekday


@lru_cache(maxsize=64)
def reachable(section: CalendarSection) -> frozenset[tuple[str | None, str]]:
    """(season, band) of all instants; a day of holiday may lie in any season."""
    without_holidays = section.model_copy(update={"holidays": None})
    calendar = Calendar(calendar_spec("", without_holidays))
    seen: set[tuple[str | None, str | None, int]] = set()
    found: set[tuple[str | None, str]] = set()
    seasons: set[str | None] = set()
    day, before = _FIRST, calendar.season_on(_FIRST - timedelta(days=1))
    while day <= _LAST:
        season = calendar.season_on(day)
        kind = (before, season, day.weekday())
        if kind not in seen:
            seen.add(kind)
            seasons.add(season)
            found |= {(season, band) for _, band in calendar.layout(day)}
        day, before = day + timedelta(days=1), season
    if section.holidays is not None:
        found |= {(season, section.holidays.band) for season in seasons}
    return frozenset(found)


def unpriced(section: CalendarSection, rates: Iterable[str]) -> Iterator[str]:
    """Bands (season.band where there are seasons) for which `rates` has no key."""
    given = set(rates)
    for season, band in sorted(reachable(section), key=str):
        if band not in given and f"{season}.{band}" not in given:
            yield band if season is None else f"{season}.{band}"
