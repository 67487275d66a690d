"""The demo's life: month by month joiners, changes, payments, usage files and bill runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from django.db import connection, transaction

from meterline.billing import services as billing
from meterline.billing.workers import processes
from meterline.catalog import files as catalog_files
from meterline.catalog import services as catalog
from meterline.demo import sql
from meterline.demo.contracts import contracts
from meterline.demo.customers import create_sellers, import_joiners
from meterline.demo.events import Event, events
from meterline.demo.files import write_catalogues, write_usage
from meterline.demo.payers import PAYMENTS, payments
from meterline.demo.size import Size
from meterline.ledger import services as ledger
from meterline.payments import services as payment_services
from meterline.platform import clock
from meterline.subscriptions import services as subscriptions
from meterline.usage import services as usage
from meterline.usage.models import Batch

SINCE = date(2000, 1, 1)
"""From when the demo's catalogue holds."""


@dataclass(kw_only=True)
class Story:
    """What the demo did that no table tells: seconds of each kind of work."""

    size: Size
    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)
    invoices: list[Path] = field(default_factory=list)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Add the time of a block to `what`."""
        start = time.monotonic()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - start


def run(size: Size, folder: Path, say: Callable[[str], None]) -> Story:
    """Live through all months; the clock is moved along and runs again afterwards.

    `say` is called with a line a month. Everything is done by the services that the command
    line calls too.
    """
    story = Story(size=size, folder=folder)
    table = contracts(size)
    owed = _no_payments()
    try:
        clock.move_to(_at(size.first, hour=0))
        with story.timed("catalogue"):
            for path in write_catalogues(size, folder):
                catalog.apply(catalog_files.parse(path), effective=SINCE)
            create_sellers()
        with processes(1) as elsewhere:
            jobs = [(size, table, index, folder / "usage") for index in range(size.months)]
            files = [elsewhere.submit(write_usage, *job) for job in jobs]
            for index, delivered in enumerate(files):
                owed = _month(story, table, index, delivered, owed, say)
    finally:
        clock.move_to(None)
    return story


def _month(
    story: Story,
    table: pl.DataFrame,
    index: int,
    delivered: Future[list[Path]],
    owed: pl.DataFrame,
    say: Callable[[str], None],
) -> pl.DataFrame:
    """One month, from the joiners to the bill run; gives the payments still to come. `delivered`:
    its files of usage.

    What does not depend on each other is done side by side, as several people would: payments are
    booked while contracts change, and earned revenue is recognised while usage is loaded.
    """
    size, after = story.size, story.size.month(index + 1)
    with story.timed("contracts"):
        clock.move_to(_at(size.month(index), hour=6))
        joined = import_joiners(table, size.month(index), after, story.folder)
    collected = _at(after, hour=0) - timedelta(days=2)
    clock.move_to(collected)
    due = owed.filter(pl.col("at") <= collected)
    with _beside(partial(payment_services.pay_many, due)) as paid:
        with story.timed("contracts"):
            entered = events(size, table, index)
            with transaction.atomic():  # an evening's work, written to the disk once
                for event in entered:
                    _enter(event)
        with story.timed("payments"):
            paid.result()
    clock.move_to(_at(after, hour=12))
    with _beside(partial(ledger.recognise, after)) as recognised:
        with story.timed("usage"):
            records = sum(_load(path, story.folder).records for path in delivered.result())
        with story.timed("ledger"):
            recognised.result()
    with story.timed("bill runs"):
        report = billing.run(after)
        made = _invoices(report.run_id)
    say(
        f"{size.month(index):%Y-%m}  {joined:>6,} joined {len(entered):>4} changes"
        f" {due.height:>6,} payments {records:>9,} records {report.invoices:>6,} invoices"
    )
    coming = payments(size, table, made, clock.now())
    return pl.concat([owed.filter(pl.col("at") > collected), coming])


@contextmanager
def _beside(work: Callable[[], object]) -> Iterator[Future[object]]:
    """`work` on a connection of its own, while what is inside is done."""

    def done() -> object:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(done)


def _load(path: Path, folder: Path) -> Batch:
    """Meter data name their registers: a mapping tells which meters they are."""
    mapping = folder / "nem12.yaml" if path.name.endswith(".nem12.csv") else None
    return usage.load_file(path, mapping=mapping)


def _enter(event: Event) -> None:
    match event.kind:
        case "change":
            subscriptions.change(event.account, event.value, event.at)
        case "set_quantity":
            subscriptions.set_quantity(event.account, int(event.value), event.at)
        case "cancel":
            subscriptions.cancel(event.account, event.at, when="now")


def _invoices(run_id: int | None) -> pl.DataFrame:
    return pl.DataFrame(sql.rows(sql.RUN_INVOICES, run_id), schema=_INVOICES)


_INVOICES: dict[str, Any] = {
    "number": pl.String, "account": pl.String, "currency": pl.String, "due": pl.Decimal(38, 10),
}  # fmt: skip


def _no_payments() -> pl.DataFrame:
    return pl.DataFrame(schema=PAYMENTS)


def _at(day: date, *, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
