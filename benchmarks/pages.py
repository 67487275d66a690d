"""Every page of the product on a large database, measured on the server.

    python benchmarks/pages.py --accounts 1000000
    python benchmarks/pages.py --home /data/big        (made before by bulk.py)

Each visit goes through the whole stack in this process (gate, views, templates, packing), as one
of a served product does, with a connection that is open already; each asks for other rows. `own` is
the time without what this process's threads and the database's waited for a processor, as the
kernel counts it, and no less than the processor time of all of them: what the page costs, whatever
else the machine does; `wall` is the time with it. Parts are what pages ask for after themselves:
the next bill, pictures of charts. Prints a table, the slowest last, and then one JSON line.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, NamedTuple

import bulk
import measure

if TYPE_CHECKING:
    from django.test import Client
    from visits import Visit

SAMPLES = 20
GOAL_MS = 100
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class Answer(NamedTuple):
    """One visit."""

    own_ms: float
    wall_ms: float
    size: int
    status: int


@dataclass(frozen=True)
class Measured:
    """Many visits of one kind. Times are milliseconds."""

    name: str
    own_p50: float
    own_p95: float
    wall_p95: float
    queries: int
    kb: float
    status: str


class Signed:
    """Clients by who is signed in."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}

    def client(self, email: str) -> Client:
        """Of a user; one who is not there is added as an administrator."""
        from django.test import Client

        from meterline.access import services
        from meterline.access.models import User

        if email not in self.clients:
            user = User.objects.filter(email=email).first()
            client = Client(headers={"accept-encoding": "gzip", "host": "localhost"})
            client.force_login(user or services.add_user(email, roles=["admin"]), BACKEND)
            self.clients[email] = client
        return self.clients[email]


def _counted() -> dict[str, tuple[int, int]]:
    """By thread of this process, and its database process: nanoseconds that it ran, and that it
    waited for a processor."""
    from django.db import connection

    tasks = [*Path("/proc/self/task").iterdir()]
    tasks.append(Path(f"/proc/{connection.connection.info.backend_pid}"))
    found = {}
    for task in tasks:
        ran, waited, _times = (task / "schedstat").read_text().split()
        found[task.name] = (int(ran), int(waited))
    return found


def visited(client: Client, url: str) -> Answer:
    """Ask for a page; a picture is drawn, though this process may have drawn it before."""
    from meterline.web import drawings

    drawings.svg.cache_clear()
    before, begun = _counted(), time.perf_counter_ns()
    answer = client.get(url)
    size = len(b"".join(answer.streaming_content) if answer.streaming else answer.content)
    wall = time.perf_counter_ns() - begun
    after = _counted()
    ran, waited = (
        sum(one[index] - before.get(name, (0, 0))[index] for name, one in after.items())
        for index in (0, 1)
    )
    return Answer(max(wall - waited, ran) / 1e6, wall / 1e6, size, answer.status_code)


def walk(only: list[str]) -> list[Measured]:
    """Visit every page whose name has one of `only` in it."""
    import portal_visits
    import visits
    from django.test.utils import setup_test_environment, teardown_test_environment

    import meterline.platform.asgi  # noqa: F401  connections are as those of a served product
    from meterline.web.page import load_pages

    load_pages()
    signed, samples = Signed(), visits.Samples(SAMPLES)
    found = []
    for plain in chain(visits.pages(samples), portal_visits.pages(samples)):
        if not any(part in plain.name for part in only):
            continue
        if not plain.urls:
            print(f"{plain.name}: there is nothing to show")
            continue
        setup_test_environment()  # pages tell what lists are on them; it makes them slower
        client = signed.client((plain.users or [visits.ADMINISTRATOR])[0])
        more = [] if plain.users else list(visits.lists(samples, client, plain))
        more += visits.pictures(signed.client, plain)
        teardown_test_environment()
        found += [measured(signed, one) for one in (plain, *more) if one.urls]
    return found


def measured(signed: Signed, visit: Visit) -> Measured:
    """What a visit costs."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from visits import ADMINISTRATOR

    users = visit.users or [ADMINISTRATOR] * len(visit.urls)
    with CaptureQueriesContext(connection) as queries:
        signed.client(users[0]).get(visit.urls[0])  # what is loaded once, is now
    asked = len(queries)  # further requests begin a new count
    answers = [
        visited(signed.client(user), url) for user, url in zip(users, visit.urls, strict=True)
    ]
    own, wall = (
        quantiles(times, n=20, method="inclusive")
        for times in zip(*((one.own_ms, one.wall_ms) for one in answers), strict=True)
    )
    statuses = " ".join(sorted({str(one.status) for one in answers}))
    kb = max(one.size for one in answers) / 1000
    made = Measured(visit.name, own[9], own[18], wall[18], asked, kb, statuses)
    print(told(made), flush=True)
    return made


def told(one: Measured) -> str:
    """A line of the table."""
    return (
        f"{one.name:<62} {one.own_p50:>7.1f} {one.own_p95:>7.1f} {one.wall_p95:>8.1f}"
        f" {one.queries:>7} {one.kb:>6.1f}  {one.status}"
    )


def show(found: list[Measured]) -> None:
    """The table, the slowest last."""
    heads = f"{'own p50':>7} {'own p95':>7} {'wall p95':>8} queries     kB  status"
    print(f"\n{'page (ms)':<62} {heads}")
    for one in sorted(found, key=lambda one: one.own_p95):
        print(told(one))


def main() -> None:
    """Make or take the database, visit, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--home", type=Path, help="a data folder of bulk.py: it is not made anew")
    parser.add_argument("--only", nargs="+", default=[""], help="parts of the names of pages")
    wanted = parser.parse_args()
    home = wanted.home or Path(tempfile.mkdtemp(prefix="meterline-benchmark-")) / "home"
    os.environ["METERLINE_HOME"] = str(home)
    from meterline.platform import libraries

    libraries.for_pages()  # as `meterline serve` does
    measure.prepare()
    import things

    from meterline.customers.models import Account
    from meterline.platform.embedded import stop

    try:
        if wanted.home is None:
            bulk.make(wanted.accounts, home)
        things.make(home)
        found = walk(wanted.only)
        accounts = Account.objects.count()
    finally:
        if wanted.home is None:
            stop(home / "postgresql")
            shutil.rmtree(home.parent)
    show(found)
    whole = [one for one in found if "(part)" not in one.name]
    slowest = max(whole or found, key=lambda one: one.own_p95)
    parts = max((one.own_p95 for one in found if one not in whole), default=0.0)
    measure.tell(
        "pages", accounts, visits=len(found), p95_ms=round(slowest.own_p95, 1), page=slowest.name,
        wall_p95_ms=round(slowest.wall_p95, 1), part_p95_ms=round(parts, 1), goal_ms=GOAL_MS,
        over=sum(one.own_p95 > GOAL_MS for one in whole), kb=round(max(one.kb for one in found), 1),
    )  # fmt: skip


if __name__ == "__main__":
    main()
