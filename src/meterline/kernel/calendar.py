"""Calendars of tariffs: seasons, bands of weekdays and hours, holidays, in a time zone.

Bands are read off the local wall clock at each instant, also in the hour that is skipped and in
the one that comes twice when the clocks change. The first band that matches wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Literal, cast
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import polars as pl

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_MINUTE = 60_000_000
_DAY = 24 * 60 * _MINUTE


@dataclass(frozen=True, kw_only=True)
class Season:
    """A season from one day of the year (month, day) to the next one's; None: the rest."""

    name: str
    start: tuple[int, int] | None = None
    end: tuple[int, int] | None = None

    def contains(self, day: date) -> bool:
        """Whether `[start, end)` contains a day; it may run over the new year."""
        if self.start is None or self.end is None:
            return True
        here = (day.month, day.day)
        if self.start <= self.end:
            return self.start <= here < self.end
        return here >= self.start or here < self.end


@dataclass(frozen=True, kw_only=True)
class Band:
    """Hours `[start, end)` of some weekdays, in one season or all; end <= start: over midnight."""

    name: str
    days: frozenset[Weekday] = frozenset(WEEKDAYS)
    start: time = time(0)
    end: time | None = None  # None: midnight
    season: str | None = None


@dataclass(frozen=True, kw_only=True)
class CalendarSpec:
    """A calendar as the catalogue gives it."""

    code: str
    timezone: str
    seasons: tuple[Season, ...] = ()
    bands: tuple[Band, ...] = ()
    holiday_country: str | None = None
    holiday_subdivision: str | None = None
    holiday_band: str | None = None

    @cached_property
    def calendar(self) -> Calendar:
        """The calendar at work; compiled once."""
        return Calendar(self)


