"""TAP3 (GSMA TD.57, TransferBatch in BER, TAP 3.12 and before): what subscribers used abroad. Its
types are those that pycrate ships.

A record a call event: meter = voice, voice_received, sms, sms_received, data, session, message,
service_centre, supplementary or content; identifier = MSISDN, else IMSI; start in UTC by the
batch's offsets, duration. No quantity: a meter takes octets, or charge. Properties: imsi, msisdn,
to, from, octets (octets_up, octets_down), apn, network, sender, file, and charge in the batch's
currency, without its taxes. Location services are rejects; a notification has no records.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from meterline.usage.ber import BadRecord, Plan, element, keys_of, opening, plan_of, read
from meterline.usage.cdr import Reader, Row, told
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS, Claim, Control, Decoded
from meterline.usage.remap import remapped_all

NAME = "tap3"

_FIELDS = ("id", "meter", "identifier", "start", "duration", "octets", "octets_up", "octets_down",
           "to", "from", "imsi", "msisdn", "apn", "network", "charge", "currency", "sender",
           "recipient", "file")  # fmt: skip
_SCHEMA: dict[str, Any] = {"line": pl.UInt32, **dict.fromkeys(_FIELDS, pl.String)}
_BATCH, _NOTICE = b"\x61", b"\x62"  # APPLICATION 1 and 2, constructed
_APPLICATION = 1 << 32
_EVENTS, _CONTROL, _ACCOUNT, _NETWORK, _AUDIT = (_APPLICATION | tag for tag in (3, 4, 5, 6, 15))
_SEQUENCE_LAST = 99_999
_CHUNK = 20_000
_SHOWN = 500
_TOTAL = b"00"  # the type of a charge that is the sum of the others
_SMS = (b"20", b"21", b"22")  # teleservices
_METERS = {
    "mobileOriginatedCall": "voice", "mobileTerminatedCall": "voice_received",
    "supplServiceEvent": "supplementary", "serviceCentreUsage": "service_centre",
    "contentTransaction": "content", "messagingEvent": "message", "mobileSession": "session",
    "gprsCall": "data",
}  # fmt: skip
_ALL: dict[str, Any] = {}


def _of(*names: str, **inner: Any) -> dict[str, Any]:
    return {**dict.fromkeys(names, _ALL), **inner}


_STAMP = _of("localTimeStamp", "utcTimeOffsetCode")
_CHARGES = _of(chargeDetailList=_of("chargeType", "charge"))
_SUBSCRIBER = _of(simChargeableSubscriber=_of("imsi", "msisdn"))
_USED = _of(basicService=_of("serviceCode"), chargeInformationList=_CHARGES)
_PLACE = _of(networkLocation=_of("callReference"))
_CALL = _of("totalCallEventDuration", chargeableSubscriber=_SUBSCRIBER,
            callEventStartTimeStamp=_STAMP)  # fmt: skip
_WANTED = {
    "mobileOriginatedCall": _of(
        basicCallInformation=_CALL | _of(
            destination=_of("calledNumber", "dialledDigits", "sMSDestinationNumber")
        ),
        locationInformation=_PLACE, basicServiceUsedList=_USED,
    ),
    "mobileTerminatedCall": _of(
        basicCallInformation=_CALL | _of(callOriginator=_of("callingNumber", "sMSOriginator")),
        locationInformation=_PLACE, basicServiceUsedList=_USED,
    ),
    "gprsCall": _of(
        gprsBasicCallInformation=_of(
            "totalCallEventDuration", "chargingId", callEventStartTimeStamp=_STAMP,
            gprsChargeableSubscriber=_of(chargeableSubscriber=_SUBSCRIBER),
            gprsDestination=_of("accessPointNameNI"),
        ),
        gprsServiceUsed=_of("dataVolumeIncoming", "dataVolumeOutgoing",
                            chargeInformationList=_CHARGES),
    ),
    "supplServiceEvent": _of(
        chargeableSubscriber=_SUBSCRIBER,
        supplServiceUsed=_of("supplServiceCode", chargingTimeStamp=_STAMP,
                             chargeInformation=_CHARGES),
    ),
    "serviceCentreUsage": _of(
        basicInformation=_of(
            chargeableSubscriber=_of(gsmChargeableSubscriber=_of("imsi", "msisdn"))
        ),
        chargeInformation=_CHARGES, scuTimeStamps=_of(depositTimeStamp=_STAMP),
    ),
    "contentTransaction": _of(
        contentTransactionBasicInfo=_of("totalTransactionDuration", orderPlacedTimeStamp=_STAMP),
        chargedPartyInformation=_of(chargedPartyIdList=_of("chargedPartyIdentifier")),
        contentServiceUsed=_of("totalDataVolume", chargeInformationList=_CHARGES),
    ),
    "messagingEvent": _of(
        "charge", "eventReference", chargedParty=_of("imsi", "msisdn"),
        serviceStartTimestamp=_STAMP, nonChargedParty=_of("nonChargedPartyNumber"),
    ),
    "mobileSession": _of(
        "totalCallEventDuration", "eventReference", chargedParty=_of("imsi", "msisdn"),
        serviceStartTimestamp=_STAMP, nonChargedParty=_of("nonChargedPartyNumber"),
        sessionChargeInfoList=_CHARGES,
    ),
}  # fmt: skip


def sniff(head: bytes) -> bool:
    """It begins a transfer batch or a notification, whose first group is known."""
    if head[:1] not in (_BATCH, _NOTICE):
        return False
    try:
        _, _, at, _ = opening(head[:16])
    except BadRecord:
        return False
    return head[at : at + 1] == b"\x64" or head[at : at + 2] in (b"\x5f\x81", b"\x5f\x6d")


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its events in chunks. Raises UsageFileError for a file that is cut off or damaged."""
    yield from remapped_all(_chunks(path), mapping)


