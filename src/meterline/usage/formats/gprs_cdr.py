"""Charging records of the P-GW and S-GW (3GPP TS 32.298, GPRSRecord in BER), one after the other
or in a file of TS 32.297. Their types are those that pycrate ships.

A record a rating group that was used (listOfServiceData), else one of all traffic: identifier =
MSISDN, else IMSI; meter = `data`, of an S-GW, which counts the same traffic, `data_sgw`; start and
duration of the use. No quantity: a meter takes octets, octets_up or octets_down. Properties:
rating_group, apn, imsi, msisdn, charging_id, node, rat, plmn. Records of other kinds are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from meterline.usage.ber import Plan, element, plan_of, read
from meterline.usage.cdr import (
    Row,
    decode_records,
    digits,
    first_record,
    instant,
    network,
    number_of,
    told,
)
from meterline.usage.formats import Decoded
from meterline.usage.remap import remapped_all

NAME = "gprs_cdr"

_FIELDS = ("id", "meter", "identifier", "start", "duration", "octets", "octets_up", "octets_down",
           "rating_group", "service", "apn", "imsi", "msisdn", "imei", "charging_id", "node",
           "rat", "plmn", "cause")  # fmt: skip
_ALL: dict[str, Any] = {}
_COMMON = dict.fromkeys(
    ("servedIMSI", "servedMSISDN", "servedIMEI", "chargingID", "accessPointNameNI", "duration",
     "recordOpeningTime", "recordSequenceNumber", "localSequenceNumber", "nodeID", "rATType",
     "causeForRecClosing"),
    _ALL,
)  # fmt: skip
_TRAFFIC = {"dataVolumeGPRSUplink": _ALL, "dataVolumeGPRSDownlink": _ALL}
_SERVICE = dict.fromkeys(
    ("ratingGroup", "serviceIdentifier", "timeOfFirstUsage", "timeOfLastUsage", "timeUsage",
     "datavolumeFBCUplink", "datavolumeFBCDownlink", "localSequenceNumber"),
    _ALL,
)  # fmt: skip
_WANTED = {
    "pGWRecord": _COMMON
    | {"listOfServiceData": _SERVICE, "listOfTrafficVolumes": _TRAFFIC, "p-GWAddress": _ALL,
       "servingNodePLMNIdentifier": _ALL},
    "sGWRecord": _COMMON
    | {"listOfTrafficVolumes": _TRAFFIC, "s-GWAddress": _ALL, "servingNodePLMNIdentifier": _ALL},
}  # fmt: skip
_METERS = {"pGWRecord": "data", "sGWRecord": "data_sgw"}
# context tags of GPRSRecord: sgsnPDPRecord [20] to tWAGRecord [97]
_BEGINS = (b"\xb4", b"\xb6", b"\xb7", b"\xb8", b"\xb9", b"\xba", b"\xbf\x4c", b"\xbf\x4d",
           b"\xbf\x4e", b"\xbf\x4f", b"\xbf\x56", b"\xbf\x5c", b"\xbf\x5f", b"\xbf\x60",
           b"\xbf\x61")  # fmt: skip


def sniff(head: bytes) -> bool:
    """Its first record has the tag of a GPRS record."""
    return first_record(head).startswith(_BEGINS)


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its records in chunks. Raises UsageFileError for a file that is cut off or damaged."""
    yield from remapped_all(decode_records(path, _FIELDS, _rows), mapping)


@cache
def _kinds() -> dict[int, tuple[str, Plan]]:
    """How records are read, by their tag. The types take seconds to load: only when needed."""
    from pycrate_asn1dir import CDR

    return plan_of(CDR.GPRSChargingDataTypes.GPRSRecord, _WANTED).choice or {}


def _rows(data: bytes, _number: int) -> list[Row]:
    key, constructed, at, end, _ = element(data, 0, len(data))
    if key not in _kinds():
        return []
    kind, plan = _kinds()[key]
    record = read(plan, data, at, end, constructed)
    common = _common(kind, record)
    parts = record.get("listOfServiceData") or [{}]
    return [common | _part(common, record, part, place) for place, part in enumerate(parts, 1)]


def _common(kind: str, record: dict[str, Any]) -> Row:
    imsi = digits(record.get("servedIMSI", b""))
    msisdn = number_of(record.get("servedMSISDN", b""))
    address = record.get("p-GWAddress") or record.get("s-GWAddress")
    return {
        "meter": _METERS[kind], "identifier": msisdn or imsi, "imsi": imsi, "msisdn": msisdn,
        "imei": digits(record.get("servedIMEI", b"")), "apn": record.get("accessPointNameNI"),
        "charging_id": _text(record.get("chargingID")), "rat": _text(record.get("rATType")),
        "node": record.get("nodeID") or _address(address),
        "plmn": network(record.get("servingNodePLMNIdentifier", b"")),
        "cause": _text(record.get("causeForRecClosing")),
    }  # fmt: skip


def _part(common: Row, record: dict[str, Any], part: dict[str, Any], place: int) -> Row:
    """A rating group of a record, or all of its traffic."""
    opened = record.get("recordOpeningTime")
    first, last = part.get("timeOfFirstUsage", opened), part.get("timeOfLastUsage")
    length = record.get("duration")
    if part:
        up, down = part.get("datavolumeFBCUplink", 0), part.get("datavolumeFBCDownlink", 0)
        length = part.get("timeUsage")
        if length is None and first is not None and last is not None:
            length = max(0, int((instant(last) - instant(first)).total_seconds()))
    else:
        volumes = record.get("listOfTrafficVolumes", ())
        up = sum(volume.get("dataVolumeGPRSUplink", 0) for volume in volumes)
        down = sum(volume.get("dataVolumeGPRSDownlink", 0) for volume in volumes)
    sequence = record.get("recordSequenceNumber", record.get("localSequenceNumber"))
    names = (common["node"], common["charging_id"], sequence, opened and opened.hex(),
             part.get("localSequenceNumber", place), part.get("ratingGroup"))  # fmt: skip
    return {
        "id": "/".join("" if name is None else str(name) for name in names),
        "start": None if first is None else told(instant(first)), "duration": _text(length),
        "octets": str(up + down), "octets_up": str(up), "octets_down": str(down),
        "rating_group": _text(part.get("ratingGroup")),
        "service": _text(part.get("serviceIdentifier")),
    }  # fmt: skip


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _address(address: Any) -> str | None:
    """The octets of an address in a choice of choices."""
    while isinstance(address, tuple):
        address = address[1]
    return address.hex() if isinstance(address, bytes) else address