@dataclass
class Calendar:
    """A calendar that tells season and band of instants.

    Each local day has a list of stretches of one band; days with equal lists share one layout.
    """

    spec: CalendarSpec
    _layouts: dict[date, tuple[tuple[int, str], ...]] = field(default_factory=dict)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.spec.timezone)

    @cached_property
    def _holidays(self) -> Mapping[date, str]:
        if self.spec.holiday_country is None:
            return {}
        return holidays.country_holidays(
            self.spec.holiday_country, subdiv=self.spec.holiday_subdivision
        )

    def season_on(self, day: date) -> str | None:
        """The season of a local day."""
        for season in self.spec.seasons:
            if season.contains(day):
                return season.name
        return None

    def layout(self, day: date) -> tuple[tuple[int, str], ...]:
        """The bands of a local day: (microseconds since local midnight, band), ascending."""
        found = self._layouts.get(day)
        if found is None:
            found = self._layouts[day] = self._make_layout(day)
        return found

    def _make_layout(self, day: date) -> tuple[tuple[int, str], ...]:
        if self.spec.holiday_band is not None and day in self._holidays:
            return ((0, self.spec.holiday_band),)
        edges = {0}
        for band in self.spec.bands:
            edges.update((_micros(band.start), _micros(band.end) if band.end else 0))
        stretches: list[tuple[int, str]] = []
        for edge in sorted(edges):
            name = self._band_on(day, edge)
            if not stretches or stretches[-1][1] != name:
                stretches.append((edge, name))
        return tuple(stretches)

    def _band_on(self, day: date, at: int) -> str:
        for band in self.spec.bands:
            start, end = _micros(band.start), _micros(band.end) if band.end else 0
            if start < (end or _DAY):
                if self._covers(band, day) and start <= at < (end or _DAY):
                    return band.name
            elif (at >= start and self._covers(band, day)) or (
                at < end and self._covers(band, day - timedelta(days=1))
            ):
                return band.name
        raise AssertionError(f"calendar {self.spec.code}: no band takes the rest")

    def _covers(self, band: Band, day: date) -> bool:
        if band.season is not None and band.season != self.season_on(day):
            return False
        return WEEKDAYS[day.weekday()] in band.days

    def place(self, instants: pl.Series) -> pl.DataFrame:
        """season, band and `next_at` of each instant (Datetime us UTC).

        `next_at` is the next instant at which the band may be another one: the end of the
        stretch on the wall clock, local midnight, or a change of the zone's offset.
        """
        if instants.is_empty():
            return pl.DataFrame(
                schema={"season": pl.String, "band": pl.String, "next_at": instants.dtype}
            )
        stretches = self.stretches(cast(datetime, instants.min()), cast(datetime, instants.max()))
        starts = stretches["at"].to_physical().to_numpy()
        index = np.searchsorted(starts, instants.to_physical().to_numpy(), side="right") - 1
        return stretches[index].select("season", "band", "next_at")

    def stretches(self, since: datetime, until: datetime) -> pl.DataFrame:
        """Consecutive stretches of one band that cover `[since, until]`, and some before and after:
        at and next_at Datetime us UTC, season, band."""
        first = since.astimezone(self._zone).date() - timedelta(days=1)
        last = until.astimezone(self._zone).date() + timedelta(days=1)
        key = (first.toordinal() // 31, last.toordinal() // 31)
        cached: dict[tuple[int, int], pl.DataFrame] = self.__dict__.setdefault("_tables", {})
        if key not in cached:
            low = date.fromordinal(max(key[0] * 31, 1))
            high = date.fromordinal(min(key[1] * 31 + 32, date.max.toordinal() - 2))
            cached[key] = self._table(low, high)
        return cached[key]

    def _table(self, first: date, last: date) -> pl.DataFrame:
        rows: list[tuple[datetime, str | None, str]] = []
        day = first
        while day <= last:
            rows.extend(self._day_rows(day))
            day += timedelta(days=1)
        rows.sort(key=lambda row: row[0])
        frame = pl.DataFrame(
            rows,
            schema={"at": pl.Datetime("us", "UTC"), "season": pl.String, "band": pl.String},
            orient="row",
        ).unique("at", keep="last", maintain_order=True)
        changed = (
            (pl.col("band") != pl.col("band").shift(1))
            | pl.col("season").ne_missing(pl.col("season").shift(1))
        ).fill_null(True)
        end = pl.lit(_start_of(last + timedelta(days=1), self._zone))
        return frame.filter(changed).with_columns(
            next_at=pl.col("at").shift(-1).fill_null(end.cast(pl.Datetime("us", "UTC")))
        )

    def _day_rows(self, day: date) -> list[tuple[datetime, str | None, str]]:
        """The stretches of a local day as instants, following the wall clock through changes."""
        season = self.season_on(day)
        layout = self.layout(day)
        start, end = _start_of(day, self._zone), _start_of(day + timedelta(days=1), self._zone)
        rows = []
        for at, stop in self._offset_runs(start, end):
            offset = at.astimezone(self._zone).utcoffset() or timedelta(0)
            midnight = datetime.combine(day, time(0), tzinfo=at.tzinfo) - offset
            here = [(midnight + timedelta(microseconds=edge), band) for edge, band in layout]
            inside = [(max(moment, at), band) for moment, band in here if moment < stop]
            latest = [row for row in inside if row[0] == at][-1:]
            rows += [
                (moment, season, band)
                for moment, band in latest + [row for row in inside if row[0] > at]
            ]
        return rows

    def _offset_runs(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """`[start, end)` cut where the zone's offset to UTC changes."""

        def offset(moment: datetime) -> timedelta | None:
            return moment.astimezone(self._zone).utcoffset()

        if offset(start) == offset(end - timedelta(microseconds=1)):
            return [(start, end)]
        low, high = start, end
        while high - low > timedelta(seconds=1):
            middle = low + (high - low) // 2
            middle = (
                middle.replace(microsecond=0) if middle.replace(microsecond=0) > low else middle
            )
            if offset(middle) == offset(start):
                low = middle
            else:
                high = middle
        edge = high.replace(microsecond=0)
        return [(start, edge), *self._offset_runs(edge, end)]


def _start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    midnight = datetime.combine(day, time(0), tzinfo=zone)
    return midnight.astimezone(ZoneInfo("UTC"))


def _micros(at: time) -> int:
    return (at.hour * 60 + at.minute) * _MINUTE + at.second * 1_000_000