@cache
def _groups() -> dict[int, Plan]:
    """How the groups of a batch are read, by their tag."""
    from pycrate_asn1dir import TAP3

    types = TAP3.TAP_0312
    wanted = {
        "BatchControlInfo": _of("sender", "recipient", "fileSequenceNumber"),
        "AccountingInfo": _of("tapCurrency", "localCurrency", "tapDecimalPlaces"),
        "NetworkInfo": _of(utcTimeOffsetInfo=_of("utcTimeOffsetCode", "utcTimeOffset")),
        "AuditControlInfo": _of("callEventDetailsCount"),
        "Notification": _of("sender", "recipient", "fileSequenceNumber"),
    }
    plans = [(getattr(types, name), fields) for name, fields in wanted.items()]
    return {keys_of(type_)[0]: plan_of(type_, fields) for type_, fields in plans}


@cache
def _events() -> dict[int, tuple[str, Plan]]:
    from pycrate_asn1dir import TAP3

    return plan_of(TAP3.TAP_0312.CallEventDetail, _WANTED).choice or {}


@dataclass
class _Batch:
    """What the groups before the events say of all of them."""

    sender: str = ""
    recipient: str = ""
    sequence: str = ""
    currency: str | None = None
    decimals: int = 0
    offsets: dict[int, str] = field(default_factory=dict)
    told: int | None = None

    def take(self, key: int, group: dict[str, Any]) -> None:
        if key == _ACCOUNT:
            currency = group.get("tapCurrency") or group.get("localCurrency")
            self.currency = None if currency is None else _ascii(currency)
            self.decimals = min(max(group.get("tapDecimalPlaces", 0), 0), 6)
        elif key == _NETWORK:
            for offset in group.get("utcTimeOffsetInfo", ()):
                code = offset.get("utcTimeOffsetCode", 0)
                self.offsets[code] = _ascii(offset.get("utcTimeOffset", b""))
        elif key == _AUDIT:
            self.told = group.get("callEventDetailsCount")
        else:
            self.sender = _ascii(group.get("sender", b""))
            self.recipient = _ascii(group.get("recipient", b""))
            self.sequence = _ascii(group.get("fileSequenceNumber", b""))

    def control(self, claims: tuple[Claim, ...] = ()) -> Control:
        number = int(self.sequence) if self.sequence.isdecimal() else None
        stream = f"{self.sender}>{self.recipient}"
        return Control(claims=claims, sequence=number, last=_SEQUENCE_LAST, stream=stream)


def _chunks(path: Path) -> Iterator[Decoded]:
    reader, batch = Reader(path), _Batch()
    if reader.peek(1) == _NOTICE:
        _take_group(batch, reader.record())
        yield _decoded([], [], batch.control())
        return
    _, end = reader.opened()
    events = 0
    while not reader.ended(end):
        if _key(reader.peek(8)) != _EVENTS:
            _take_group(batch, reader.record())
            continue
        _, last = reader.opened()
        rows: list[tuple[Any, ...]] = []
        rejects: list[tuple[int, str, str, str]] = []
        while not reader.ended(last):
            events += 1
            _take_event(batch, reader.record(), events, rows, rejects)
            if len(rows) + len(rejects) >= _CHUNK:
                yield _decoded(rows, rejects)
                rows, rejects = [], []
        yield _decoded(rows, rejects)
    if reader.peek(1).strip(b"\0"):
        raise UsageFileError(file=path.name, why="has something after the end of its batch")
    told = None if batch.told is None else Decimal(batch.told)
    yield _decoded(
        [], [], batch.control((Claim(what="records", told=told, found=Decimal(events)),))
    )


def _decoded(rows: list[Any], rejects: list[Any], control: Control | None = None) -> Decoded:
    return Decoded(
        records=pl.DataFrame(rows, schema=_SCHEMA, orient="row"),
        rejects=pl.DataFrame(rejects, schema=REJECTS, orient="row"),
        control=control,
    )


def _key(data: bytes) -> int | None:
    try:
        return opening(data)[0]
    except BadRecord:
        return None


