"""ASN.1 in BER, read by the types that pycrate knows: only the fields that are asked for.

pycrate's own decoder builds every field and holds records to every constraint; this one goes by its
types' tags, takes what a format uses and skips the rest, several times as fast.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Wanted = Mapping[str, Any]  # field -> what is wanted of it; {}: all of it
Key = int  # class << 32 | number

_DEPTH_MOST = 32
_CONSTRUCTED = 0x20
_TEXTS = ("IA5String", "UTF8String", "GraphicString", "VisibleString", "PrintableString",
          "NumericString")  # fmt: skip
_BASIC = {"BOOLEAN": 1, "INTEGER": 2, "BIT STRING": 3, "OCTET STRING": 4, "NULL": 5,
          "ENUMERATED": 10, "UTF8String": 12, "SEQUENCE": 16, "SEQUENCE OF": 16, "SET": 17,
          "SET OF": 17, "IA5String": 22, "GraphicString": 25, "VisibleString": 26,
          "PrintableString": 19, "NumericString": 18}  # fmt: skip


class BadRecord(ValueError):
    """What is wrong with a record."""


class CutOff(BadRecord):
    """An element is longer than what there is of it."""


@dataclass(frozen=True)
class Plan:
    """How the content of a type is read."""

    kind: str
    fields: dict[Key, tuple[str, Plan]] = field(default_factory=dict)
    item: Plan | None = None
    wraps: int = 0  # explicit tags around the content, beyond the first
    choice: dict[Key, tuple[str, Plan]] | None = None  # alternatives
    bare: bool = False  # a choice without a tag of its own


NUMBER, OCTETS, TEXT = Plan("INTEGER"), Plan("OCTET STRING"), Plan("UTF8String")


def tagged(fields: Mapping[int, tuple[str, Plan]]) -> Plan:
    """A sequence or set whose fields have implicit context tags."""
    return Plan("SEQUENCE", fields={2 << 32 | number: field for number, field in fields.items()})


def list_of(item: Plan) -> Plan:
    """A sequence of one type."""
    return Plan("SEQUENCE OF", item=item)


def plan_of(type_: Any, wanted: Wanted) -> Plan:
    """The plan of a type of pycrate, for the fields wanted."""
    kind = type_.TYPE
    wraps = max(0, len(type_._tagc) - 1)
    match kind:
        case "SEQUENCE" | "SET":
            return Plan(kind, fields=_fields(type_, wanted), wraps=wraps)
        case "CHOICE":
            fields = _fields(type_, wanted)
            return Plan(kind, choice=fields, wraps=wraps, bare=not type_._tagc)
        case "SEQUENCE OF" | "SET OF":
            return Plan(kind, item=plan_of(type_._cont, wanted), wraps=wraps)
    return Plan(kind, wraps=wraps)


def keys_of(type_: Any) -> list[Key]:
    """The tags by which a value of a type may begin."""
    if type_._tagc:
        first_class, number = type_._tagc[0]
        return [first_class << 32 | number]
    if type_.TYPE == "CHOICE":
        return [key for inner in type_._cont._dict.values() for key in keys_of(inner)]
    return [_BASIC[type_.TYPE]] if type_.TYPE in _BASIC else []


def _fields(type_: Any, wanted: Wanted) -> dict[Key, tuple[str, Plan]]:
    components = type_._cont._dict
    names = wanted or components
    made = {}
    for name in names:
        plan = plan_of(components[name], wanted.get(name, {}))
        for key in keys_of(components[name]):
            made[key] = (name, plan)
    return made


def opening(data: bytes, at: int = 0, end: int | None = None) -> tuple[Key, bool, int, int | None]:
    """The tag and length at a place: key, whether it is constructed, where the content begins, and
    its length (None: it has an end mark). Raises BadRecord; CutOff if they go beyond `end`."""
    end = len(data) if end is None else end
    if at >= end:
        raise CutOff("an element is cut off")
    first = data[at]
    at += 1
    number = first & 0x1F
    if number == 0x1F:
        number = 0
        for _ in range(5):
            if at >= end:
                raise CutOff("a tag is cut off")
            octet = data[at]
            at += 1
            number = number << 7 | (octet & 0x7F)
            if octet < 0x80:
                break
        else:
            raise BadRecord("a tag is longer than any known")
    if at >= end:
        raise CutOff("a length is cut off")
    length = data[at]
    at += 1
    key = (first >> 6) << 32 | number
    constructed = bool(first & _CONSTRUCTED)
    if length < 0x80:
        return key, constructed, at, length
    size = length & 0x7F
    if size == 0:
        if not constructed:
            raise BadRecord("a value without a length")
        return key, constructed, at, None
    if size > 4:
        raise BadRecord("a length of more than 4 octets")
    if at + size > end:
        raise CutOff("a length is cut off")
    return key, constructed, at + size, int.from_bytes(data[at : at + size])


def element(data: bytes, at: int, end: int, depth: int = 0) -> tuple[Key, bool, int, int, int]:
    """The element at a place: its key, whether it is constructed, where its content begins and
    ends, and where the next one begins. Raises BadRecord; CutOff if it goes beyond `end`."""
    key, constructed, at, length = opening(data, at, end)
    if length is None:
        stop = _end_of(data, at, end, depth)
        return key, constructed, at, stop, stop + 2
    stop = at + length
    if stop > end:
        raise CutOff("an element is longer than what holds it")
    return key, constructed, at, stop, stop


def _end_of(data: bytes, at: int, end: int, depth: int) -> int:
    """Where the content of an element of indefinite length ends."""
    if depth >= _DEPTH_MOST:
        raise BadRecord("nested too deep")
    while True:
        if at + 2 > end:
            raise CutOff("the end of an element is missing")
        if data[at] == 0 and data[at + 1] == 0:
            return at
        at = element(data, at, end, depth + 1)[4]


def elements(data: bytes, at: int, end: int) -> Iterator[tuple[Key, bool, int, int, int]]:
    """The elements of a content, one after the other."""
    while at < end:
        found = element(data, at, end)
        yield found
        at = found[4]


def read(plan: Plan, data: bytes, at: int, end: int, constructed: bool) -> Any:
    """The value that a content holds: dict of the fields found, list, (alternative, value), int,
    bytes, str or bool. Raises BadRecord."""
    for _ in range(plan.wraps):
        _, constructed, at, end, _ = element(data, at, end)
    kind = plan.kind
    if kind == "SEQUENCE" or kind == "SET":
        return _components(plan.fields, data, at, end)
    if kind == "INTEGER" or kind == "ENUMERATED":
        if at == end or end - at > 16:
            raise BadRecord("a number of no or too many octets")
        return int.from_bytes(data[at:end], signed=True)
    if kind == "SEQUENCE OF" or kind == "SET OF":
        return _items(plan.item, data, at, end) if plan.item is not None else []
    if kind == "CHOICE":
        key, constructed, at, end, _ = element(data, at, end)
        return _chosen(plan, key, data, at, end, constructed)
    if kind == "BOOLEAN":
        return any(data[at:end])
    if kind == "NULL":
        return True
    octets = _joined(data, at, end) if constructed else data[at:end]
    return octets.decode("utf-8", "replace") if kind in _TEXTS else octets


def _components(
    fields: dict[Key, tuple[str, Plan]], data: bytes, at: int, end: int
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while at < end:
        if at + 2 <= end and data[at] & 0x1F != 0x1F and data[at + 1] < 0x80:  # most are short
            first, stop = data[at], at + 2 + data[at + 1]
            key, constructed, start = (first >> 6) << 32 | first & 0x1F, first & 0x20 != 0, at + 2
            if stop > end:
                raise CutOff("an element is longer than what holds it")
            at = stop
        else:
            key, constructed, start, stop, at = element(data, at, end)
        known = fields.get(key)
        if known is not None:
            name, plan = known
            found[name] = (_chosen(plan, key, data, start, stop, constructed) if plan.bare
                           else read(plan, data, start, stop, constructed))  # fmt: skip
    return found


def _items(plan: Plan, data: bytes, at: int, end: int) -> list[Any]:
    found = []
    while at < end:
        key, constructed, start, stop, at = element(data, at, end)
        found.append(
            _chosen(plan, key, data, start, stop, constructed)
            if plan.bare
            else read(plan, data, start, stop, constructed)
        )
    return found


def _chosen(
    choice: Plan, key: Key, data: bytes, at: int, end: int, constructed: bool
) -> tuple[str, Any] | None:
    """The alternative that a tag tells, and its value; None for one that is not wanted."""
    known = (choice.choice or {}).get(key)
    if known is None:
        return None
    name, plan = known
    if plan.bare:
        return name, _chosen(plan, key, data, at, end, constructed)
    return name, read(plan, data, at, end, constructed)


def _joined(data: bytes, at: int, end: int) -> bytes:
    return b"".join(data[start:stop] for _, _, start, stop, _ in elements(data, at, end))
