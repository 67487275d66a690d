"""Usage from streams: real servers, killed and started again; so is whoever consumes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from crash.company import Company, of_its_own
from usage.servers import Kafka, Mosquitto, Nats, Rabbit

from meterline.usage.bodies import Lines
from meterline.usage.consume import events_of, gathered
from meterline.usage.errors import UnknownStream
from meterline.usage.streams import address_of, broker_of

MESSAGES, ROUNDS = 1_500, 4


@pytest.mark.parametrize(
    ("body", "count", "format"),
    [
        (b'{"id": 1}', 1, "jsonl"),
        (b'[{"id": 1}, {"id": 2}]', 2, "jsonl"),
        (b'{"id": 1}\n{"id": 2}\n', 2, "jsonl"),
        (b'{"id": 1,\n"x": 2}', 1, "jsonl"),
        (b'{"specversion": "1.0", "id": 1}', 1, "cloudevents"),
        (b"", 1, "jsonl"),
        (b"[1, 2", 1, "jsonl"),
        (b"no\njson\xff", 1, "jsonl"),
    ],
)
def test_events_of_a_message(body: bytes, count: int, format: str) -> None:
    lines, found = events_of(body)
    assert (lines.count, found) == (count, format)
    assert len([line for line in lines.text.split(b"\n") if line.strip()]) == count


def test_messages_of_one_format_are_put_together() -> None:
    one, two = Lines(text=b"{}", count=1), Lines(text=b"{}\n{}", count=2)
    assert gathered([(one, "a"), (two, "a"), (one, "b"), (one, "a")]) == [
        (Lines(text=b"{}\n{}\n{}", count=3), "a"), (one, "b"), (one, "a"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://host/x", "expected one of"),
        ("nats:///x/y", "expected one of"),
        ("nats://host/stream", "does not tell the subject"),
        ("kafka://host", "does not tell the topic"),
        ("amqp://user:secret@host/vhost", "does not tell the queue"),
        ("mqtt://host", "does not tell the topic"),
    ],
)
def test_addresses_that_are_no_streams(url: str, words: str) -> None:
    async def keep(bodies: Any) -> None:
        """Nothing comes."""

    with pytest.raises(UnknownStream, match=words) as caught:
        broker_of(address_of(url), keep)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    ["nats://h/s/a.b?durable=d", "kafka://h,i/t?group=g", "amqp://u:p@h/v?queue=q", "mqtt://h/a/+"],
)
def test_every_kind_makes_its_broker(url: str) -> None:
    async def keep(bodies: Any) -> None:
        """Nothing comes."""

    (subscriber,) = broker_of(address_of(url), keep).subscribers
    assert subscriber.ack_policy == "manual"
    assert address_of("amqp://u:p@h/v?queue=q").shown == "amqp://h/v"


@pytest.fixture
def company(tmp_path: Path, django_db_setup: None) -> Iterator[Company]:
    """A company of 400 subscriptions."""
    with of_its_own(tmp_path, "streams") as made:
        yield made


def messages() -> list[bytes]:
    """Events one by one and in arrays, some twice; two that are none."""

    def event(n: int) -> dict[str, Any]:
        return {"id": f"r{n}", "meter": "calls", "subscription": f"A{n % 400:04d}",
                "start": "2026-01-05T10:00:00Z", "seconds": n % 977}  # fmt: skip

    made = [json.dumps(event(n)).encode() for n in range(MESSAGES)]
    made += [json.dumps([event(n), event(n + MESSAGES)]).encode() for n in range(0, MESSAGES, 7)]
    return [*made, b"no json", b'{"meter": "calls"}']


def counts(company: Company) -> tuple[int, ...]:
    with psycopg.connect(company.url) as reader:
        found = reader.execute(
            "SELECT coalesce(sum(records), 0), coalesce(sum(rated), 0),"
            " coalesce(sum(rejected), 0), coalesce(sum(duplicates), 0) FROM usage_batch"
        ).fetchone()
        waiting = reader.execute("SELECT count(*) FROM usage_receipt WHERE state = 'waiting'")
        assert found is not None
        return (*map(int, found), waiting.fetchone()[0])  # type: ignore[index]


def received(company: Company) -> int:
    with psycopg.connect(company.url) as reader:
        found = reader.execute("SELECT coalesce(sum(events), 0) FROM usage_receipt").fetchone()
        assert found is not None
        return int(found[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        Nats,
        Mosquitto,
        Rabbit,
        pytest.param(  # neither Debian nor PyPI has Kafka: whoever has it names it
            Kafka,
            marks=pytest.mark.skipif(
                "METERLINE_KAFKA" not in os.environ, reason="METERLINE_KAFKA names no Kafka"
            ),
        ),
    ],
)
def test_nothing_is_lost_or_doubled(
    kind: Callable[[Path], Any], company: Company, tmp_path: Path
) -> None:
    (tmp_path / "server").mkdir()
    server, chance = kind(tmp_path / "server"), random.Random(20260201)

    def start(*arguments: str) -> subprocess.Popen[str]:
        return company.start("-m", "meterline", *arguments)

    def end(process: subprocess.Popen[str], number: int) -> None:
        os.killpg(process.pid, number)
        process.communicate(timeout=60)

    sent, at = messages(), 0

    def until(is_so: Callable[[], bool]) -> None:
        ends = time.monotonic() + 240
        while not is_so() and time.monotonic() < ends:
            time.sleep(0.05)

    server.expect()
    consumer, worker = start("usage", "consume", server.url), start("worker")
    try:
        for _ in range(ROUNDS):
            before, part = received(company), len(sent) // ROUNDS + 1
            server.publish(sent[at : at + part])
            at += part
            until(lambda: received(company) > before)  # noqa: B023
            time.sleep(chance.uniform(0.0, 0.2))
            end(consumer, chance.choice([signal.SIGKILL, signal.SIGTERM]))
            server.kill()
            if chance.random() < 0.6:
                end(worker, signal.SIGKILL)
                worker = start("worker")
            server.start()
            consumer = start("usage", "consume", server.url)
        before = received(company)
        server.publish(sent[:1])  # again: so that the last consumer is at work when it is ended
        until(lambda: received(company) > before)
        expected = MESSAGES + len(range(0, MESSAGES, 7))
        until(lambda: counts(company)[1] == expected and not counts(company)[4])
        records, rated, rejected, duplicates, _ = counts(company)
        assert rated == expected
        assert records == rated + rejected + duplicates
        assert rejected >= 2
        end(consumer, signal.SIGTERM)
        assert consumer.returncode == 0
    finally:
        for process in (consumer, worker):
            if process.poll() is None:
                end(process, signal.SIGKILL)
        server.end()


@pytest.mark.slow
def test_the_command_says_what_is_not_installed(company: Company) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "meterline", "usage", "consume", "redis://host/x"],
        env=company.environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "expected one of" in done.stderr
