"""Whatever way usage comes by, in whatever parts and order and however often: by files, over HTTP
and from a stream at once the totals are those of one file, and the counts of every batch add up."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psycopg
import pytest
from crash.company import Company
from ports import free_port, until_it_listens
from usage import test_streams
from usage.servers import Nats

pytestmark = pytest.mark.slow
company = test_streams.company  # a fixture

EVENTS, ROUNDS, PARTS = 600, 3, 9
TOTALS = """
    SELECT subscription_id, price_id, period_start, sum(events), sum(quantity), sum(amount)
    FROM usage_total GROUP BY 1, 2, 3 HAVING sum(events) <> 0 ORDER BY 1, 2, 3"""
UNEVEN = "SELECT id FROM usage_batch WHERE records <> rated + rejected + duplicates"


def events(prefix: str) -> list[dict[str, Any]]:
    """Some of nobody and one of no meter, so that something is rejected."""
    return [
        {"id": f"{prefix}-{n}", "meter": "nothing" if n == 7 else "calls",
         "subscription": f"A{n % 403:04d}", "start": f"2026-01-{n % 28 + 1:02}T10:00:00Z",
         "seconds": n % 977}
        for n in range(EVENTS)
    ]  # fmt: skip


def lines(some: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in some)


def asked(company: Company, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(company.url) as reader:
        return reader.execute(query).fetchall()


def has(company: Company, records: int) -> bool:
    return asked(company, "SELECT sum(records)::bigint FROM usage_batch") == [(records,)]


def until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 240
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.1)


def key_of(company: Company) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "meterline", "key", "make", "app", "--permission", "usage.load"],
        env=company.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip().splitlines()[-1]


class Ways:
    """The ways by which usage comes."""

    def __init__(self, company: Company, server: Nats) -> None:
        self.company, self.server, self.files = company, server, 0
        self.port = free_port()
        self.key = key_of(company)
        self.processes = [
            company.start("-m", "meterline", "serve", "--port", str(self.port)),
            company.start("-m", "meterline", "usage", "consume", server.url),
        ]
        until_it_listens(self.processes[0], self.port)

    def send(self, way: str, some: list[dict[str, Any]]) -> None:
        match way:
            case "file":
                self.files += 1
                path = self.company.folder / f"part-{self.files}-{some[0]['id']}.jsonl"
                path.write_bytes(lines(some))
                self.company.meterline("usage", "load", str(path))
            case "api":
                kinds = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
                url = f"http://127.0.0.1:{self.port}/v1/usage"
                urlopen(Request(url, json.dumps(some).encode(), kinds)).close()
            case _:
                self.server.publish([lines(some[at : at + 20]) for at in range(0, len(some), 20)])

    def end(self) -> None:
        for process in self.processes:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=60)


def parts(chance: random.Random, all_: list[dict[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Every event at least once, in parts that overlap, each by some way."""
    shuffled = chance.sample(all_, len(all_))
    cuts = sorted(chance.sample(range(1, len(all_)), PARTS - 1))
    made = []
    for first, end in zip([0, *cuts], [*cuts, len(all_)], strict=True):
        again = chance.sample(all_, chance.randint(0, 40))
        part = [*shuffled[first:end], *again]
        chance.shuffle(part)
        made.append((chance.choice(["file", "api", "stream"]), part))
    return [*made, *((way, made[n][1][::-1]) for n, way in enumerate(("file", "api", "stream")))]


def test_all_ways_at_once(company: Company, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    server, chance = Nats(tmp_path / "server"), random.Random(20260201)
    path = tmp_path / "whole.jsonl"
    path.write_bytes(lines(events("whole")))
    company.meterline("usage", "load", str(path))
    whole = asked(company, TOTALS)
    server.publish([])
    ways, received = Ways(company, server), EVENTS
    try:
        for number in range(ROUNDS):
            sent = parts(chance, events(str(number)))
            with ThreadPoolExecutor(4) as workers:
                for done in [workers.submit(ways.send, *part) for part in sent]:
                    done.result()
            expected = [(*row[:3], *(one * (number + 2) for one in row[3:])) for row in whole]
            received += sum(len(part) for _, part in sent)
            until(partial(has, company, received))
            assert asked(company, TOTALS) == expected
            assert asked(company, UNEVEN) == []
        states = asked(company, "SELECT state, sum(events) FROM usage_receipt GROUP BY 1")
        assert [state for state, _ in states] == ["done"]
    finally:
        ways.end()
        server.kill()
