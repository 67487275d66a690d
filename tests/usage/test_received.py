"""Usage over HTTP: deliveries, receipts, what becomes of each event, and running totals."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from billing.world import rows, set_up
from django.db import DataError, transaction

from meterline.access import secrets
from meterline.api.endpoint import Answer, find, load_endpoints
from meterline.api.respond import answered, problem
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.usage import backlog, receipts, received, services, together
from meterline.usage.bodies import lines_of
from meterline.usage.models import Batch, Receipt, Reject

pytestmark = pytest.mark.django_db
load_endpoints()

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
JSON, LINES = "application/json", "application/x-ndjson"
SHAPES = ("array", "object", "lines")
ONE, MANY = "application/cloudevents+json", "application/cloudevents-batch+json"


@pytest.fixture(autouse=True)
def operator(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up()
    clock.move_to(NOW)
    monkeypatch.setattr(backlog.BACKLOG, "_counted_at", float("-inf"))


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"r{number}", "meter": "data", "subscription": "s1",
        "start": "2026-01-05T10:00:00Z", "mb": 12, **more,
    }  # fmt: skip


def cloud_event(number: int) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": f"{number}", "source": "app", "type": "data",
        "time": "2026-01-05T10:00:00Z", "data": {"subscription": "s1", "mb": 12},
    }  # fmt: skip


def call(
    method: str, path: str, body: bytes = b"", type: str = JSON, **query: str
) -> tuple[int, Any]:
    key, _ = secrets.make_key("test", ["usage.load", "usage.view"])
    one, places = find(method, path)
    try:
        told: Answer = answered(
            one, key=key, places=places, query=query, headers={"content-type": type}, body=body
        )
    except MeterlineError as error:
        told = problem(error)
    return told.status, told.body


def sent(body: Any, type: str = JSON, **query: str) -> tuple[int, Any]:
    return call(
        "POST", "/v1/usage", body if isinstance(body, bytes) else json.dumps(body).encode(), type,
        **query,
    )  # fmt: skip


def fates(code: str) -> list[str]:
    status, told = call("GET", f"/v1/usage/receipts/{code}")
    assert status == 200
    return [f"{one['fate']} {one.get('reason', '')}".strip() for one in told["fates"]]


@pytest.mark.parametrize(
    ("body", "type", "events"),
    [
        (json.dumps(event(1)), JSON, 1),
        (json.dumps(event(1), indent=2), JSON, 1),
        (json.dumps([event(1), event(2)], indent=2), JSON, 2),
        (f"{json.dumps(event(1))}\n\n{json.dumps(event(2))}\n", LINES, 2),
        (f"{json.dumps(event(1))}\r\n{json.dumps(event(2))}\r\n", JSON, 2),
        (json.dumps(cloud_event(1), indent=1), ONE, 1),
        (json.dumps([cloud_event(1), cloud_event(2), cloud_event(3)]), MANY, 3),
        (json.dumps([cloud_event(1), cloud_event(2)]), JSON, 2),
        ('\ufeff[{"id": "a,]\\"}", "x": [1, {"y": 2}], "meter": "data", "subscription": "s1",'
         ' "start": "2026-01-05", "mb": 1.10}]', JSON, 1),
    ],
)  # fmt: skip
def test_deliveries_are_taken_and_rated(body: str, type: str, events: int) -> None:
    status, told = sent(body.encode(), type)
    assert (status, told["events"], told["state"]) == (202, events, "waiting")
    assert fates(told["receipt"]) == ["waiting"] * events
    batch = received.consume()
    assert batch is not None
    assert (batch.records, batch.rated) == (events, events)
    assert fates(told["receipt"]) == ["rated"] * events
    assert Receipt.objects.get().body is None
    assert received.consume() is None


def test_the_fate_of_every_event_is_told() -> None:
    _, first = sent([event(1), event(2)])
    _, second = sent(
        [event(3), event(2), event(4, subscription="s9"), event(5), event(5), event(6, meter="no")]
    )
    _, third = sent(event(1))
    batch = received.consume()
    assert batch is not None
    assert (batch.records, batch.rated, batch.rejected, batch.duplicates) == (9, 4, 2, 3)
    assert fates(first["receipt"]) == ["rated"] * 2
    assert fates(second["receipt"]) == [
        "rated", "duplicate", "rejected unknown_identifier", "rated", "duplicate",
        "rejected unknown_meter",
    ]  # fmt: skip
    assert fates(third["receipt"]) == ["duplicate"]
    _, told = call("GET", second["href"])
    assert (told["rated"], told["rejected"], told["duplicates"]) == (2, 2, 2)
    assert told["batch"] == batch.pk
    refused = told["fates"][2]
    reject = Reject.objects.get(pk=refused["reject"])
    assert (reject.line, reject.detail) == (3, refused["detail"])
    assert services.recycle([reject.pk], changes={"subscription": "s1"}).rated == 1  # type: ignore[union-attr]


def test_malformed_events_are_told_by_their_place_and_nothing_is_taken() -> None:
    status, told = sent(
        [event(1), 7, event(2, meter=None), {"mb": 1}, event(3, start="soon"), event(4)]
    )
    assert (status, told["code"]) == (400, "malformed_events")
    assert [(one["event"], one["reason"]) for one in told["errors"]] == [
        (2, "malformed"), (3, "malformed"), (4, "malformed"), (5, "invalid_time"),
    ]  # fmt: skip
    assert "4 of 6 events" in told["detail"]
    assert not Receipt.objects.exists()


@pytest.mark.parametrize(
    ("body", "type", "status", "code"),
    [
        (b"", JSON, 400, "no_events"),
        (b"[]", JSON, 400, "no_events"),
        (b"[{}", JSON, 400, "no_events"),
        (b"[{},]", JSON, 400, "no_events"),
        (b"[{}][{}]", JSON, 400, "no_events"),
        (b'[{"a": "\xff"}', JSON, 400, "no_events"),
        (b"{", JSON, 400, "malformed_events"),
        (b'[{"id": "\xff"}]', JSON, 400, "malformed_events"),
        (b'[{"id": 1} {"id": 2}]', JSON, 400, "malformed_events"),
        (b"a,b\n1,2\n", "text/csv", 415, "unknown_content"),
        (b"{}", "", 415, "unknown_content"),
        (b"[" + b",".join([b"{}"] * 10_001) + b"]", JSON, 413, "too_many_events"),
    ],
)
def test_bodies_that_are_no_usage(body: bytes, type: str, status: int, code: str) -> None:
    answer, told = sent(body, type)
    assert (answer, told["code"], told["status"]) == (status, code, status)
    assert not Receipt.objects.exists()


def test_other_questions_that_have_no_answer() -> None:
    assert call("GET", "/v1/usage/receipts/none")[1]["code"] == "unknown_receipt"
    assert call("GET", "/v1/usage/totals")[1]["code"] == "bad_query"
    assert sent(event(1), source="x" * 201)[1]["code"] == "bad_query"


def test_too_much_that_waits_puts_off_what_comes(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.USAGE_WAITING_MOST = 3
    assert sent([event(1), event(2)])[0] == 202
    status, told = sent([event(3), event(4)])
    assert (status, told["code"]) == (429, "slow_down")
    assert Receipt.objects.count() == 1
    received.consume_all()
    monkeypatch.setattr(backlog.BACKLOG, "_counted_at", float("-inf"))
    assert sent([event(3), event(4)])[0] == 202


def test_formats_and_sources_are_batches_of_their_own() -> None:
    own = {"meter": "data", "subscription": "s1", "start": "2026-01-05T10:00:00Z", "mb": 12}
    for source in ("one", "two", "one"):
        assert sent(own, source=source)[0] == 202  # without ids
    sent([cloud_event(1)], MANY)
    made = received.consume_all()
    found = [(one.source, one.format, one.rated, one.duplicates) for one in made]
    assert found == [
        ("one", "jsonl", 1, 1), ("two", "jsonl", 1, 0), ("api", "cloudevents", 1, 0),
    ]  # fmt: skip


def test_many_deliveries_are_one_batch_of_many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "_CHUNK_MOST", 7)
    codes = [
        sent([event(n + k, **({"mb": "x"} if k == 2 else {})) for k in range(4)])[1]["receipt"]
        for n in range(0, 40, 3)
    ]
    batch = received.consume()
    assert batch is not None
    assert batch.records == 4 * len(codes)
    assert (batch.rejected, Batch.objects.count()) == (len(codes), 1)
    assert fates(codes[0]) == ["rated", "rated", "rejected invalid_quantity", "rated"]
    assert fates(codes[1]) == ["duplicate", "rated", "rejected invalid_quantity", "rated"]


def test_a_property_may_be_called_as_the_file_is() -> None:
    _, told = sent(event(1, file_name="x", mb="none"))
    received.consume()
    assert fates(told["receipt"]) == ["rejected invalid_quantity"]
    assert Reject.objects.get().record["file_name"] == "x"


def test_running_totals() -> None:
    sent([event(1), event(2, mb="0.5"), event(3, start="2026-02-01T10:00:00Z", mb=2),
          event(4, subscription="s2"), event(5, subscription="s3")])  # fmt: skip
    received.consume()
    _, told = call("GET", "/v1/usage/totals", subscription="s1")
    (only,) = told["totals"]
    assert (only["price"], only["period_start"], only["events"], only["quantity"]) == (
        "data", "2026-02-01", 1, "2",
    )  # fmt: skip
    clock.move_to(NOW - timedelta(days=3))
    (before,) = call("GET", "/v1/usage/totals", subscription="s1")[1]["totals"]
    assert (before["events"], before["quantity"]) == (2, "12.5")
    both = call("GET", "/v1/usage/totals", account="a")[1]["totals"]
    assert {one["subscription"] for one in both} == {"s1", "s2"}
    assert both[1]["plan"] == "large"


def test_deliveries_at_the_same_time_are_told_apart() -> None:
    """Each has its own faults, and those of others keep none of it away."""
    desk = together.Desk()
    bodies = [json.dumps([event(1), event(2)]), json.dumps(event(3)), "7\n{}\n"]
    asked = [lines_of(body.encode(), shape) for body, shape in zip(bodies, SHAPES, strict=True)]
    made = [receipts.made(one, format="jsonl", source="api", size=1) for one in asked]
    waiting = [
        together.Delivery(lines=one, receipt=kept)
        for one, kept in zip(asked[1:], made[1:], strict=True)
    ]
    desk._waiting.extend(waiting)
    assert desk.take(asked[0], made[0]).is_empty()
    good, bad = (one.kept.result() for one in waiting)
    assert good.is_empty()
    assert set(bad["line"]) == {1, 2}
    assert Receipt.objects.count() == 2
    (batch,) = received.consume_all()
    assert (batch.records, batch.rated) == (3, 3)


def test_where_the_database_fails_each_delivery_is_told() -> None:
    desk = together.Desk()
    lines = lines_of(json.dumps(event(1)).encode(), "object")
    made = [receipts.made(lines, format="jsonl", source="x" * 201, size=1) for _ in range(2)]
    other = together.Delivery(lines=lines, receipt=made[1])
    desk._waiting.append(other)
    with pytest.raises(DataError), transaction.atomic():
        desk.take(lines, made[0])
    assert not other.kept.done()
    assert list(desk._waiting) == [other]


def test_old_receipts_are_given_up() -> None:
    _, told = sent(event(1))
    received.consume()
    sent(event(2))
    assert receipts.forget() == 0
    clock.move_to(NOW + timedelta(days=91))
    assert receipts.forget() == 1
    assert call("GET", told["href"])[0] == 404
    assert rows("SELECT state FROM usage_receipt") == [("waiting",)]
