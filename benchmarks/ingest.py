"""Usage over HTTP: deliveries to a served product, durable when they are answered, then loaded.

The product (`meterline serve`: web, worker, embedded PostgreSQL) and the senders share the machine.
The figure is that of the slower of both ends: from the first request until every event is loaded,
deduplicated and in the totals. The limit is the time in which the same events are loaded from one
file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import measure
import psutil

CATALOGUE = """
currency: EUR
timezone: Europe/Rome
meters: {calls: {aggregation: sum, value: seconds, unit: second}}
plans:
  basic: {prices: {calls: {kind: usage, meter: calls, model: per_unit, unit_amount: "0.0013"}}}
"""
_TICK = 0.02


def bodies(events: int, batch: int, customers: int) -> list[bytes]:
    """Deliveries as arrays of JSON, one event in 500 twice."""
    made = []
    for first in range(0, events, batch):
        rows = [
            {
                "id": f"e{n - 1 if n % 500 == 499 else n}", "meter": "calls",
                "subscription": f"A{n * 7919 % customers}",
                "start": f"2026-10-{n % 28 + 1:02}T{n % 24:02}:{n % 60:02}:00Z",
                "seconds": n % 977, "to": f"39{n % 10**8:08}",
            }
            for n in range(first, min(first + batch, events))
        ]  # fmt: skip
        made.append(json.dumps(rows, separators=(",", ":")).encode())
    return made


def set_up(customers: int, folder: Path) -> str:
    """Catalogue and contracts; gives the secret of a key."""
    import polars as pl

    from meterline.access import secrets
    from meterline.catalog import files as catalogues
    from meterline.catalog import services as catalog
    from meterline.customers import services as accounts
    from meterline.subscriptions import services as subscriptions

    (folder / "catalogue.yaml").write_text(CATALOGUE)
    catalog.apply(catalogues.parse(folder / "catalogue.yaml"))
    code = pl.format("A{}", pl.int_range(customers, dtype=pl.Int64)).alias("code")
    base = pl.select(code)
    base.with_columns(currency=pl.lit("EUR"), timezone=pl.lit("Europe/Rome")).write_csv(
        folder / "accounts.csv"
    )
    base.with_columns(account="code", plan=pl.lit("basic"), start=pl.lit("2026-09-15")).write_csv(
        folder / "subscriptions.csv"
    )
    for importer, kind in ((accounts, "accounts"), (subscriptions, "subscriptions")):
        assert importer.import_file(kind, folder / f"{kind}.csv").created == customers
    return secrets.make_key("benchmark", ["usage.load", "usage.view"])[1]


async def send(port: int, secret: str, waiting: list[bytes], latencies: list[float]) -> None:
    """Send deliveries over one connection until none is left."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        "POST /v1/usage HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {secret}\r\ncontent-length: "
    )
    while waiting:
        body = waiting.pop()
        while True:
            start = time.perf_counter()
            writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
            status = (await reader.readline()).split()[1]
            length, wait = 0, 0
            while (line := await reader.readline()) != b"\r\n":
                name, _, value = line.decode().partition(":")
                length = int(value) if name == "content-length" else length
                wait = int(value) if name == "retry-after" else wait
            told = await reader.readexactly(length)
            if status == b"202":
                latencies.append(time.perf_counter() - start)
                break
            assert status == b"429", told
            await asyncio.sleep(wait)
    writer.close()


async def send_all(port: int, secret: str, made: list[bytes], senders: int) -> list[float]:
    """Send all deliveries; gives the seconds that each took to be answered."""
    waiting, latencies = made[::-1], []
    await asyncio.gather(*(send(port, secret, waiting, latencies) for _ in range(senders)))
    return latencies


