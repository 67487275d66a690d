"""Records as pycrate writes and reads them are read alike; files around them are checked."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usage.formats import written
from usage.formats.samples import decoded, told

from meterline.usage import blocks, cdr, formats
from meterline.usage.ber import BadRecord, element, plan_of, read
from meterline.usage.cdr import digits, instant, network, number_of
from meterline.usage.cdr import told as told_as
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import tap3


def test_numbers_and_times() -> None:
    assert digits(written.packed("222011234567890")) == "222011234567890"
    assert digits(b"") is None
    assert number_of(b"\x91" + written.packed("4912")) == "4912"
    assert (network(b"\x22\xf2\x10"), network(b"\x13\x00\x14")) == ("22201", "310410")
    assert told_as(instant(written.stamp("260105100000", "-0530"))) == "2026-01-05T15:30:00Z"
    for octets in (b"", b"\x26" * 9, written.stamp("261305100000"), b"\xff" * 6 + b"+\xff\xff"):
        with pytest.raises(BadRecord, match="is no time"):
            instant(octets)


@settings(max_examples=100)
@given(
    up=st.integers(0, 2**40), down=st.integers(0, 2**40), group=st.integers(0, 2**32 - 1),
    imsi=st.text("0123456789", min_size=5, max_size=15),
    apn=st.text("abc.", min_size=1, max_size=60),
)  # fmt: skip
def test_what_pycrate_writes_is_read_as_pycrate_reads_it(
    up: int, down: int, group: int, imsi: str, apn: str
) -> None:
    service = written.pgw()["listOfServiceData"][0] | {
        "datavolumeFBCUplink": up, "datavolumeFBCDownlink": down, "ratingGroup": group,
    }  # fmt: skip
    record = written.pgw(
        servedIMSI=written.packed(imsi), accessPointNameNI=apn, listOfServiceData=[service]
    )
    data = written.gprs("pGWRecord", record)
    names = ("servedIMSI", "accessPointNameNI", "p-GWAddress", "duration", "recordOpeningTime")
    inner = ("datavolumeFBCUplink", "datavolumeFBCDownlink", "ratingGroup", "timeOfFirstUsage")
    wanted = {**{name: {} for name in names}, "listOfServiceData": {name: {} for name in inner}}
    plan = plan_of(written.gprs_type(), {"pGWRecord": wanted})
    key, constructed, at, end, after = element(data, 0, len(data))
    assert after == len(data)
    found = read((plan.choice or {})[key][1], data, at, end, constructed)
    kind, theirs = written.gprs_values(data)
    (their_service,) = theirs["listOfServiceData"]
    assert kind == "pGWRecord"
    assert found == {
        **{name: theirs[name] for name in names},
        "listOfServiceData": [{name: their_service[name] for name in inner}],
    }


def indefinite(data: bytes) -> bytes:
    """A record whose outermost length is told by an end mark."""
    key, _, at, end, _ = element(data, 0, len(data))
    tag = 2 if data[0] & 0x1F == 0x1F and data[1] < 0x80 else 3
    assert key
    return data[:tag] + b"\x80" + data[at:end] + b"\0\0"


def test_lengths_that_are_told_by_an_end_mark(tmp_path: Path) -> None:
    plain = written.gprs("pGWRecord", written.pgw())
    path = tmp_path / "cdr"
    path.write_bytes(indefinite(plain) + plain)
    rows = told(decoded(path, "gprs_cdr"))["records"]
    assert [row["line"] for row in rows] == [1, 1, 2, 2]
    assert rows[0] | {"line": 2} == rows[2]


def test_files_of_records_that_are_damaged(tmp_path: Path) -> None:
    whole = written.in_file([written.gprs("pGWRecord", written.pgw())])
    header = 52  # octets before the first record's own header
    path = tmp_path / "cdr"
    for data, words in (
        (whole[:-5], "cut off"),
        (whole[:header] + b"\xff\xff" + whole[header + 2 :], "cut off"),
        (whole[: header + 3] + b"\x49" + whole[header + 4 :], "encoding 2"),
    ):
        path.write_bytes(data)
        with pytest.raises(UsageFileError, match=words):
            decoded(path, "gprs_cdr")


def test_what_a_file_of_records_tells(tmp_path: Path) -> None:
    path = tmp_path / "cdr"
    path.write_bytes(written.in_file([written.chf()], sequence=9, count=3, lost=0x82))
    control = decoded(path, "chf_cdr").control
    assert control is not None
    assert [(claim.what, claim.holds) for claim in control.claims] == [
        ("records", False), ("octets", True),
    ]  # fmt: skip
    assert control.remarks == ("the network lost 2 records before",)
    assert formats.recognise(path) == "chf_cdr"


def test_records_of_other_kinds_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "cdr"
    path.write_bytes(b"\xb4\x03\x80\x01\x12" + written.gprs("sGWRecord", written.sgw()))
    made = decoded(path, "gprs_cdr")
    assert (made.left_out, made.records["line"].to_list()) == (1, [2])
    path.write_bytes(written.chf(listOfMultipleUnitUsage=[]))
    assert decoded(path, "chf_cdr").left_out == 1


def test_tap_batches_that_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "tap"
    path.write_bytes(written.tap(count=7))
    control = decoded(path, "tap3").control
    assert control is not None
    assert [claim.holds for claim in control.claims] == [False]
    whole = written.tap()
    for data, words in ((whole[:-9], "cut off"), (whole + b"x", "after the end")):
        path.write_bytes(data)
        with pytest.raises(UsageFileError, match=words):
            decoded(path, "tap3")


def test_a_tap_notification_is_a_file_without_records(tmp_path: Path) -> None:
    path = tmp_path / "tap"
    path.write_bytes(written.tap_notification())
    assert formats.recognise(path) == "tap3"
    made = decoded(path, "tap3")
    assert made.records.is_empty()
    assert made.control is not None
    assert (made.control.sequence, made.control.stream) == (43, "DEUD1>ITASI")


def test_tap_events_without_an_offset_are_rejects(tmp_path: Path) -> None:
    event: Any = written.tap_events()[4]
    event[1]["serviceStartTimestamp"]["utcTimeOffsetCode"] = 5
    path = tmp_path / "tap"
    path.write_bytes(written.tap([event]))
    (reject,) = told(decoded(path, "tap3"))["rejects"]
    assert "no time with an offset" in reject["detail"]


@pytest.mark.parametrize("name", ["gprs_cdr", "tap3"])
def test_memory_stays_flat(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdr, "_CHUNK", 200)
    monkeypatch.setattr(tap3, "_CHUNK", 200)
    monkeypatch.setattr(blocks, "_READ", 1 << 14)
    event = written.gprs("pGWRecord", written.pgw())

    def most(count: int) -> int:
        path = tmp_path / f"{name}-{count}"
        path.write_bytes(written.tap_of_many(count) if name == "tap3" else event * count)
        tracemalloc.start()
        found = sum(chunk.records.height for chunk in formats.decode(path, format=name))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found >= count
        return peak

    most(10)  # loads the types
    assert most(3000) < 1 << 20  # all of them at once would be 5 MiB and more
