"""Records that come later than their source may: they wait for somebody to accept them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from billing.world import set_up

from meterline.platform import clock
from meterline.platform.models import AuditEntry
from meterline.usage import services
from meterline.usage.errors import LateRejects, UnknownRejects
from meterline.usage.models import Batch, Reject
from meterline.usage.sources import set_source

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
HEADER = "id,meter,subscription,start,mb\n"
LINES = (
    "old,data,s1,2026-01-22T11:59:59Z,12",
    "edge,data,s1,2026-01-22T12:00:00Z,12",
    "local,data,s1,2026-01-22T12:30:00,12",  # in Rome, so 11:30 UTC
    "new,data,s1,2026-02-01T10:00:00Z,12",
    "nobody,data,s9,2026-01-05T10:00:00Z,12",
)


@pytest.fixture(autouse=True)
def operator(home: Path) -> None:
    set_up()
    clock.move_to(NOW)
    set_source("switch", late_days=10)


def load(folder: Path, *lines: str, source: str = "switch", name: str = "u.csv") -> Batch:
    path = folder / name
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return services.load_file(path, source=source)


def refused() -> dict[int, str]:
    return {row.line: row.reason for row in services.rejects()}


def test_older_records_go_to_review(tmp_path: Path) -> None:
    batch = load(tmp_path, *LINES)
    assert (batch.records, batch.rated, batch.rejected) == (5, 2, 3)
    assert refused() == {2: "too_late", 4: "too_late", 6: "unknown_identifier"}
    assert "2026-01-22 12:00 UTC" in Reject.objects.get(line=2).detail
    other = load(tmp_path, *LINES, source="other", name="o.csv")
    assert (other.rated, other.rejected, other.duplicates) == (2, 1, 2)


def test_a_late_record_that_was_rated_before_is_a_duplicate(tmp_path: Path) -> None:
    load(tmp_path, LINES[0], source="other")
    again = load(tmp_path, LINES[0])
    assert (again.rejected, again.duplicates) == (0, 1)


def test_they_are_accepted_and_that_is_on_record(tmp_path: Path) -> None:
    load(tmp_path, *LINES)
    late = list(Reject.objects.filter(reason="too_late").values_list("pk", flat=True))
    with pytest.raises(LateRejects):
        services.recycle([late[0]])
    with pytest.raises(UnknownRejects):
        services.accept_late([Reject.objects.get(line=6).pk])
    recycled = services.recycle()
    assert recycled is not None
    assert (recycled.records, recycled.rejected) == (1, 1)  # the one of nobody
    accepted = services.accept_late()
    assert accepted is not None
    assert (accepted.records, accepted.rated) == (2, 2)
    assert AuditEntry.objects.get(action="usage.accept_late").after["rejects"] == late
    assert services.accept_late() is None
    assert load(tmp_path, *LINES[:4], name="again.csv").duplicates == 4


def test_what_waited_for_its_owner_may_be_old_by_then(tmp_path: Path) -> None:
    load(tmp_path, "lost,data,s9,2026-01-31T10:00:00Z,12")
    clock.move_to(datetime(2026, 3, 1, tzinfo=UTC))
    made = services.recycle(changes={"subscription": "s1"})
    assert made is not None
    assert made.rated == 1
