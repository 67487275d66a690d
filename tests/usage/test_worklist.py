"""Rejects as work: groups with what is at stake, mending the cause, what waits for an owner."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from billing.world import FIRST, bill, charged, set_up
from typer.testing import CliRunner

from meterline.cli import app
from meterline.platform import clock
from meterline.platform.models import AuditEntry
from meterline.subscriptions import services as subscriptions
from meterline.usage import jobs, services, waiting, worklist
from meterline.usage.models import Batch, Reject

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
HEADER = "id,meter,identifier,subscription,start,quantity,mb\n"
MAPPING = """
columns: {id: id, of: subscription, at: start, mb: mb}
constants: {meter: data}
checks: [{column: mb, at_most: 10}]
"""


@pytest.fixture(autouse=True)
def operator(home: Path) -> None:
    set_up()
    clock.move_to(NOW)


def load(folder: Path, *lines: str) -> Batch:
    path = folder / f"{len(lines)}-{lines[0][:4]}.csv"
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return services.load_file(path)


def test_groups_tell_what_is_missing_and_what_it_would_come_to(tmp_path: Path) -> None:
    load(
        tmp_path, "1,data,555,,2026-01-05T10:00:00Z,,12", "2,data,555,,2026-01-06T10:00:00Z,,8",
        "3,data,,s9,2026-01-05T10:00:00Z,,12", "4,water,,s1,2026-01-05T10:00:00Z,,1",
        "5,data,,s1,2026-01-05T10:00:00Z,,30", "6,data,,s1,yesterday,,30",
    )  # fmt: skip
    found = {(one.reason, one.missing): one for one in worklist.groups()}
    assert set(found) == {
        ("unknown_identifier", "555"), ("unknown_identifier", "s9"), ("unknown_meter", "water"),
        ("invalid_time", "start is no date and time (ISO 8601)"),
    }  # fmt: skip
    number = found["unknown_identifier", "555"]
    assert (number.count, number.meter, number.how) == (2, "data", "plan")
    assert number.plan == "small"  # which two of three subscriptions have
    assert number.stake == (("EUR", Decimal("0.22")),)  # 20 MB at 0.011
    assert found["unknown_meter", "water"].stake == ()
    late = found["invalid_time", "start is no date and time (ISO 8601)"]
    assert (late.how, late.count) == ("average", 1)
    assert late.stake == (("EUR", Decimal("0.33")),)  # as the 30 MB of the one that was rated
    assert worklist.ids_of("unknown_identifier", "555") == [
        row.pk for row in Reject.objects.filter(record__identifier="555").order_by("-pk")
    ]


def test_records_are_estimated_together_as_one_customers(tmp_path: Path) -> None:
    load(
        tmp_path, *(f"{n},calls,555,,2026-01-0{n}T10:00:00Z,," for n in range(1, 5)),
        *(f"d{n},data,555,,2026-01-0{n}T10:00:00Z,,30" for n in range(1, 3)),
    )  # fmt: skip
    one = worklist.group("unknown_identifier", "555")
    assert one is not None
    # two packages of three calls; of 60 MB 50 at 0.011, and 10 at 0.007 and 0.50 more
    assert one.stake == (("EUR", Decimal("0.70") + Decimal("0.55") + Decimal("0.57")),)


def test_usage_of_an_unknown_number_waits_for_its_owner(tmp_path: Path) -> None:
    load(
        tmp_path, "1,data,555,,2026-01-05T10:00:00Z,,12", "2,data,555,,2026-01-25T10:00:00Z,,8",
        "3,data,556,,2026-01-05T10:00:00Z,,12",
    )  # fmt: skip
    jobs.recycle_owned(0)
    assert Reject.objects.filter(state="open").count() == 3
    subscriptions.add_identifier("s1", "msisdn", "555", datetime(2026, 1, 10, tzinfo=UTC))
    jobs.recycle_owned(0)
    assert sorted(row.record["id"] for row in services.rejects()) == ["1", "3"]
    made = Batch.objects.latest("pk")
    assert (made.format, made.rated) == ("recycle", 1)
    entry = AuditEntry.objects.filter(action="usage.recycle").latest("pk")
    assert entry.actor == "system:worker"
    assert entry.after is not None
    assert "owner" in entry.after["why"]
    assert waiting.recycle_owned() is None


def test_a_bill_run_sees_usage_whose_owner_is_just_known(tmp_path: Path) -> None:
    load(tmp_path, "1,data,555,,2026-01-25T10:00:00Z,,8")
    subscriptions.add_identifier("s1", "msisdn", "555", datetime(2026, 1, 10, tzinfo=UTC))
    bill(date(2026, 2, 1))
    assert [row[1] for row in charged("usage")] == ["data"]


def test_a_number_that_is_ported_late_goes_to_who_had_it_then(tmp_path: Path) -> None:
    subscriptions.add_identifier("s1", "msisdn", "555", FIRST)
    subscriptions.end_identifier("555", datetime(2026, 1, 10, tzinfo=UTC))
    load(tmp_path, "1,data,555,,2026-01-05T10:00:00Z,,1", "2,data,555,,2026-01-20T10:00:00Z,,1")
    assert [row.reason for row in services.rejects()] == ["inactive_subscription"]
    subscriptions.add_identifier("s2", "msisdn", "555", datetime(2026, 1, 15, tzinfo=UTC))
    made = waiting.recycle_owned()
    assert made is not None
    assert (made.rated, services.rejects()) == (1, [])


def test_a_field_is_edited_with_audit_and_tried_later(tmp_path: Path) -> None:
    load(tmp_path, "1,data,s1?,,2026-01-05T10:00:00Z,,12")
    (row,) = services.rejects()
    done = CliRunner().invoke(
        app, ["usage", "reject", "edit", str(row.pk), "--set", "subscription=s1",
              "--set", "identifier="],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    row.refresh_from_db()
    assert (row.state, row.record.get("subscription"), "identifier" in row.record) == (
        "open", "s1", False,
    )  # fmt: skip
    entry = AuditEntry.objects.get(action="usage.reject_edit")
    assert (entry.before, entry.after) == (
        {"subscription": None, "identifier": "s1?"}, {"subscription": "s1", "identifier": None},
    )  # fmt: skip
    made = services.recycle()
    assert made is not None
    assert made.rated == 1


def test_what_a_check_refuses_is_kept_whole_and_tried_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(MAPPING)
    (tmp_path / "u.csv").write_text(
        "id,of,at,mb\n1,s1,2026-01-05T10:00:00Z,3\n2,s1,2026-01-05T11:00:00Z,30\n"
    )
    batch = services.load_file(tmp_path / "u.csv", mapping=tmp_path / "map.yaml")
    assert (batch.rated, batch.rejected) == (1, 1)
    (row,) = services.rejects()
    assert row.record["mb"] == "30"
    assert services.recycle() is None
    done = CliRunner().invoke(app, ["usage", "recycle", "--reason", "check"])
    assert "1 rated" in done.output
    assert services.rejects() == []


def test_the_command_lists_the_groups(tmp_path: Path) -> None:
    load(tmp_path, "1,data,555,,2026-01-05T10:00:00Z,,12")
    shown = CliRunner().invoke(app, ["usage", "rejects", "--by-reason", "--json"])
    (told,) = json.loads(shown.output)
    assert (told["reason"], told["missing"], told["count"]) == ("unknown_identifier", "555", 1)
    assert "555" in CliRunner().invoke(app, ["usage", "rejects", "--by-reason"]).output
    subscriptions.add_identifier("s1", "msisdn", "555", FIRST)
    again = CliRunner().invoke(
        app, ["usage", "recycle", "--reason", "unknown_identifier", "--missing", "555"]
    )
    assert "1 rated" in again.output
