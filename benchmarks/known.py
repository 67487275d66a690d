"""Deduplication beside very many records: small batches against those that were stored before.

Batches of 1,000 records are loaded one after another, with keys tended as the worker tends them;
first where nothing is known, which is the limit, then where 50,000,000 records are, whose keys were
written by the batch and tended too. One record in ten has come before. Seconds are the processor's
of this process for a batch, in the middle and at the worst, with the tending.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime

import measure
import numpy as np
import polars as pl

BATCH_KEYS = 5_000_000
CATALOGUE = """
currency: EUR
timezone: Europe/Rome
meters: {calls: {aggregation: count}}
plans:
  basic: {prices: {calls: {kind: usage, meter: calls, model: per_unit, unit_amount: "0.01"}}}
"""


def subscribe() -> None:
    """One customer."""
    from meterline.catalog import services as catalog
    from meterline.catalog.files import parse_data
    from meterline.catalog.yaml import load_all
    from meterline.customers import services as customers
    from meterline.subscriptions import services as subscriptions

    document = load_all(CATALOGUE, "known.yaml")[0]
    catalog.apply(parse_data(document.data, lines=document.lines, file="known.yaml", at=()))
    account = customers.create_account(code="a", currency="EUR", timezone="Europe/Rome")
    subscriptions.subscribe(
        account_id=account.pk, plan="basic", code="s", at=datetime(2026, 1, 1, tzinfo=UTC)
    )


def store(chance: np.random.Generator, count: int) -> float:
    """Batches with the keys of so many records; the seconds in which they were made runs."""
    from django.db import transaction

    from meterline.usage.load import register_batch
    from meterline.usage.store import KEYS, BatchFolder
    from meterline.usage.tend_keys import tend
    from meterline.usage.totals import TOTALS

    spent = 0.0
    for done in range(0, count, BATCH_KEYS):
        size = min(BATCH_KEYS, count - done)
        halves = (chance.integers(0, 2**64, size, dtype=np.uint64) for _ in range(2))
        lines = np.arange(1, size + 1, dtype=np.uint32)
        columns = (*halves, lines, np.zeros(size, dtype=np.int64))
        folder = BatchFolder()
        folder.write(pl.DataFrame(dict(zip(KEYS, columns, strict=True))), "keys", "000001")
        folder.close()
        with transaction.atomic():
            register_batch(
                pl.DataFrame(schema=TOTALS), folder, [], source="before", file_name="",
                format="csv", digest="", records=size, rated=size, rejected=0, duplicates=0,
            )  # fmt: skip
        start = time.process_time()
        tend()
        spent += time.process_time() - start
    return spent


def load(first: int, batches: int) -> list[float]:
    """The seconds that each batch takes."""
    from meterline.usage import services
    from meterline.usage.tend_keys import tend

    spent = []
    for number in range(batches):
        ids = np.arange(1000) + first + number * 900
        records = pl.DataFrame({"id": ids}).select(
            id=pl.format("r{}", "id"), meter=pl.lit("calls"), subscription=pl.lit("s"),
            start=pl.lit("2026-01-05T10:00:00Z"),
        )  # fmt: skip
        start = time.process_time()
        batch = services.load_records(records, source="known")
        tend()
        spent.append(time.process_time() - start)
        assert batch.duplicates == (100 if number else 0)
    return spent[len(spent) // 10 :]  # what a process does once is done


def main() -> None:
    """Load, store, load again, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--known", type=int, default=50_000_000)
    parser.add_argument("--batches", type=int, default=330)
    wanted = parser.parse_args()
    with measure.scratch():
        from meterline.platform import clock
        from meterline.usage.models import KnownKeys

        clock.move_to(datetime(2026, 2, 1, tzinfo=UTC))
        subscribe()
        alone = load(0, wanted.batches)
        tended = store(np.random.default_rng(1), wanted.known)
        beside = load(10**9, wanted.batches)
        runs = [
            f"{count:,}"
            for count in KnownKeys.objects.order_by("pk").values_list("keys", flat=True)
        ]
    print(
        f"a batch of 1,000: {statistics.median(alone) * 1e3:.1f} ms, at most {max(alone) * 1e3:.0f}"
        f" ms where nothing is known; {statistics.median(beside) * 1e3:.1f} ms, at most"
        f" {max(beside) * 1e3:.0f} ms beside {wanted.known:,}; runs of {', '.join(runs)} keys,"
        f" {tended / wanted.known * 1e6:.2f} µs to tend one"
    )
    measure.report("known", len(beside) * 1000, sum(beside), sum(alone))


if __name__ == "__main__":
    main()
