"""Green Button (ESPI 1.1 and before): readings of electricity, gas and water in an Atom feed.

A record a reading: identifier = the usage point's id, meter = electricity, gas, water ... of its
service, with `_export` for the reverse direction (a mapping may name meters), start and duration,
quantity in the unit, thousands of it where that is Wh, VAh or varh. Properties: unit, quality,
usage_point, customer, meter_reading. `line` is the reading's place in the file. Two passes: what a
reading is of may stand after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import polars as pl
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from meterline.usage.blocks import content
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS, Decoded
from meterline.usage.remap import remapped_all

NAME = "green_button"

_FIELDS = ("id", "meter", "identifier", "start", "duration", "quantity", "unit", "quality",
           "usage_point", "customer", "meter_reading")  # fmt: skip
_SCHEMA: dict[str, Any] = {"line": pl.UInt32, **dict.fromkeys(_FIELDS, pl.String)}
_NAMESPACE = b"http://naesb.org/espi"
_SERVICES = {"0": "electricity", "1": "gas", "2": "water", "3": "time", "4": "heat",
             "5": "refuse", "6": "sewerage", "7": "rates", "8": "television"}  # fmt: skip
_COMMODITIES = {"1": "electricity", "2": "electricity", "7": "gas", "9": "water", "13": "heat"}
_UNITS = {  # uom: unit, powers of ten from it
    "72": ("kWh", -3), "71": ("kVAh", -3), "73": ("kvarh", -3), "38": ("W", 0), "61": ("VA", 0),
    "63": ("var", 0), "31": ("J", 0), "42": ("m3", 0), "119": ("ft3", 0), "128": ("gal", 0),
    "134": ("l", 0), "132": ("Btu", 0), "169": ("therm", 0),
}  # fmt: skip
_COUNTED = {"kWh", "m3", "ft3", "gal", "l", "J", "Btu", "therm"}
_REVERSE = "19"
_CHUNK = 50_000
_SECOND_MOST = 2**32
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_POWER = re.compile(r"-?[0-9]{1,2}")


def sniff(head: bytes) -> bool:
    """XML that names the namespace of ESPI."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") and _NAMESPACE in head


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its readings in chunks. Raises UsageFileError for what is no XML, or has a DTD."""
    yield from remapped_all(_chunks(path), mapping)


@dataclass
class _Kind:
    """A reading type."""

    uom: str
    flow: str
    commodity: str
    power: int

    def meter(self, service: str | None) -> str:
        name = service or _COMMODITIES.get(self.commodity, "energy")
        unit = _UNITS.get(self.uom, (f"uom{self.uom}", 0))[0]
        measured = "" if unit in _COUNTED else f"_{unit}"
        return f"{name}{measured}{'_export' if self.flow == _REVERSE else ''}"


@dataclass
class _About:
    """What the feed says of its readings, by the links of its entries."""

    kinds: dict[str, _Kind] = field(default_factory=dict)  # of a reading type
    kind_of: dict[str, str] = field(default_factory=dict)  # of a meter reading
    services: dict[str, str] = field(default_factory=dict)  # of a usage point


def _chunks(path: Path) -> Iterator[Decoded]:
    about = _About()
    try:
        for links, element, name in _parts(path):
            _note(about, links, element, name)
        yield from _readings(path, about)
    except ParseError as error:
        raise UsageFileError(file=path.name, why=f"is no XML: {error}") from error
    except DefusedXmlException as error:
        why = "has a document type or entities of its own, which no usage file needs"
        raise UsageFileError(file=path.name, why=why) from error
    except (ValueError, LookupError) as error:  # encodings that the parser does not know
        raise UsageFileError(file=path.name, why=f"is no XML: {error}") from error


def _note(about: _About, links: dict[str, list[str]], element: Element, name: str) -> None:
    own = (links.get("self") or [""])[0]
    match name:
        case "ReadingType":
            power = _of(element, "powerOfTenMultiplier") or "0"
            about.kinds[own] = _Kind(
                uom=_of(element, "uom"), flow=_of(element, "flowDirection"),
                commodity=_of(element, "commodity"),
                power=int(power) if _POWER.fullmatch(power) else 0,
            )  # fmt: skip
        case "MeterReading":
            for link in links.get("related", ()):
                if "ReadingType/" in link:
                    about.kind_of[own] = link
        case "UsagePoint":
            kind = element.find("./{*}ServiceCategory/{*}kind")
            about.services[own] = _SERVICES.get((kind.text or "") if kind is not None else "", "")


def _readings(path: Path, about: _About) -> Iterator[Decoded]:
    rows: list[tuple[Any, ...]] = []
    rejects: list[tuple[int, str, str, str]] = []
    line = 0
    for links, element, name in _parts(path):
        if name != "IntervalBlock":
            continue
        up = (links.get("up") or links.get("self") or [""])[0]
        whose = _whose(up, about)
        for reading in element.iter():
            if _local(reading) != "IntervalReading":
                continue
            line += 1
            found = _record(reading, whose)
            if isinstance(found, str):
                shown = " ".join(text.strip() for text in reading.itertext() if text.strip())
                rejects.append((line, "malformed", found, shown[:1000]))
            else:
                rows.append((line, *(found[name] or None for name in _FIELDS)))
        if len(rows) + len(rejects) >= _CHUNK:
            yield _decoded(rows, rejects)
            rows, rejects = [], []
    yield _decoded(rows, rejects)


def _decoded(rows: list[tuple[Any, ...]], rejects: list[tuple[int, str, str, str]]) -> Decoded:
    return Decoded(
        records=pl.DataFrame(rows, schema=_SCHEMA, orient="row"),
        rejects=pl.DataFrame(rejects, schema=REJECTS, orient="row"),
    )


@dataclass(frozen=True)
class _Whose:
    """What the readings of a block are of."""

    meter_reading: str
    usage_point: str
    customer: str
    meter: str
    unit: str
    power: int


def _whose(up: str, about: _About) -> _Whose | str:
    reading = up.partition("/IntervalBlock")[0]
    kind = about.kinds.get(about.kind_of.get(reading, ""))
    if kind is None:
        if len(about.kinds) != 1:
            return "no reading type tells what it is of"
        kind = next(iter(about.kinds.values()))
    point = reading.partition("/MeterReading")[0]
    service = about.services.get(point)
    if service is None and len(about.services) == 1:
        service = next(iter(about.services.values()))
    before, _, number = point.rpartition("UsagePoint/")
    unit, shift = _UNITS.get(kind.uom, (f"uom{kind.uom}", 0))
    return _Whose(
        meter_reading=reading.partition("://")[2].partition("/")[2] or reading,
        usage_point=number, customer=before.rstrip("/").rpartition("/")[2],
        meter=kind.meter(service), unit=unit, power=kind.power + shift,
    )  # fmt: skip


def _record(reading: Element, whose: _Whose | str) -> dict[str, str] | str:
    """The record of a reading, or what is wrong with it."""
    if isinstance(whose, str):
        return whose
    said = {_local(part): (part.text or "").strip() for part in reading.iter()}
    value, start, length = (said.get(name, "") for name in ("value", "start", "duration"))
    if not _WHOLE.fullmatch(value):
        return f"value {value[:20] or '(nothing)'} is no whole number"
    if not _WHOLE.fullmatch(start) or not 0 <= int(start) < _SECOND_MOST:
        return f"start {start[:20] or '(nothing)'} is no time"
    moment = datetime.fromtimestamp(int(start), UTC).replace(tzinfo=None)
    return {
        "id": f"{whose.meter_reading}/{start}", "meter": whose.meter,
        "identifier": whose.usage_point, "start": f"{moment.isoformat()}Z",
        "duration": length, "quantity": f"{Decimal(value).scaleb(whose.power):f}",
        "unit": whose.unit, "quality": said.get("quality", ""),
        "usage_point": whose.usage_point, "customer": whose.customer,
        "meter_reading": whose.meter_reading,
    }  # fmt: skip


def _of(element: Element, name: str) -> str:
    found = element.find(f".//{{*}}{name}")
    return "" if found is None else (found.text or "").strip()


def _local(element: Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _parts(path: Path) -> Iterator[tuple[dict[str, list[str]], Element, str]]:
    """The resources of the feed's entries, with the links of their entry by kind."""
    root: Element | None = None
    for event, element in iterparse(_File(path), events=("start", "end"), forbid_dtd=True):
        if event == "start":
            root = element if root is None else root
            continue
        if _local(element) != "entry":
            continue
        links: dict[str, list[str]] = {}
        for link in element.findall("./{*}link"):
            links.setdefault(link.get("rel", ""), []).append(link.get("href", ""))
        for resource in element.findall("./{*}content/*"):
            yield links, resource, _local(resource)
        element.clear()
        if root is not None and root is not element:
            root.clear()


class _File:
    """A file, decompressed, as the parser reads it."""

    def __init__(self, path: Path) -> None:
        self._parts, self._rest = content(path), b""

    def read(self, size: int) -> bytes:
        """The next bytes; empty at the end."""
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return b""
            self._rest = part
        found, self._rest = self._rest[:size], self._rest[size:]
        return found
