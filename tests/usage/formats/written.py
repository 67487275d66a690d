"""Records of mobile networks as pycrate writes them."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

CHF_TYPES = """
CHF-Test DEFINITIONS IMPLICIT TAGS ::= BEGIN
CHFRecord ::= CHOICE { chargingFunctionRecord [200] ChargingRecord }
ChargingRecord ::= SET {
  recordType [0] INTEGER,
  recordingNetworkFunctionID [1] IA5String,
  subscriberIdentifier [2] SubscriptionID OPTIONAL,
  nFunctionConsumerInformation [3] Consumer,
  listOfMultipleUnitUsage [5] SEQUENCE OF MultipleUnitUsage OPTIONAL,
  recordOpeningTime [6] OCTET STRING,
  duration [7] INTEGER,
  recordSequenceNumber [8] INTEGER OPTIONAL,
  causeForRecClosing [9] INTEGER,
  localRecordSequenceNumber [11] INTEGER OPTIONAL,
  pDUSessionChargingInformation [13] Session OPTIONAL,
  chargingSessionIdentifier [16] OCTET STRING OPTIONAL,
  incompleteCDRIndication [22] SET { initialLost [0] BOOLEAN OPTIONAL } OPTIONAL
}
SubscriptionID ::= SET { subscriptionIDType [0] ENUMERATED { e164(0), imsi(1) },
  subscriptionIDData [1] UTF8String }
Consumer ::= SEQUENCE { networkFunctionality [0] ENUMERATED { chf(0), smf(1) } }
MultipleUnitUsage ::= SEQUENCE { ratingGroup [0] INTEGER,
  usedUnitContainers [1] SEQUENCE OF UsedUnitContainer OPTIONAL }
UsedUnitContainer ::= SEQUENCE { time [1] INTEGER OPTIONAL,
  dataTotalVolume [4] INTEGER OPTIONAL, dataVolumeUplink [5] INTEGER OPTIONAL,
  dataVolumeDownlink [6] INTEGER OPTIONAL, serviceSpecificUnits [7] INTEGER OPTIONAL,
  eventTimeStamp [8] OCTET STRING OPTIONAL, localSequenceNumber [9] INTEGER OPTIONAL,
  ratingIndicator [10] BOOLEAN OPTIONAL,
  pDUContainerInformation [11] SEQUENCE { chargingRuleBaseName [0] IA5String OPTIONAL,
    timeOfFirstUsage [2] OCTET STRING OPTIONAL, timeOfLastUsage [3] OCTET STRING OPTIONAL }
    OPTIONAL }
Session ::= SET { pDUSessionChargingID [0] INTEGER, pDUSessionId [6] INTEGER,
  rATType [12] INTEGER OPTIONAL, dataNetworkNameIdentifier [13] IA5String OPTIONAL }
