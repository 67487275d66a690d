"""A record counts once: the same events in random parts, over HTTP and in files, twice, by
processes that know nothing of each other."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from billing.world import rows, set_up, undone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.platform import clock
from meterline.usage import known, receipts, received, services
from meterline.usage.bodies import LINES, lines_of
from meterline.usage.models import Batch, Receipt

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
EVENTS = [
    {"id": f"r{n}", "meter": "data" if n % 3 else "calls", "subscription": f"s{n % 3 + 1}",
     "start": f"2026-01-{n % 27 + 2:02}T10:00:00Z", "mb": str(n % 7)}
    for n in range(24)
]  # fmt: skip
PARTS = st.lists(
    st.tuples(
        st.sampled_from(["file", "http", "http, loaded at once"]),
        st.lists(st.integers(0, len(EVENTS) - 1), min_size=1, max_size=16),
        st.booleans(),  # whether a new process comes after it
    ),
    max_size=6,
)


def totals() -> list[tuple[object, ...]]:
    return rows(
        "SELECT subscription_id, price_id, period_start, sum(events), sum(quantity), sum(amount)"
        " FROM usage_total GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )


def deliver(way: str, numbers: list[int], path: Path) -> None:
    text = "".join(f"{json.dumps(EVENTS[number])}\n" for number in numbers)
    if way == "file":
        path.write_text(text)
        services.load_file(path)
        return
    lines = lines_of(text.encode(), LINES)
    receipts.keep(lines, format="jsonl", source="api", size=len(text))
    if way != "http":
        received.consume_all()


def new_process() -> None:
    known.forget()


@pytest.mark.usefixtures("home")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PARTS)
def test_a_record_counts_once(tmp_path: Path, parts: list[tuple[str, list[int], bool]]) -> None:
    with undone():
        set_up()
        clock.move_to(NOW)
        deliver("file", list(range(len(EVENTS))), tmp_path / "all.jsonl")
        expected, (one,) = totals(), Batch.objects.all()
        assert one.rated == len(EVENTS)
        services.back_out(one.pk)
        sent = len(EVENTS)
        for number, (way, numbers, ends) in enumerate(parts):
            deliver(way, numbers, tmp_path / f"{number}.jsonl")
            sent += len(numbers)
            if ends:
                new_process()
        deliver("http", list(range(len(EVENTS)))[::-1], tmp_path / "rest.jsonl")
        received.consume_all()
        assert [row for row in totals() if row[3]] == expected
        came = [one for one in Batch.objects.filter(state="committed") if one.records]
        assert sum(batch.rated for batch in came) == len(EVENTS)
        for batch in came:
            assert batch.records == batch.rated + batch.rejected + batch.duplicates
        for receipt in Receipt.objects.all():
            assert receipt.rejected == 0
            assert len(receipt.repeated) == receipt.duplicates
