"""Frames in and out of the database, events, audit, files, the clock, the doctor."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from queue import SimpleQueue

import polars as pl
import pytest
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline import doctor
from meterline.platform import ahead, audit, clock, events, files, migrate
from meterline.platform.database import read_frame, write_frame
from meterline.platform.instants import InvalidInstant, parse_date, parse_date_or_instant
from meterline.platform.models import AuditEntry, Event
from meterline.usage import services as usage

pytestmark = pytest.mark.django_db

SCHEMA = {
    "text": pl.String,
    "number": pl.Decimal(38, 10),
    "whole": pl.Int64,
    "at": pl.Datetime("us", "UTC"),
    "day": pl.Date,
    "flag": pl.Boolean,
}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20),
            st.none() | st.decimals("-99999999", "99999999", places=10),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none()
            | st.datetimes(datetime(1, 1, 2), datetime(9999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
            st.none() | st.dates(),
            st.none() | st.booleans(),
        ),
        max_size=6,
    )
)
def test_frames_come_back_as_they_went(db: None, rows: list[tuple]) -> None:
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMP TABLE probe (text text, number numeric, whole bigint, at timestamptz,"
                " day date, flag boolean)"
            )
        write_frame("probe", frame)
        again = read_frame("SELECT * FROM probe", schema=SCHEMA)
        times = 600  # more than is read as a few rows
        many = read_frame(f"SELECT p.* FROM probe p, generate_series(1, {times})", schema=SCHEMA)
        transaction.set_rollback(True)
    assert again.equals(frame)
    assert many.unique().sort(pl.all()).equals(frame.unique().sort(pl.all()))
    assert many.height == times * frame.height


def test_events_stand_or_fall_with_their_transaction() -> None:
    with transaction.atomic():
        events.emit("thing.done", "thing:1", {"a": 1})
        events.emit_many(
            "thing.done", pl.DataFrame({"subject": ["thing:2"], "payload": ['{"a": 2}']})
        )
        seen = list(Event.objects.order_by("id").values_list("subject", "payload"))
        transaction.set_rollback(True)
    assert seen[-2:] == [("thing:1", {"a": 1}), ("thing:2", {"a": 2})]
    assert not Event.objects.filter(name="thing.done").exists()


def test_the_audit_log_says_who_and_cannot_be_changed() -> None:
    with audit.acting_as("clerk@example.com"):
        audit.record("price.changed", "price:1", before={"amount": "1"}, after={"amount": "2"})
    entry = AuditEntry.objects.latest("id")
    assert (entry.actor, entry.before, entry.after) == (
        "clerk@example.com", {"amount": "1"}, {"amount": "2"},
    )  # fmt: skip
    for act in (AuditEntry.objects.all().delete, lambda: AuditEntry.objects.update(actor="x")):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def fails(path: Path) -> None:
        path.write_text("half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        files.write_whole(tmp_path / "a", fails)
    assert list(tmp_path.iterdir()) == []
    files.write_bytes(tmp_path / "a", b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_the_clock_can_be_moved() -> None:
    moment = datetime(2020, 2, 29, 12, tzinfo=UTC)
    clock.move_to(moment)
    assert clock.now() == moment
    clock.move_to(None)
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5


@pytest.mark.parametrize("text", ["2026-02-30", "soon", "", "2026-13-01T00:00:00"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(InvalidInstant):
        parse_date_or_instant(text)
    with pytest.raises(InvalidInstant):
        parse_date(text)


def test_what_is_a_date() -> None:
    assert parse_date_or_instant("2026-03-01") == date(2026, 3, 1)
    assert parse_date_or_instant("2026-03-01T10:00") == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_working_ahead_keeps_order_and_errors() -> None:
    assert list(ahead.ahead(range(5))) == [0, 1, 2, 3, 4]

    def broken() -> object:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(ahead.ahead(broken()))


def findings(*, repair: bool = False) -> dict[str, doctor.Finding]:
    return {one.check: one for one in doctor.examine(repair=repair)}


def test_the_doctor_finds_a_sound_installation(home: Path) -> None:
    found = findings()
    assert {one.state for one in found.values()} == {"good"}
    assert "PostgreSQL" in found["database"].text


def test_the_doctor_finds_and_removes_orphans(home: Path) -> None:
    (files.folder("usage") / "left-over").mkdir()
    assert findings()["usage files"].state == "note"
    assert [path.name for path in usage.orphans()] == ["left-over"]
    assert findings(repair=True)["usage files"].state == "good"
    assert usage.orphans() == []


def test_the_doctor_says_what_is_not_as_usual(home: Path) -> None:
    from meterline.billing.models import BillRun

    clock.move_to(datetime(2020, 1, 1, tzinfo=UTC))
    BillRun.objects.create(
        until="2026-01-01", started_at=clock.now(), chunk_size=1, chunks=2, accounts=2
    )
    found = findings()
    assert (found["clock"].state, found["bill runs"].state) == ("note", "note")
    assert "bill resume" in found["bill runs"].advice


def test_money_has_the_decimals_of_its_currency() -> None:
    from meterline.kernel.money import decimals, round_amount

    assert [decimals(code) for code in ("EUR", "JPY", "KWD")] == [2, 0, 3]
    assert round_amount(Decimal("2.5"), "JPY") == 3


def test_migrations_make_the_tables_that_the_models_describe() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_a_server_that_hangs_up_is_told_as_such() -> None:
    pids: SimpleQueue[int] = SimpleQueue()
    hung_up = threading.Event()

    def read_after() -> None:  # a thread has a connection of its own
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.put(cursor.fetchone()[0])
            hung_up.wait()
            for _ in range(2):  # when it is noticed, and when it is known
                with pytest.raises(OperationalError):
                    read_frame("SELECT 1", schema={"one": pl.Int64})
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(read_after)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pids.get(timeout=30)])
        hung_up.set()
        reading.result()


def test_a_migration_that_is_not_applied_is_pending() -> None:
    assert migrate.pending() == []
    recorder = MigrationRecorder(connection)
    last = max(name for label, name in recorder.applied_migrations() if label == "platform")
    recorder.record_unapplied("platform", last)
    assert migrate.pending() == [f"platform.{last}"]