def figures() -> tuple[int, int, int]:
    """Events that wait; records and duplicates that are loaded."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(events), 0) FROM usage_receipt WHERE state = 'waiting'")
        (waiting,) = cursor.fetchone()
        cursor.execute("SELECT coalesce(sum(records), 0), coalesce(sum(duplicates), 0)"
                       " FROM usage_batch")  # fmt: skip
        return (int(waiting), *map(int, cursor.fetchone()))  # type: ignore[return-value]


def served(port: int) -> subprocess.Popen[bytes]:
    """The product, once it answers."""
    server = subprocess.Popen([sys.executable, "-m", "meterline", "serve", "--port", str(port)])
    while True:
        assert server.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return server


def processor(server: subprocess.Popen[bytes], folder: str) -> dict[str, float]:
    """The processor's seconds that the web, the worker and the database have had."""
    found = dict.fromkeys(("web", "worker", "database"), 0.0)
    children = {child.pid for child in psutil.Process(server.pid).children(recursive=True)}
    for process in psutil.process_iter(["pid", "cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        if process.pid == server.pid:
            part = "web"
        elif process.pid in children:
            part = "worker"
        elif folder in command or command.startswith("postgres: postgres"):
            part = "database"
        else:
            continue
        times = process.cpu_times()
        found[part] += times.user + times.system
    return found


def seconds_until_shown(port: int, secret: str) -> float:
    """From an event's receipt until the running total has it."""
    from urllib.request import Request, urlopen

    def ask(path: str, body: bytes | None = None) -> Any:
        headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
        with urlopen(Request(f"http://127.0.0.1:{port}{path}", body, headers)) as answer:
            return json.load(answer)

    def seen() -> int:
        totals = ask("/v1/usage/totals?subscription=A0")["totals"]
        return sum(one["events"] for one in totals)

    before = seen()
    event = {"id": f"single-{before}", "meter": "calls", "subscription": "A0",
             "start": "2026-10-31T10:00:00Z", "seconds": 60}  # fmt: skip
    ask("/v1/usage", json.dumps(event).encode())
    start = time.perf_counter()
    while seen() == before:
        time.sleep(_TICK)
    return time.perf_counter() - start


def from_a_file(made: list[bytes], folder: Path) -> float:
    """The seconds in which the same events are loaded from a file, by a process of its own."""
    path = folder / "events.jsonl"
    with path.open("w") as file:
        for body in made:
            for row in json.loads(body):
                file.write(json.dumps({**row, "id": f"f{row['id']}"}) + "\n")
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "meterline", "usage", "load", str(path)], check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - start


def main() -> None:
    """Serve, send, wait until all is loaded, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--senders", type=int, default=8)
    wanted = parser.parse_args()
    with measure.scratch() as home:
        from meterline.platform import clock

        clock.move_to(datetime(2026, 11, 1, tzinfo=UTC))
        secret = set_up(wanted.customers, Path(home))
        made = bodies(wanted.events, wanted.batch, wanted.customers)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = served(port)
        try:
            seconds_until_shown(port, secret)  # what a process does once is done
            before, start = processor(server, home), time.perf_counter()
            latencies = sorted(asyncio.run(send_all(port, secret, made, wanted.senders)))
            received = time.perf_counter() - start
            while figures()[0]:
                time.sleep(_TICK)
            loaded = time.perf_counter() - start
            after = processor(server, home)
            shown = sorted(seconds_until_shown(port, secret) for _ in range(5))
        finally:
            server.terminate()
            server.wait()
        records, duplicates = figures()[1:]
        assert records == wanted.events + 6
        assert duplicates == sum(n % 500 == 499 for n in range(wanted.events))
        limit = from_a_file(made, Path(home))
    spent = ", ".join(f"{after[part] - before[part]:.1f} s {part}" for part in after)
    print(
        f"received {wanted.events / received:,.0f} events/s, answered in"
        f" {latencies[len(latencies) // 2] * 1e3:.0f} ms (median),"
        f" {latencies[len(latencies) * 99 // 100] * 1e3:.0f} ms (p99); in the running total"
        f" after {shown[0]:.2f} to {shown[-1]:.2f} s; processor: {spent}"
    )
    measure.report("ingest", wanted.events, loaded, limit)


if __name__ == "__main__":
    main()
