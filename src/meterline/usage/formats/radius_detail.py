"""RADIUS accounting as `detail` files hold it (RFC 2866, RFC 2869): a line with the time, a line
`Attribute = value` for each attribute, an empty line.

A record a session, of its Stop; Start and Interim-Update are left out, for Stop has the totals.
meter = `data` (a mapping may say otherwise), identifier = Calling-Station-Id, else User-Name; start
= the time of the Stop less its delay and the session's length; duration = Acct-Session-Time. No
quantity: a meter takes one of the properties octets, octets_up, octets_down, packets_up,
packets_down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from meterline.usage.blocks import blocks
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS, Decoded
from meterline.usage.remap import remapped_all

NAME = "radius_detail"

_FIELDS = ("id", "meter", "identifier", "start", "duration", "user", "calling_station",
           "called_station", "nas", "session", "address", "octets_up", "octets_down", "octets",
           "packets_up", "packets_down", "class", "terminate_cause")  # fmt: skip
_SCHEMA: dict[str, Any] = {"line": pl.UInt32, **dict.fromkeys(_FIELDS, pl.String)}
_PROPERTIES = {
    "user": "User-Name", "calling_station": "Calling-Station-Id",
    "called_station": "Called-Station-Id", "session": "Acct-Session-Id",
    "address": "Framed-IP-Address", "class": "Class", "terminate_cause": "Acct-Terminate-Cause",
    "packets_up": "Acct-Input-Packets", "packets_down": "Acct-Output-Packets",
}  # fmt: skip
_HEADER = re.compile(rb"[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d \d{4}\s*$")
_STATUS = re.compile(rb"^\s+Acct-Status-Type\s*=", re.MULTILINE)
_KEPT_OUT = ("start", "interim-update", "alive", "accounting-on", "accounting-off", "1", "3", "7",
             "8")  # fmt: skip
_BLOCK = 8 << 20
_LINES_MOST = 1000
_SECOND_MOST = 2**32
_SHOWN = 1000


def sniff(head: bytes) -> bool:
    """A line with a time, then attributes, of which one tells the kind of accounting."""
    lines = head.lstrip().splitlines()
    return bool(lines and _HEADER.match(lines[0]) and _STATUS.search(head))


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its sessions in chunks. Raises UsageFileError for a file that cannot be read."""
    yield from remapped_all(_chunks(path), mapping)


def _chunks(path: Path) -> Iterator[Decoded]:
    number, start, lines = 0, 0, list[bytes]()
    found = _Found()
    for block in blocks(path, _BLOCK):
        for raw in block.split(b"\n")[: None if not block.endswith(b"\n") else -1]:
            number += 1
            ends = not raw.strip() or not raw[:1].isspace()
            if lines and (ends or len(lines) >= _LINES_MOST):
                found.take(start, lines)
                lines = []
            if raw.strip():
                start = start if lines else number
                lines.append(raw)
        yield found.chunk()
    if lines:
        found.take(start, lines)
        yield found.chunk()
    if number == 0:
        raise UsageFileError(file=path.name, why="is empty")


class _Found:
    """What is decoded and not handed over yet."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.rejects: list[tuple[int, str, str, str]] = []
        self.left_out = 0

    def take(self, line: int, lines: list[bytes]) -> None:
        made = _session(lines)
        if made is None:
            self.left_out += 1
        elif isinstance(made, str):
            shown = b"\n".join(lines)[:_SHOWN].decode("utf-8", "replace")
            self.rejects.append((line, "malformed", made, shown))
        else:
            self.rows.append((line, *(made.get(name) for name in _FIELDS)))

    def chunk(self) -> Decoded:
        made = Decoded(
            records=pl.DataFrame(self.rows, schema=_SCHEMA, orient="row"),
            rejects=pl.DataFrame(self.rejects, schema=REJECTS, orient="row"),
            left_out=self.left_out,
        )
        self.rows, self.rejects, self.left_out = [], [], 0
        return made


def _session(lines: list[bytes]) -> dict[str, str | None] | str | None:
    """The record of a Stop, what is wrong with it, or None for what is no Stop."""
    if not _HEADER.match(lines[0]):
        return "does not begin with a time"
    if len(lines) >= _LINES_MOST:
        return f"more than {_LINES_MOST:,} attributes"
    told = _attributes(lines[1:])
    if isinstance(told, str):
        return told
    status = told.get("Acct-Status-Type", "").lower()
    if status in _KEPT_OUT:
        return None
    if status not in ("stop", "2"):
        return f"Acct-Status-Type {status[:20] or '(nothing)'} is not known"
    try:
        return _record(told, lines[0])
    except ValueError as error:
        return f"a number or a time cannot be read: {str(error)[:100]}"


def _attributes(lines: list[bytes]) -> dict[str, str] | str:
    """Attributes by name; of those that come several times, the first."""
    told: dict[str, str] = {}
    for raw in lines:
        try:
            name, equals, value = raw.decode("utf-8").strip().partition(" = ")
        except UnicodeDecodeError:
            return "not UTF-8"
        if not equals:
            return f"no attribute: {name[:50]}"
        told.setdefault(name.strip(), _unquoted(value.strip()))
    return told


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return value


def _record(told: dict[str, str], header: bytes) -> dict[str, str | None]:
    session = told.get("Acct-Session-Id")
    nas = told.get("NAS-IP-Address") or told.get("NAS-IPv6-Address") or told.get("NAS-Identifier")
    length = _within(told.get("Acct-Session-Time", "0"), _SECOND_MOST)
    start = datetime.fromtimestamp(max(_stopped(told, header) - length, 0), UTC)
    octets = {
        way: _within(told.get(f"Acct-{name}-Octets", "0"), 2**64)
        + (_within(told.get(f"Acct-{name}-Gigawords", "0"), 2**32) << 32)
        for way, name in (("octets_up", "Input"), ("octets_down", "Output"))
    }
    unique = told.get("Acct-Unique-Session-Id")
    return {
        **{name: told.get(attribute) or None for name, attribute in _PROPERTIES.items()},
        **{name: str(value) for name, value in octets.items()},
        "octets": str(sum(octets.values())),
        "id": unique or (f"{nas or ''}/{session}/{start:%Y%m%dT%H%M%S}" if session else None),
        "meter": "data",
        "identifier": told.get("Calling-Station-Id") or told.get("User-Name") or None,
        "start": start.isoformat().replace("+00:00", "Z"),
        "duration": str(length),
        "nas": nas,
    }


def _stopped(told: dict[str, str], header: bytes) -> int:
    """The second of the Stop. Event-Timestamp is the sender's; Timestamp (of the server that wrote
    the file), or else the first line (its wall clock, taken as UTC), is later by the delay."""
    event = told.get("Event-Timestamp", "")
    if event.isdecimal():
        return _within(event, _SECOND_MOST)
    if event.endswith((" UTC", " GMT")):
        return _second(event[:-4], "%b %d %Y %H:%M:%S")
    delay = _within(told.get("Acct-Delay-Time", "0"), _SECOND_MOST)
    if "Timestamp" in told:
        return _within(told["Timestamp"], _SECOND_MOST) - delay
    return _second(header.decode("ascii").strip(), "%a %b %d %H:%M:%S %Y") - delay


def _second(text: str, pattern: str) -> int:
    return int(datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp())


def _within(text: str, most: int) -> int:
    number = int(text)
    if not 0 <= number < most:
        raise ValueError(f"{text[:30]} is not within 0 to {most:,}")
    return number
