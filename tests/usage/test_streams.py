"""Usage from streams: real servers, killed and started again; so is whoever consumes."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from crash.company import Company, of_its_own
from loops import run

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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server of messages on this machine that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.start()

    def command(self) -> list[str]:
        raise AssertionError("each kind has its own")

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=self.environment(), start_new_session=True,
        )  # fmt: skip
        for _ in range(1_200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the server does not answer")

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        self.kill()

    def expect(self) -> None:
        """Keep what comes from now on for whoever consumes."""


class Nats(Server):
    """nats-server with JetStream on disk."""

    def command(self) -> list[str]:
        return [shutil.which("nats-server") or "/usr/sbin/nats-server", "-js", "-sd",
                str(self.folder), "-a", "127.0.0.1", "-p", str(self.port)]  # fmt: skip

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}/USAGE/usage.events?durable=meterline"

    def publish(self, messages: list[bytes]) -> None:
        run(self._publish(messages))

    async def _publish(self, messages: list[bytes]) -> None:
        import nats

        client = await nats.connect(f"nats://127.0.0.1:{self.port}")
        stream = client.jetstream()
        await stream.add_stream(name="USAGE", subjects=["usage.>"])
        for message in messages:
            await stream.publish("usage.events", message)  # waits until the server has it
        await client.close()


class Mosquitto(Server):
    """mosquitto that keeps its sessions on disk."""

    def command(self) -> list[str]:
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {self.folder}/\nmax_queued_messages 0\n"
            "max_inflight_messages 200\n"
            "user root\n"
        )
        return [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(config)]

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}/usage/+?client=meterline"

    def kill(self) -> None:
        """Stop it so that it saves: it loses what it has not saved, whoever consumes."""
        self.process.terminate()
        self.process.wait()

    def expect(self) -> None:
        """A session that stays."""
        run(self._expect())

    async def _expect(self) -> None:
        import zmqtt

        async with zmqtt.create_client(
            "127.0.0.1",
            self.port,
            version="5.0",
            client_id="meterline",
            clean_session=False,
            session_expiry_interval=86_400,
        ) as client:
            await client.subscribe("usage/+", qos=zmqtt.QoS.AT_LEAST_ONCE).start()

    def publish(self, messages: list[bytes]) -> None:
        run(self._publish(messages))

    async def _publish(self, messages: list[bytes]) -> None:
        import zmqtt

        async with zmqtt.create_client("127.0.0.1", self.port, version="5.0") as client:
            for message in messages:
                await client.publish("usage/app", message, qos=zmqtt.QoS.AT_LEAST_ONCE)


class Rabbit(Server):
    """rabbitmq-server with a lasting queue, and the name server that it needs, on loopback."""

    QUEUE = "usage"

    def __init__(self, folder: Path) -> None:
        self.names, self.others = free_port(), free_port()
        command = ["epmd", "-address", "127.0.0.1", "-port", str(self.names)]
        self.name_server = subprocess.Popen(command)
        super().__init__(folder)

    def command(self) -> list[str]:
        return ["/usr/lib/rabbitmq/bin/rabbitmq-server"]

    def environment(self) -> dict[str, str]:
        mine = {
            "HOME": self.folder, "ERL_EPMD_PORT": self.names, "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "meterline@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.port, "RABBITMQ_DIST_PORT": self.others,
            "RABBITMQ_MNESIA_BASE": self.folder, "RABBITMQ_LOG_BASE": self.folder,
            "RABBITMQ_CONFIG_FILE": self.folder / "none", "RABBITMQ_PID_FILE": self.folder / "pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }  # fmt: skip
        return {**os.environ, **{name: str(value) for name, value in mine.items()}}

    def start(self) -> None:
        super().start()
        run(self._wait())

    async def _wait(self) -> None:
        """It listens a while before it lets anybody in."""
        import aio_pika

        for _ in range(1_200):
            try:
                link = await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{self.port}/")
            except aio_pika.exceptions.AMQPConnectionError:
                await asyncio.sleep(0.05)
            else:
                await link.close()
                return
        raise AssertionError("the server does not let anybody in")

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/?queue={self.QUEUE}"

    def expect(self) -> None:
        """The queue."""
        self.publish([])

    def publish(self, messages: list[bytes]) -> None:
        run(self._publish(messages))

    async def _publish(self, messages: list[bytes]) -> None:
        import aio_pika

        async with await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{self.port}/") as link:
            channel = await link.channel()
            await channel.declare_queue(self.QUEUE, durable=True)
            for body in messages:
                message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                await channel.default_exchange.publish(message, self.QUEUE)  # waits for the server

    def end(self) -> None:
        super().end()
        self.name_server.kill()
        self.name_server.wait()


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
@pytest.mark.parametrize("kind", [Nats, Mosquitto, Rabbit])
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
def test_the_command_says_what_is_not_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "meterline", "usage", "consume", "redis://host/x"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "expected one of" in done.stderr
