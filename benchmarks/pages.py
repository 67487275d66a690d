"""Every page of the product on a large database, measured over HTTP as users meet them.

    python benchmarks/pages.py --accounts 1000000
    python benchmarks/pages.py --home /data/big        (made before by bulk.py)

The product is served by uvicorn on this machine, so that threads, connections to the database and
packing count; each visit asks for other rows. Queries are counted by one more visit in this process.
Prints a table, the slowest last, and then one JSON line.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import bulk
import measure

SAMPLES = 25
GOAL_MS = 100


@dataclass(frozen=True)
class Measured:
    """A visit as it was answered."""

    name: str
    p50_ms: float
    p95_ms: float
    queries: int
    kb: float
    status: str


@contextmanager
def served() -> Iterator[http.client.HTTPConnection]:
    """The product, served; a connection to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uvicorn = [sys.executable, "-m", "uvicorn", "meterline.platform.asgi:application"]
    options = [
        "--port",
        str(port),
        "--lifespan",
        "off",
        "--log-level",
        "warning",
        "--timeout-keep-alive",
        "600",
    ]
    server = subprocess.Popen([*uvicorn, *options, "--no-access-log"])
    try:
        yield _connected(port)
    finally:
        server.terminate()
        server.wait()


def _connected(port: int) -> http.client.HTTPConnection:
    for _try in range(300):
        link = http.client.HTTPConnection("127.0.0.1", port)
        try:
            link.connect()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return link
    raise TimeoutError("the product does not answer")


def visited(link: http.client.HTTPConnection, cookie: str, url: str) -> tuple[float, int, int]:
    """Milliseconds until the whole answer is there, its size, its status."""
    begun = time.perf_counter()
    link.request("GET", url, headers={"Cookie": cookie, "Accept-Encoding": "gzip"})
    answer = link.getresponse()
    size = len(answer.read())
    return (time.perf_counter() - begun) * 1000, size, answer.status


def prepare(home: Path) -> None:
    """What pages show besides the company: a draft, a plan, keys, figures; usage of these days."""
    import things

    things.make(home)


def walk(only: str) -> list[Measured]:
    """Visit everything whose name has `only` in it."""
    import visits
    from django.test import Client
    from django.test.utils import setup_test_environment

    from meterline.access import services
    from meterline.access.models import User
    from meterline.web.page import load_pages

    load_pages()
    setup_test_environment()
    email = "measure@example.com"
    user = User.objects.filter(email=email).first() or services.add_user(email, roles=["admin"])
    client = Client(headers={"accept-encoding": "gzip"})
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    cookie = "; ".join(f"{name}={one.value}" for name, one in client.cookies.items())
    samples = visits.Samples(SAMPLES)
    found = []
    with served() as link:
        for plain in visits.pages(samples):
            if only not in plain.name:
                continue
            if not plain.urls:
                print(f"{plain.name}: there is nothing to show")
                continue
            found.append(_measured(link, cookie, client, plain))
            found += [
                _measured(link, cookie, client, more)
                for more in visits.lists(samples, client, plain)
                if more.urls
            ]
    return found


def _measured(
    link: http.client.HTTPConnection, cookie: str, client: object, visit: object
) -> Measured:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        client.get(visit.urls[0])
    visited(link, cookie, visit.urls[0])  # modules and templates are loaded once
    answers = [visited(link, cookie, url) for url in visit.urls]
    times = quantiles([ms for ms, _size, _status in answers], n=20, method="inclusive")
    statuses = sorted({str(status) for _ms, _size, status in answers})
    kb = max(size for _ms, size, _status in answers) / 1000
    made = Measured(visit.name, times[9], times[18], len(queries), kb, " ".join(statuses))
    print(told(made), flush=True)
    return made


def told(one: Measured) -> str:
    """A line of the table."""
    return (
        f"{one.name:<62} {one.p50_ms:>8.1f} {one.p95_ms:>8.1f} {one.queries:>7} {one.kb:>6.1f}"
        f"  {one.status}"
    )


def show(found: list[Measured]) -> None:
    """The table, the slowest last."""
    print(f"\n{'page':<62} {'p50 ms':>8} {'p95 ms':>8} {'queries':>7} {'kB':>6}  status")
    for one in sorted(found, key=lambda one: one.p95_ms):
        print(told(one))


def main() -> None:
    """Make or take the database, visit, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--home", type=Path, help="a data folder of bulk.py: it is not made anew")
    parser.add_argument("--only", default="", help="part of the names of the pages to visit")
    wanted = parser.parse_args()
    home = wanted.home or Path(tempfile.mkdtemp(prefix="meterline-benchmark-")) / "home"
    os.environ["METERLINE_HOME"] = str(home)
    measure.prepare()
    try:
        if wanted.home is None:
            bulk.make(wanted.accounts, home)
        prepare(home)
        found = walk(wanted.only)
        from meterline.customers.models import Account

        accounts = Account.objects.count()
    finally:
        if wanted.home is None:
            from meterline.platform.embedded import stop

            stop(home / "postgresql")
            shutil.rmtree(home.parent)
    show(found)
    slowest = max(found, key=lambda one: one.p95_ms)
    measure.tell(
        "pages", accounts, visits=len(found), p95_ms=round(slowest.p95_ms, 1), page=slowest.name,
        over=sum(one.p95_ms > GOAL_MS for one in found), goal_ms=GOAL_MS,
        kb=round(max(one.kb for one in found), 1),
    )  # fmt: skip


if __name__ == "__main__":
    main()