def _take_group(batch: _Batch, data: bytes) -> None:
    key, constructed, at, end, _ = element(data, 0, len(data))
    plan = _groups().get(key)
    if plan is not None:
        try:
            batch.take(key, read(plan, data, at, end, constructed))
        except BadRecord:
            return  # what it would have said is missing: times without offset, counts not told


def _take_event(
    batch: _Batch, data: bytes, number: int, rows: list[Any], rejects: list[Any]
) -> None:
    try:
        row = _row(batch, data)
    except BadRecord as error:
        rejects.append((number, "malformed", str(error), data[:_SHOWN].hex()))
    else:
        rows.append((number, *(row.get(name) for name in _FIELDS)))


def _row(batch: _Batch, data: bytes) -> Row:
    key, constructed, at, end, _ = element(data, 0, len(data))
    if key not in _events():
        raise BadRecord(f"call events of kind {key & 0xFFFF} are not read")
    kind, plan = _events()[key]
    event = read(plan, data, at, end, constructed)
    found: dict[str, Any] = {}
    charges: list[list[dict[str, Any]]] = []
    _gather(event, found, charges)
    imsi, msisdn = (_packed(found.get(name)) for name in ("imsi", "msisdn"))
    party = _ascii(found["chargedPartyIdentifier"]) if "chargedPartyIdentifier" in found else None
    start = _instant(found, batch.offsets)
    to = _packed(_first(found, "calledNumber", "sMSDestinationNumber", "nonChargedPartyNumber"))
    other = _packed(_first(found, "callingNumber", "sMSOriginator"))
    up, down = found.get("dataVolumeOutgoing"), found.get("dataVolumeIncoming")
    octets = found.get(
        "totalDataVolume", None if up is None and down is None else (up or 0) + (down or 0)
    )
    charge = Decimal(_charge(found, charges)).scaleb(-batch.decimals)
    length = found.get("totalCallEventDuration", found.get("totalTransactionDuration"))
    reference = _first(found, "callReference", "eventReference", "chargingId")
    shown = reference.hex() if isinstance(reference, bytes) else reference
    meter = _meter(kind, found)
    names = (batch.sender, imsi or msisdn or party, meter, start, shown, to or other, length)
    return {
        "id": "/".join("" if name is None else str(name) for name in names),
        "meter": meter,
        "identifier": msisdn or imsi or party,
        "start": start, "duration": _text(length), "octets": _text(octets), "octets_up": _text(up),
        "octets_down": _text(down), "to": to, "from": other, "imsi": imsi, "msisdn": msisdn,
        "apn": _ascii(found["accessPointNameNI"]) if "accessPointNameNI" in found else None,
        "network": batch.sender or None, "charge": f"{charge:f}", "currency": batch.currency,
        "sender": batch.sender or None, "recipient": batch.recipient or None,
        "file": batch.sequence or None,
    }  # fmt: skip


def _gather(value: Any, found: dict[str, Any], charges: list[list[dict[str, Any]]]) -> None:
    """The fields of an event by name, the first of each, and its lists of charges."""
    if isinstance(value, tuple):
        _gather({value[0]: value[1]}, found, charges)
    elif isinstance(value, list):
        for inner in value:
            _gather(inner, found, charges)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "chargeDetailList":
                charges.append(inner)
            elif isinstance(inner, dict | list | tuple):
                _gather(inner, found, charges)
            else:
                found.setdefault(name, inner)


def _charge(found: dict[str, Any], charges: list[list[dict[str, Any]]]) -> int:
    """What the event costs: of each list its total, else the sum of its parts."""
    amount = int(found.get("charge", 0))
    for details in charges:
        totals = [one for one in details if one.get("chargeType", _TOTAL) == _TOTAL]
        amount += sum(one.get("charge", 0) for one in totals or details)
    return amount


def _meter(kind: str, found: dict[str, Any]) -> str:
    meter = _METERS[kind]
    if found.get("teleServiceCode") in _SMS:
        return meter.replace("voice", "sms")
    return meter


def _instant(found: dict[str, Any], offsets: dict[int, str]) -> str | None:
    stamp = found.get("localTimeStamp")
    if stamp is None:
        return None
    text, offset = _ascii(stamp), offsets.get(found.get("utcTimeOffsetCode", 0), "")
    try:
        moment = datetime.strptime(text + offset, "%Y%m%d%H%M%S%z")
        return told(moment.astimezone(UTC).replace(tzinfo=None))
    except (ValueError, OverflowError) as error:
        raise BadRecord(f"{text[:20]} {offset[:10]} is no time with an offset") from error


def _first(found: dict[str, Any], *names: str) -> Any:
    return next((found[name] for name in names if name in found), None)


def _packed(octets: bytes | None) -> str | None:
    """Digits packed two an octet, the first in the high half, filled up with F (BCD)."""
    return None if not octets else octets.hex().rstrip("f") or None


def _ascii(octets: bytes) -> str:
    return octets.decode("ascii", "replace").strip()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
