"""Charging records of the CHF of a 5G core (3GPP TS 32.298, CHFRecord in BER), one after the other
or in a file of TS 32.297.

A record a container of used units: identifier = the subscriber (SUPI or MSISDN, without its kind),
meter = `data`, or `service` where only service-specific units were used; start and duration of the
use. No quantity: a meter takes octets, octets_up, octets_down or units. Properties: rating_group,
dnn, subscriber_type, charging_id, session, node, rat. Records without used units are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meterline.usage.ber import NUMBER, OCTETS, TEXT, BadRecord, element, list_of, read, tagged
from meterline.usage.cdr import Row, decode_records, first_record, instant, told
from meterline.usage.formats import Decoded
from meterline.usage.remap import remapped_all

NAME = "chf_cdr"

_FIELDS = ("id", "meter", "identifier", "start", "duration", "octets", "octets_up", "octets_down",
           "units", "rating_group", "dnn", "subscriber_type", "charging_id", "session", "node",
           "rat", "pdu_session", "cause")  # fmt: skip
# What is read of TS 32.298, 5.2.5.2, by its context tags; pycrate has no types of the CHF.
_SUBSCRIBER = tagged({0: ("kind", NUMBER), 1: ("name", TEXT)})
_INSIDE = tagged({2: ("first", OCTETS), 3: ("last", OCTETS)})
_CONTAINER = tagged({
    1: ("time", NUMBER), 4: ("total", NUMBER), 5: ("up", NUMBER), 6: ("down", NUMBER),
    7: ("units", NUMBER), 8: ("event", OCTETS), 9: ("local", NUMBER), 11: ("inside", _INSIDE),
})  # fmt: skip
_GROUP = tagged({0: ("group", NUMBER), 1: ("containers", list_of(_CONTAINER))})
_PDU = tagged({0: ("charging_id", NUMBER), 6: ("number", NUMBER), 12: ("rat", NUMBER),
               13: ("dnn", TEXT)})  # fmt: skip
_RECORD = tagged({
    1: ("node", TEXT), 2: ("subscriber", _SUBSCRIBER), 5: ("used", list_of(_GROUP)),
    6: ("opened", OCTETS), 8: ("sequence", NUMBER), 9: ("cause", NUMBER), 11: ("local", NUMBER),
    13: ("pdu", _PDU), 16: ("session", OCTETS), 27: ("charging_id", NUMBER),
})  # fmt: skip
_BEGINS = b"\xbf\x81\x48"  # [200], constructed
_KINDS = {0: "msisdn", 1: "imsi", 2: "sip", 3: "nai", 4: "private"}
_PREFIXES = ("imsi-", "msisdn-", "nai-")


def sniff(head: bytes) -> bool:
    """Its first record has the tag of a CHF record."""
    return first_record(head).startswith(_BEGINS)


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its records in chunks. Raises UsageFileError for a file that is cut off or damaged."""
    yield from remapped_all(decode_records(path, _FIELDS, _rows), mapping)


def _rows(data: bytes, _number: int) -> list[Row]:
    if not data.startswith(_BEGINS):
        raise BadRecord("no CHF record")
    _, constructed, at, end, _ = element(data, 0, len(data))
    record = read(_RECORD, data, at, end, constructed)
    common = _common(record)
    return [
        common | _part(record, group, container, place)
        for group in record.get("used", ())
        for place, container in enumerate(group.get("containers", ()), start=1)
    ]


def _common(record: dict[str, Any]) -> Row:
    subscriber, pdu = record.get("subscriber", {}), record.get("pdu", {})
    name = subscriber.get("name") or ""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return {
        "identifier": name or None, "subscriber_type": _KINDS.get(subscriber.get("kind", -1)),
        "node": record.get("node"), "dnn": pdu.get("dnn"), "rat": _text(pdu.get("rat")),
        "pdu_session": _text(pdu.get("number")), "cause": _text(record.get("cause")),
        "charging_id": _text(pdu.get("charging_id", record.get("charging_id"))),
        "session": _plain(record.get("session")),
    }  # fmt: skip


def _part(
    record: dict[str, Any], group: dict[str, Any], container: dict[str, Any], place: int
) -> Row:
    """A container of a rating group."""
    inside, opened = container.get("inside", {}), record.get("opened")
    first = inside.get("first") or container.get("event") or opened
    length = container.get("time")
    if length is None and inside.get("first") and inside.get("last"):
        between = instant(inside["last"]) - instant(inside["first"])
        length = max(0, int(between.total_seconds()))
    up, down = container.get("up", 0), container.get("down", 0)
    units = container.get("units")
    is_data = units is None or any(name in container for name in ("total", "up", "down"))
    pdu = record.get("pdu", {})
    names = (record.get("node"), _plain(record.get("session")) or pdu.get("charging_id"),
             record.get("sequence", record.get("local")), opened and opened.hex(),
             group.get("group"), container.get("local", place))  # fmt: skip
    return {
        "id": "/".join("" if name is None else str(name) for name in names),
        "meter": "data" if is_data else "service",
        "start": None if first is None else told(instant(first)), "duration": _text(length),
        "octets": str(container.get("total", up + down)), "octets_up": str(up),
        "octets_down": str(down), "units": _text(units),
        "rating_group": _text(group.get("group")),
    }  # fmt: skip


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _plain(octets: bytes | None) -> str | None:
    """The name of a session: text, if it is some."""
    if not octets:
        return None
    text = octets.decode("ascii", "replace")
    return text if text.isprintable() and "\ufffd" not in text else octets.hex()
