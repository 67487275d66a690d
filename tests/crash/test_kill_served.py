"""The product killed while it takes usage over HTTP and loads it: nothing is lost or doubled."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from crash.company import ACCOUNTS, Company, of_its_own
from ports import free_port, until_it_listens

pytestmark = pytest.mark.slow

DELIVERIES, EVENTS, KILLS = 120, 50, 8


@pytest.fixture
def company(tmp_path: Path, django_db_setup: None) -> Iterator[Company]:
    """A company of its own."""
    with of_its_own(tmp_path, "crash_served") as made:
        yield made


class Served:
    """`meterline serve` of the company, with its worker."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.port = free_port()
        made = subprocess.run(
            [sys.executable, "-m", "meterline", "key", "make", "app",
             "--permission", "usage.load", "--permission", "usage.view"],
            env=company.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.secret = made.stdout.strip()
        self.start()

    def start(self) -> None:
        self.process = self.company.start("-m", "meterline", "serve", "--port", str(self.port))
        until_it_listens(self.process, self.port)

    def kill(self) -> None:
        """The web and the worker, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        link = HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"authorization": f"Bearer {self.secret}", "content-type": "application/json"}
        try:
            link.request(method, path, json.dumps(body), headers)
            answer = link.getresponse()
            return answer.status, json.load(answer)
        except (OSError, HTTPException, ValueError):
            return 0, None  # it was killed
        finally:
            link.close()


def deliveries() -> list[list[dict[str, Any]]]:
    """Each shares ten events with the one before it; some are of nobody."""
    return [
        [
            {"id": f"r{n}", "meter": "calls", "subscription": f"A{n % (ACCOUNTS + 3):04d}",
             "start": "2026-01-05T10:00:00Z", "seconds": n % 977}
            for n in range(k * (EVENTS - 10), k * (EVENTS - 10) + EVENTS)
        ]
        for k in range(DELIVERIES)
    ]  # fmt: skip


def test_killed_while_it_takes_and_loads(company: Company) -> None:
    served, chance, receipts = Served(company), random.Random(20260201), []
    moments = sorted(chance.sample(range(DELIVERIES), KILLS))
    try:
        for number, delivery in enumerate(deliveries()):
            while True:
                status, told = served.ask("POST", "/v1/usage", delivery)
                if status == 202:
                    receipts.append(told["receipt"])
                if number in moments:
                    moments.remove(number)
                    time.sleep(chance.uniform(0.0, 1.5))  # in gathering, loading or after it
                    served.kill()
                    served.start()
                    continue  # it is not known whether it came: sent again
                if status == 202:
                    break
        told = [done(served, receipt) for receipt in receipts]
    finally:
        served.kill()
    different = {event["id"]: event for delivery in deliveries() for event in delivery}
    nobody = sum(event["subscription"] >= f"A{ACCOUNTS:04d}" for event in different.values())
    assert sum(one["rated"] for one in told) == len(different) - nobody
    for one in told:
        assert one["events"] == one["rated"] + one["rejected"] + one["duplicates"]
        assert len(one["fates"]) == one["events"]
    records = sum(batch[1] for batch in company.state()["batches"])
    assert records == sum(one["events"] for one in told)


def done(served: Served, receipt: str) -> Any:
    """A receipt once it is loaded."""
    for _ in range(600):
        status, told = served.ask("GET", f"/v1/usage/receipts/{receipt}")
        if status == 200 and told["state"] == "done":
            return told
        time.sleep(0.2)
    raise AssertionError(f"{receipt} waits for ever")
