"""NEM12: interval data of Australian meters (AEMO, Meter Data File Format Specification).

A record an interval: identifier = NMI, meter = NMI suffix (E1, B1 ...; a mapping may name meters),
start and duration in market time (UTC+10), quantity in thousands of the unit (kWh, kVArh);
properties suffix, serial, unit, quality and reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import polars as pl

from meterline.usage.blocks import blocks
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS, Decoded
from meterline.usage.mapping import read_mapping

NAME = "nem12"
_TEXTS = pl.List(pl.String)
_DAYS: dict[str, Any] = {  # a row a 300 record, with a list of what its intervals have
    "line": pl.UInt32, "identifier": pl.String, "suffix": pl.String, "meter": pl.String,
    "serial": pl.String, "unit": pl.String, "date": pl.Datetime("us"), "minutes": pl.Int64,
    "quantity": _TEXTS, "quality": _TEXTS, "reason": _TEXTS,
}  # fmt: skip

_BLOCK = 8 << 20
_INTERVALS = ("1", "5", "10", "15", "30", "60")
_QUALITIES = frozenset("AEFNSV")
_SHOWN = 1000


def sniff(head: bytes) -> bool:
    """It begins with a header record 100, or (damaged) with a record 200."""
    first = head.lstrip()[:10]
    return first.startswith((b"100,NEM12", b"200,"))


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its intervals in chunks. Raises UsageFileError for a file without header or end."""
    meters = {} if mapping is None else read_mapping(mapping).meters
    reader = _Reader(path.name, meters)
    number = 0
    for block in blocks(path, _BLOCK):
        for raw in block.splitlines():
            number += 1
            reader.read(number, raw)
        yield reader.take()
    reader.finish()
    yield reader.take()


@dataclass
class _Channel:
    """A 200 record: whose data follow, and in which intervals."""

    nmi: str
    suffix: str
    serial: str
    unit: str
    minutes: int
    shift: int  # the power of ten from the unit to thousands of it


@dataclass
class _Day:
    """A 300 record whose qualities may still come in 400 records."""

    line: int
    raw: bytes
    date: datetime
    values: list[str]
    quality: list[str]
    reason: list[str]


