"""Loading files: what becomes of good and bad records, of files twice, of rejects and mistakes."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from billing.world import BILLED, FIRST, bill, charged, rows, set_up, totals
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.platform import clock
from meterline.subscriptions import services as subscriptions
from meterline.usage import services
from meterline.usage.errors import (
    BatchNotBackedOut,
    UnknownBatch,
    UnknownRecord,
    UnknownRejects,
    UsageFileError,
)
from meterline.usage.formats import csv as canonical
from meterline.usage.models import Batch, Reject

pytestmark = pytest.mark.django_db

HEADER = "id,meter,subscription,start,duration,quantity,mb\n"
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def operator(home: Path) -> None:
    set_up()
    clock.move_to(NOW)


def write(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def counts(batch: Batch) -> tuple[int, int, int, int]:
    return batch.records, batch.rated, batch.rejected, batch.duplicates


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,data,s1,2026-01-05T10:00:00Z,,,12", None),
        ("1,data,s1,2026-01-05T10:00:00+01:00,,7,", None),
        ("1,data,s1,2026-01-05 10:00:00,,7,", None),
        ("1,data,s1,2026-01-05,,1e2,", None),
        ("1,calls,s1,2026-01-05T10:00:00.123456Z,60,,", None),
        ("1,,s1,2026-01-05T10:00:00Z,,,12", "malformed"),
        ("1,data,,2026-01-05T10:00:00Z,,,12", "malformed"),
        ("1,data,s1,,,,12", "malformed"),
        ("1,data,s9,2026-01-05T10:00:00Z,,,12", "unknown_identifier"),
        ("1,data,s1,2025-12-05T10:00:00Z,,,12", "inactive_subscription"),
        ("1,water,s1,2026-01-05T10:00:00Z,,,12", "unknown_meter"),
        ("1,data,s1,2026-01-05T10:00:00Z,,,", "invalid_quantity"),
        ("1,data,s1,2026-01-05T10:00:00Z,,,-3", "invalid_quantity"),
        ("1,data,s1,2026-01-05T10:00:00Z,,-3,", "invalid_quantity"),
        ("1,data,s1,2026-01-05T10:00:00Z,,NaN,", "invalid_quantity"),
        ("1,data,s1,2026-01-05T10:00:00Z,,1e400,", "invalid_quantity"),
        ("1,data,s1,2026-01-05T10:00:00Z,,inf,", "invalid_quantity"),
        ("1,data,s1,2026-01-05T10:00:00Z,,twelve,", "invalid_quantity"),
        ("1,data,s1,2026-01-05T10:00:00Z,-5,7,", "invalid_quantity"),
        ("1,data,s1,2026-01-05T10:00:00Z,1e400,7,", "invalid_quantity"),
        ("1,data,s1,10000-01-05T10:00:00Z,,,12", "invalid_time"),
        ("1,data,s1,2026-02-30T10:00:00Z,,,12", "invalid_time"),
        ("1,data,s1,1969-01-05T10:00:00Z,,,12", "invalid_time"),
        ("1,data,s1,2026-02-03T10:00:00Z,,,12", "invalid_time"),
        ("1,data,s1,yesterday,,,12", "invalid_time"),
        ('1,data,"s1,2026-01-05T10:00:00Z,,,12', "malformed"),
        ('1,data,s"1,2026-01-05T10:00:00Z,,,12', "malformed"),
        ("1,data,s1,2026-01-05T10:00:00Z", "malformed"),
        ("1,data,s1,2026-01-05T10:00:00Z,,,12,more", "malformed"),
        ("1,data,s1,2026-01-05T10:00:00Z,,,1\0002", "malformed"),
    ],
)
def test_what_becomes_of_a_record(tmp_path: Path, line: str, reason: str | None) -> None:
    batch = services.load_file(write(tmp_path / "u.csv", line))
    found = Reject.objects.first()
    if reason is None:
        assert (counts(batch), found) == ((1, 1, 0, 0), None)
    else:
        assert counts(batch) == (1, 0, 1, 0)
        assert found is not None
        assert (found.reason, found.line, found.file_name) == (reason, 2, "u.csv")


def test_usage_after_the_end_and_in_a_pause(tmp_path: Path) -> None:
    subscriptions.cancel("s1", datetime(2026, 1, 10, tzinfo=UTC))
    subscriptions.pause("s2", datetime(2026, 1, 10, tzinfo=UTC))
    lines = [
        f"{s}-{d},calls,{s},2026-01-{d}T10:00:00Z,,," for s in ("s1", "s2") for d in ("09", "12")
    ]
    batch = services.load_file(write(tmp_path / "u.csv", *lines))
    assert counts(batch) == (4, 2, 2, 0)
    assert [row.reason for row in services.rejects()] == ["inactive_subscription"] * 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no format knows it"),
        (b"meter;subscription;start\n", "no format knows it"),
        (b"meter,start\n1,2\n", "no format knows it"),
        (b"meter,meter,subscription,start\n", "names meter twice"),
        (b"meter,subscription,start,\n", "without a name"),
        (b"line,meter,subscription,start\n", "column `line`"),
        (gzip.compress(HEADER.encode() * 5000, mtime=0)[:-20], "cut off"),
        (gzip.compress(HEADER.encode() * 50, mtime=0)[:-8] + bytes(8), "damaged"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "u.csv"
    path.write_bytes(content)
    with pytest.raises(UsageFileError, match=words):
        services.load_file(path)
    assert not Batch.objects.exists()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageFileError, match="No such file"):
        services.load_file(tmp_path / "u.csv")


def test_a_huge_field_and_other_encodings_are_rejects_of_their_lines(tmp_path: Path) -> None:
    good = "g{},data,s1,2026-01-05T10:00:00Z,,,12\n"
    path = tmp_path / "u.csv"
    path.write_bytes(
        HEADER.encode() + good.format(1).encode()
        + b"h,data," + b"s" * 10_000_000 + b",2026-01-05T10:00:00Z,,,12\n"
        + "ü,data,s1,2026-01-05T10:00:00Z,,,12\n".encode("latin-1")
        + "ü,data,s1,2026-01-05T10:00:00Z,,,12\n".encode()
        + good.format(2).encode().rstrip(b"\n")
    )  # fmt: skip
    batch = services.load_file(path)
    assert counts(batch) == (5, 3, 2, 0)
    assert [(row.line, row.detail.split(";")[0]) for row in services.rejects()] == [
        (3, "a line of 10,000,033 bytes"), (4, "not UTF-8"),
    ]  # fmt: skip


def test_quoted_fields_may_hold_commas_quotes_and_line_breaks(tmp_path: Path) -> None:
    path = write(
        tmp_path / "u.csv", '"a, ""b""\nc",data,s1,2026-01-05T10:00:00Z,,,12',
        "bad", "2,data,s1,2026-01-05T10:00:00Z,,,12",
    )  # fmt: skip
    assert counts(services.load_file(path)) == (3, 2, 1, 0)
    assert services.rejects()[0].line == 4


def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "u.csv", "1,data,s1,2026-01-05T10:00:00Z,,,12", "2,data,s9,x,,,1")
    first = services.load_file(path)
    again = services.load_file(path)
    assert (first.pk, Batch.objects.count(), Reject.objects.count()) == (again.pk, 1, 1)


def test_a_record_counts_once_whichever_file_brings_it(tmp_path: Path) -> None:
    line = "1,data,s1,2026-01-05T10:00:00Z,,,12"
    one = services.load_file(write(tmp_path / "a.csv", line, line))
    other = services.load_file(write(tmp_path / "b.csv", "2,data,s1,2026-01-06,,,1", line))
    assert (counts(one), counts(other)) == ((2, 1, 0, 1), (2, 1, 0, 1))
    assert [row[4:] for row in totals()] == [(2, 13)]


def test_records_without_an_id(tmp_path: Path) -> None:
    header = "meter,subscription,start,mb\n"
    line = "data,s1,2026-01-05T10:00:00Z,12"
    path = write(tmp_path / "u.csv", line, line, "data,s1,2026-01-05T11:00:00Z,12", header=header)
    assert counts(services.load_file(path)) == (3, 2, 0, 1)


def test_rejects_are_recycled_once_their_cause_is_mended(tmp_path: Path) -> None:
    header = "id,meter,identifier,start,mb\n"
    lines = ["1,data,55,2026-01-05T10:00:00Z,12", "2,data,s1?,2026-01-05T10:00:00Z,5"]
    services.load_file(write(tmp_path / "u.csv", *lines, header=header))
    subscriptions.add_identifier("s1", "msisdn", "55", FIRST)
    batch = services.recycle()
    assert batch is not None
    assert counts(batch) == (2, 1, 1, 0)
    (left,) = services.rejects()
    assert (left.file_name, left.line, left.record["identifier"]) == ("u.csv", 3, "s1?")
    mended = services.recycle([left.pk], changes={"identifier": "55"})
    assert mended is not None
    assert counts(mended) == (1, 1, 0, 0)
    assert services.recycle() is None
    assert [row[4:] for row in totals()] == [(2, 17)]


def test_rejects_may_be_given_up(tmp_path: Path) -> None:
    services.load_file(write(tmp_path / "u.csv", "1,data,s9,2026-01-05,,,1"))
    (reject,) = services.rejects()
    assert services.discard([reject.pk]) == 1
    assert (services.rejects(), len(services.rejects(state="discarded"))) == ([], 1)
    with pytest.raises(UnknownRejects):
        services.discard([reject.pk])


def test_a_batch_backed_out_may_come_again(tmp_path: Path) -> None:
    path = write(tmp_path / "u.csv", "1,data,s1,2026-01-05T10:00:00Z,,,12")
    first = services.load_file(path)
    made = services.back_out(first.pk)
    assert totals() == []
    with pytest.raises(BatchNotBackedOut):
        services.back_out(first.pk)
    with pytest.raises(BatchNotBackedOut):
        services.back_out(made.pk)
    with pytest.raises(UnknownBatch):
        services.back_out(10**9)
    assert counts(services.load_file(path)) == (1, 1, 0, 0)
    assert [row[4:] for row in totals()] == [(1, 12)]


def test_a_record_is_reversed_for_good(tmp_path: Path) -> None:
    line = "1,data,s1,2026-01-05T10:00:00Z,,,12"
    services.load_file(write(tmp_path / "a.csv", line, "2,data,s1,2026-01-06,,,1"))
    services.reverse("1")
    assert [row[4:] for row in totals()] == [(1, 1)]
    again = services.load_file(write(tmp_path / "b.csv", line))
    assert counts(again) == (1, 0, 0, 1)
    with pytest.raises(UnknownRecord):
        services.reverse("never")


def test_a_change_of_plan_rates_what_came_before_it_anew(tmp_path: Path) -> None:
    lines = [f"{d},calls,s1,2026-01-{d}T10:00:00Z,,," for d in ("05", "15", "25")]
    batch = services.load_file(write(tmp_path / "u.csv", *lines))
    bill(BILLED[0])
    before = charged("usage")
    subscriptions.change("s1", "large", datetime(2026, 1, 10, 8, tzinfo=UTC), when="now")
    assert [(row[2], row[4]) for row in totals()] == [("large", 2), ("small", 1)]
    bill(BILLED[0])
    after = charged("usage")
    assert [row[4] for row in before] != [row[4] for row in after]
    services.back_out(batch.pk)
    bill(BILLED[0])
    assert (totals(), charged("usage")) == ([], [])


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_line_is_lost_however_a_file_is_mangled(tmp_path: Path, data: st.DataObject) -> None:
    """Decoding alone: lines = records + rejects, for files without line breaks within quotes."""
    lines = [f"{n},data,s1,2026-01-05T10:00:00Z,,,{n}".encode() for n in range(8)]
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(lines) - 1))
        cut = data.draw(st.integers(0, len(lines[at])))
        noise = data.draw(st.binary(min_size=1, max_size=6).filter(lambda b: b"\n" not in b))
        lines[at] = lines[at][:cut] + noise.replace(b'"', b"'") + lines[at][cut:]
    path = tmp_path / "m.csv"
    path.write_bytes(HEADER.encode() + b"\n".join(lines) + b"\n")
    parts = list(canonical.decode(path))
    records, rejects = (
        sum(getattr(part, name).height for part in parts) for name in ("records", "rejects")
    )
    numbers = sorted(
        number
        for part in parts
        for frame in (part.records, part.rejects)
        for number in frame["line"]
    )
    assert records + rejects == 8
    assert numbers == list(range(2, 10))


def test_control_counts_of_every_batch_add_up() -> None:
    assert rows(
        "SELECT id FROM usage_batch WHERE records <> rated + rejected + duplicates"
    ) == []  # fmt: skip


def test_properties_may_have_any_name(tmp_path: Path) -> None:
    names = [
        "account_id", "price_id", "row", "timezone", "season", "file_name", "file_line",
        "origin", "duration_us", "local", "amount", "denominator", "key0",
    ]  # fmt: skip
    mine = ",".join(names)
    file = write(
        tmp_path / "names.csv",
        f"1,data,s1,2026-01-05T10:00:00Z,12,{mine}",
        f"2,data,s9,2026-01-05T10:00:00Z,12,{mine}",
        header=f"id,meter,subscription,start,mb,{mine}\n",
    )
    assert counts(services.load_file(file)) == (2, 1, 1, 0)
    reject = Reject.objects.get()
    assert (reject.file_name, reject.line) == ("names.csv", 3)
    assert {name: reject.record[name] for name in names} == {name: name for name in names}