END
"""


def packed(digits: str) -> bytes:
    """TBCD: the first digit in the low half."""
    even = digits + "f" * (len(digits) % 2)
    return bytes(int(even[at + 1] + even[at], 16) for at in range(0, len(even), 2))


def bcd(digits: str) -> bytes:
    """BCD as TAP has it: the first digit in the high half."""
    return bytes.fromhex(digits + "f" * (len(digits) % 2))


def stamp(text: str, offset: str = "+0100") -> bytes:
    """A TimeStamp of YYMMDDhhmmss."""
    return bytes.fromhex(text) + offset[:1].encode() + bytes.fromhex(offset[1:])


@cache
def gprs_type() -> Any:
    """The type of GPRS records."""
    from pycrate_asn1dir import CDR

    return CDR.GPRSChargingDataTypes.GPRSRecord


def gprs(kind: str, record: dict[str, Any]) -> bytes:
    """A GPRSRecord."""
    gprs_type().set_val((kind, record))
    return bytes(gprs_type().to_ber())


def gprs_values(data: bytes) -> Any:
    """What pycrate reads in a GPRSRecord."""
    gprs_type().from_ber(data)
    return gprs_type().get_val()


def pgw(number: int = 1, **more: Any) -> dict[str, Any]:
    """A P-GW record with two rating groups."""
    used = [
        {"ratingGroup": group, "localSequenceNumber": group, "timeUsage": 300,
         "timeOfFirstUsage": stamp(f"26010510{group:02d}00"),
         "timeOfLastUsage": stamp(f"26010510{group:02d}30"),
         "serviceConditionChange": (1 << 30, 32), "datavolumeFBCUplink": 1000 * group,
         "datavolumeFBCDownlink": 70_000 * group, "timeOfReport": stamp("260105110000")}
        for group in (1, 20)
    ]  # fmt: skip
    return {
        "recordType": 85, "servedIMSI": packed("222011234567890"),
        "p-GWAddress": ("iPBinaryAddress", ("iPBinV4Address", b"\x0a\0\0\1")),
        "chargingID": 12345, "accessPointNameNI": "internet",
        "servingNodeAddress": [("iPBinaryAddress", ("iPBinV4Address", b"\x0a\0\0\2"))],
        "recordOpeningTime": stamp("260105100000"), "duration": 600, "causeForRecClosing": 0,
        "recordSequenceNumber": number, "nodeID": "pgw1", "localSequenceNumber": 76 + number,
        "servedMSISDN": b"\x91" + packed("393201234567"), "chargingCharacteristics": b"\x08\0",
        "rATType": 6, "servingNodePLMNIdentifier": b"\x22\xf2\x10",
        "servingNodeType": ["gTPSGW"], "listOfServiceData": used, **more,
    }  # fmt: skip


def sgw() -> dict[str, Any]:
    """An S-GW record with two volumes."""
    volume = {"dataVolumeGPRSUplink": 500, "dataVolumeGPRSDownlink": 1500,
              "changeCondition": "recordClosure", "changeTime": stamp("260105110000")}  # fmt: skip
    return {
        "recordType": 84, "servedIMSI": packed("222011234567890"),
        "s-GWAddress": ("iPBinaryAddress", ("iPBinV4Address", b"\x0a\0\0\3")),
        "chargingID": 12345, "listOfTrafficVolumes": [volume, volume],
        "servingNodeAddress": [("iPBinaryAddress", ("iPBinV4Address", b"\x0a\0\0\2"))],
        "recordOpeningTime": stamp("260105100000", "-0530"), "duration": 900,
        "causeForRecClosing": 0, "chargingCharacteristics": b"\x08\0",
        "servingNodeType": ["gTPSGW"],
    }  # fmt: skip


@cache
def _chf() -> Any:
    from pycrate_asn1c.asnproc import GLOBAL, compile_text
    from pycrate_asn1c.generator import PycrateGenerator

    compile_text(CHF_TYPES)
    path = Path(tempfile.mkdtemp(prefix="meterline-chf-")) / "chf_types.py"
    PycrateGenerator(str(path))
    GLOBAL.clear()
    spec = importlib.util.spec_from_file_location("chf_types", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chf_types"] = module
    spec.loader.exec_module(module)
    return module.CHF_Test.CHFRecord


def chf(number: int = 1, **more: Any) -> bytes:
    """A CHF record with a container of data and one of a service."""
    record = {
        "recordType": 200, "recordingNetworkFunctionID": "chf-1",
        "subscriberIdentifier": {
            "subscriptionIDType": "imsi", "subscriptionIDData": "imsi-222011234567890"},
        "nFunctionConsumerInformation": {"networkFunctionality": "smf"},
        "listOfMultipleUnitUsage": [
            {"ratingGroup": 10, "usedUnitContainers": [
                {"time": 120, "dataTotalVolume": 6000, "dataVolumeUplink": 1000,
                 "dataVolumeDownlink": 5000, "localSequenceNumber": 1,
                 "pDUContainerInformation": {"timeOfFirstUsage": stamp("260105100100"),
                                             "timeOfLastUsage": stamp("260105100300")}}]},
            {"ratingGroup": 20, "usedUnitContainers": [
                {"serviceSpecificUnits": 3, "eventTimeStamp": stamp("260105100500"),
                 "localSequenceNumber": 2}]},
        ],
        "recordOpeningTime": stamp("260105100000"), "duration": 600,
        "recordSequenceNumber": number, "causeForRecClosing": 0,
        "pDUSessionChargingInformation": {
            "pDUSessionChargingID": 99, "pDUSessionId": 5, "rATType": 51,
            "dataNetworkNameIdentifier": "internet"},
        "chargingSessionIdentifier": b"session-7", **more,
    }  # fmt: skip
    _chf().set_val(("chargingFunctionRecord", record))
    return bytes(_chf().to_ber())


def in_file(records: list[bytes], *, sequence: int = 1, count: int | None = None,
            lost: int = 0) -> bytes:  # fmt: skip
    """A file of TS 32.297 around records."""
    body = b"".join(
        len(record).to_bytes(2) + bytes([0x60, 1 << 5 | 9]) + record for record in records
    )
    number = len(records) if count is None else count
    header = (
        bytes([0x60, 0x60]) + bytes(8) + number.to_bytes(4) + sequence.to_bytes(4) + b"\x00"
        + bytes(20) + bytes([lost]) + bytes(4)
    )  # fmt: skip
    length = 8 + len(header)
    return (length + len(body)).to_bytes(4) + length.to_bytes(4) + header + body


def _tap_stamp(text: str) -> dict[str, Any]:
    return {"localTimeStamp": text.encode(), "utcTimeOffsetCode": 0}


def tap_events() -> list[Any]:
    """A call, a short message, a session of data and a message."""
    subscriber = ("simChargeableSubscriber",
                  {"imsi": bcd("222011234567890"), "msisdn": bcd("393201234567")})  # fmt: skip
    used = [{
        "basicService": {"serviceCode": ("teleServiceCode", b"11")},
        "chargeInformationList": [{"chargedItem": b"D", "chargeDetailList": [
            {"chargeType": b"00", "charge": 12345, "chargeableUnits": 65},
            {"chargeType": b"01", "charge": 12345}]}],
    }]  # fmt: skip
    sms = [used[0] | {"basicService": {"serviceCode": ("teleServiceCode", b"22")}}]
    call = {
        "basicCallInformation": {
            "chargeableSubscriber": subscriber,
            "destination": {"calledNumber": bcd("4930123456"), "dialledDigits": b"030123456"},
            "callEventStartTimeStamp": _tap_stamp("20260105101500"),
            "totalCallEventDuration": 65},
        "locationInformation": {"networkLocation": {
            "recEntityCode": 0, "callReference": b"\x01\x02", "cellId": 7}},
        "basicServiceUsedList": used,
    }  # fmt: skip
    data = {
        "gprsBasicCallInformation": {
            "gprsChargeableSubscriber": {"chargeableSubscriber": subscriber},
            "gprsDestination": {"accessPointNameNI": b"internet"},
            "callEventStartTimeStamp": _tap_stamp("20260105120000"),
            "totalCallEventDuration": 3600, "chargingId": 777},
        "gprsServiceUsed": {
            "dataVolumeIncoming": 5_000_000, "dataVolumeOutgoing": 250_000,
            "chargeInformationList": [{"chargedItem": b"X", "chargeDetailList": [
                {"chargeType": b"00", "charge": 5250}]}]},
    }  # fmt: skip
    message = {
        "messagingEventService": 1, "chargedParty": {"imsi": bcd("222011234567890")},
        "eventReference": b"m1", "serviceStartTimestamp": _tap_stamp("20260105130000"),
        "nonChargedParty": {"nonChargedPartyNumber": bcd("393207654321")}, "charge": 900,
    }  # fmt: skip
    received = {
        "basicCallInformation": {
            "chargeableSubscriber": subscriber,
            "callOriginator": {"callingNumber": bcd("49301")},
            "callEventStartTimeStamp": _tap_stamp("20260105111500"),
            "totalCallEventDuration": 30},
        "basicServiceUsedList": used,
    }  # fmt: skip
    return [
        ("mobileOriginatedCall", call),
        ("mobileOriginatedCall", call | {"basicServiceUsedList": sms}),
        ("mobileTerminatedCall", received), ("gprsCall", data), ("messagingEvent", message),
    ]  # fmt: skip


def tap(events: list[Any] | None = None, *, sequence: int = 42, count: int | None = None) -> bytes:
    """A transfer batch."""
    from pycrate_asn1dir import TAP3

    details = tap_events() if events is None else events
    moment = {"localTimeStamp": b"20260106000000", "utcTimeOffset": b"+0100"}
    batch = {
        "batchControlInfo": {
            "sender": b"DEUD1", "recipient": b"ITASI", "fileSequenceNumber": b"%05d" % sequence,
            "fileCreationTimeStamp": moment, "specificationVersionNumber": 3,
            "releaseVersionNumber": 12},
        "accountingInfo": {"localCurrency": b"EUR", "tapCurrency": b"SDR", "tapDecimalPlaces": 3},
        "networkInfo": {"utcTimeOffsetInfo": [
            {"utcTimeOffsetCode": 0, "utcTimeOffset": b"+0100"}]},
        "callEventDetails": details,
        "auditControlInfo": {
            "totalCharge": 30840,
            "callEventDetailsCount": len(details) if count is None else count},
    }  # fmt: skip
    whole = TAP3.TAP_0312.DataInterChange
    whole.set_val(("transferBatch", batch))
    return bytes(whole.to_ber())


def tap_notification() -> bytes:
    """A file that tells that there is nothing to transfer."""
    from pycrate_asn1dir import TAP3

    moment = {"localTimeStamp": b"20260106000000", "utcTimeOffset": b"+0100"}
    whole = TAP3.TAP_0312.DataInterChange
    whole.set_val(("notification", {
        "sender": b"DEUD1", "recipient": b"ITASI", "fileSequenceNumber": b"00043",
        "fileCreationTimeStamp": moment, "transferCutOffTimeStamp": moment,
        "fileAvailableTimeStamp": moment, "specificationVersionNumber": 3,
        "releaseVersionNumber": 12,
    }))  # fmt: skip
    return bytes(whole.to_ber())


def tap_of_many(count: int) -> bytes:
    """A transfer batch of many events, its lengths told by end marks."""
    from pycrate_asn1dir import TAP3

    kind = TAP3.TAP_0312.CallEventDetail
    kind.set_val(tap_events()[0])
    event = bytes(kind.to_ber())
    whole = tap([])
    events = b"\x63\x00"
    assert whole.count(events) == 1
    before, after = whole.split(events)
    head = 1 + (1 if before[1] < 0x80 else 1 + before[1] % 0x80)
    return b"\x61\x80" + before[head:] + b"\x63\x80" + event * count + b"\0\0" + after + b"\0\0"