@dataclass
class _Reader:
    """Reads records in their order; what is decoded waits in `days` and `rejects`."""

    file: str
    meters: Mapping[str, str]
    channel: _Channel | None = None
    day: _Day | None = None
    state: str = "before"  # the header; then inside, then after the end record
    days: list[tuple[Any, ...]] = field(default_factory=list)  # _DAYS
    rejects: list[tuple[int, str, str, str]] = field(default_factory=list)

    def read(self, number: int, raw: bytes) -> None:
        fields = raw.decode("utf-8", "replace").strip().split(",")
        kind = fields[0].strip()
        if not kind and len(fields) == 1:
            return
        if self.state == "before":
            if fields[:2] != ["100", "NEM12"]:
                raise UsageFileError(file=self.file, why="does not begin with a record 100,NEM12")
            self.state = "inside"
            return
        if kind != "400":
            self._close_day()
        problem = self._take(kind, number, raw, fields)
        if problem:
            self.rejects.append((number, "malformed", problem, text_of(raw)))

    def finish(self) -> None:
        self._close_day()
        if self.state == "before":
            raise UsageFileError(file=self.file, why="is empty")
        if self.state == "inside":
            raise UsageFileError(
                file=self.file, why="has no end record 900: it is cut off, fetch it again"
            )

    def take(self) -> Decoded:
        days = pl.DataFrame(self.days, schema=_DAYS, orient="row")
        rejects = pl.DataFrame(self.rejects, schema=REJECTS, orient="row")
        self.days, self.rejects = [], []
        return Decoded(records=_intervals(days), rejects=rejects)

    def _take(self, kind: str, number: int, raw: bytes, fields: list[str]) -> str | None:
        """Take a record in; what is wrong with it."""
        if self.state == "after":
            return "a record after the end record 900"
        match kind:
            case "200":
                self.channel = None
                return self._channel(fields)
            case "300":
                return self._day(number, raw, fields)
            case "400":
                return self._qualities(fields)
            case "500":
                return None  # about the reading, not the data
            case "900":
                self.state = "after"
                return None
        return f"unknown record {kind[:20]}"

    def _channel(self, fields: list[str]) -> str | None:
        if len(fields) < 9:
            return "a 200 record has 9 fields at least"
        nmi, suffix, serial, unit, length = (fields[i].strip() for i in (1, 4, 6, 7, 8))
        if not nmi or not suffix:
            return "a 200 record names an NMI and a suffix"
        if length not in _INTERVALS:
            known = ", ".join(_INTERVALS)
            return f"interval length {length or '(empty)'}: expected {known} minutes"
        self.channel = _Channel(nmi, suffix, serial, unit, int(length), _shift(unit))
        return None

    def _day(self, number: int, raw: bytes, fields: list[str]) -> str | None:
        if self.channel is None:
            return "a 300 record without a valid 200 record before it"
        try:
            date = datetime.strptime(fields[1].strip(), "%Y%m%d")  # noqa: DTZ007
        except (ValueError, IndexError):
            return "no date (YYYYMMDD)"
        count = 1440 // self.channel.minutes
        values = [value.strip() for value in fields[2 : 2 + count]]
        for position, value in enumerate(values, start=1):
            if not is_number(value):
                return (
                    f"interval {position} of {count} holds {value[:20] or '(nothing)'}, no number"
                )
        after = [value.strip() for value in fields[2 + count : 4 + count]]
        quality = after[0][:1] if after else ""
        if len(values) < count or quality not in _QUALITIES:
            return f"expected {count} intervals, then a quality ({', '.join(sorted(_QUALITIES))})"
        reason = after[1] if len(after) > 1 else ""
        self.day = _Day(number, raw, date, values, [after[0]] * count, [reason] * count)
        return None

    def _qualities(self, fields: list[str]) -> str | None:
        if self.day is None:
            return "a 400 record without a valid 300 record before it"
        try:
            first, last, quality = int(fields[1]), int(fields[2]), fields[3].strip()
        except (ValueError, IndexError):
            return "a 400 record has the first and last interval and a quality"
        if not 1 <= first <= last <= len(self.day.values):
            return f"intervals {first} to {last} are not within 1 to {len(self.day.values)}"
        reason = fields[4].strip() if len(fields) > 4 else ""
        length = last - first + 1
        self.day.quality[first - 1 : last] = [quality] * length
        self.day.reason[first - 1 : last] = [reason] * length
        return None

    def _close_day(self) -> None:
        day, channel, self.day = self.day, self.channel, None
        if day is None or channel is None:
            return
        values = day.values
        if channel.shift:
            values = [f"{Decimal(value).scaleb(channel.shift):f}" for value in values]
        meter = self.meters.get(channel.suffix, channel.suffix)
        self.days.append((
            day.line, channel.nmi, channel.suffix, meter, channel.serial, channel.unit, day.date,
            channel.minutes, values, day.quality, day.reason,
        ))  # fmt: skip


def _intervals(days: pl.DataFrame) -> pl.DataFrame:
    """A record each interval of _DAYS."""
    position = pl.int_ranges(0, pl.col("quantity").list.len())
    rows = days.with_columns(position=position).explode(
        "position", "quantity", "quality", "reason", empty_as_null=False
    )
    minutes = pl.duration(minutes=pl.col("minutes") * pl.col("position"))
    stamp = (pl.col("date") + minutes).dt.strftime("%Y-%m-%dT%H:%M:%S")
    told = pl.col("serial", "unit", "quality", "reason")
    return rows.with_columns(stamp=stamp).select(
        "line", pl.format("{}/{}/{}", "identifier", "suffix", "stamp").alias("id"), "meter",
        "identifier", pl.concat_str("stamp", pl.lit("+10:00")).alias("start"),
        (pl.col("minutes") * 60).cast(pl.String).alias("duration"), "quantity", "suffix",
        pl.when(told != "").then(told),
    )  # fmt: skip


def _shift(unit: str) -> int:
    """Powers of ten from a unit to thousands of it: Wh -3, kWh 0, MWh 3."""
    return {"w": -3, "v": -3, "m": 3, "g": 6}.get(unit[:1].lower(), 0)


def is_number(text: str) -> bool:
    """Whether a field holds a decimal number that any meter could show."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    return number.is_finite() and (not number or -20 < number.adjusted() < 20)


def text_of(raw: bytes) -> str:
    """The beginning of a line, to be shown."""
    return raw[:_SHOWN].decode("utf-8", "replace")
