"""Folders of usage that take the place of others: what a folder holds never changes, so that
whoever is reading goes on with what there was; an old one is removed when nobody can be reading."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
from django.db import connection

from meterline import pricing
from meterline.catalog import services as catalog
from meterline.platform import files
from meterline.usage.models import Batch, Retired
from meterline.usage.store import PLACE, BatchFolder, is_in, parts_of, scan

GRACE = timedelta(hours=1)
_COMMITTED_BY = timedelta(minutes=10)  # after it was retired, so nobody finds it any more
_ROWS = 1_000_000
KINDS = ("records", "rated", "keys", "gone", "uses", "superseded")


def put_in_place(batches: Sequence[Batch], folder: BatchFolder, **fields: Any) -> None:
    """Let batches have a folder (closed) from now on; in a transaction, after lock_batches()."""
    before = {one.path for one in batches}
    Batch.objects.filter(pk__in=[one.pk for one in batches]).update(path=folder.name, **fields)
    owned = set(Batch.objects.filter(path__in=before).values_list("path", flat=True))
    Retired.objects.bulk_create(
        [Retired(path=path) for path in sorted(before - owned)], ignore_conflicts=True
    )


def sweep(grace: timedelta = GRACE) -> int:
    """Remove retired folders that no transaction can be reading; how many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # else one transaction sees it once
        cursor.execute(
            """
            SELECT id, path FROM usage_retired r
            WHERE retired_at < clock_timestamp() - %s AND NOT EXISTS (
                SELECT 1 FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                    AND backend_type = 'client backend'  -- a vacuum reads no folders
                    AND xact_start < r.retired_at + least(%s, %s))
            ORDER BY id
            """,
            [grace, grace, _COMMITTED_BY],
        )
        found = cursor.fetchall()
    for number, path in found:
        shutil.rmtree(files.folder("usage") / path, ignore_errors=True)
        Retired.objects.filter(pk=number).delete()
    return len(found)


def measured_prices() -> list[int]:
    """The prices whose records bills measure one by one: those rows stay, whatever becomes of the
    records."""
    meters = catalog.meters()
    known = catalog.tariff().prices.values()
    detailed = {one.meter for one in known if pricing.needs_detail(one, meters)}
    return [one.id for one in known if one.meter in detailed]


def reduced(batch: Batch) -> BatchFolder:
    """A folder with what must stay of a batch whose records go: its keys, since a record counts
    once; what it supersedes; the rows that bills measure one by one. To be closed or removed."""
    folder = BatchFolder()
    try:
        path = files.folder("usage") / batch.path
        for kind in ("keys", "gone", "superseded"):
            for part, frame in enumerate(frames(path, kind, batch.pk), 1):
                folder.write(frame, kind, f"{part:06}")
        rated = scan(path, "rated", [batch.pk])
        if rated is not None:
            kept = rated.filter(is_in("price_id", measured_prices())).collect()
            folder.write(kept.drop("batch_id"), "rated", "000001")
            records = scan(path, "records", [batch.pk])
            if kept.height and records is not None:
                some = kept.select(PLACE).lazy()
                left = records.join(some, on=PLACE, how="semi").collect(engine="streaming")
                folder.write(left.drop("batch_id"), "records", "000001")
        folder.close()
    except BaseException:
        folder.remove()
        raise
    return folder


def frames(path: Path, kind: str, batch_id: int) -> Iterator[pl.DataFrame]:
    """The rows of a kind of a batch as it would have them in a folder of its own, some at a time.
    What a pack supersedes is not told apart by batch, and need not be."""
    if kind == "superseded":
        yield from (pl.read_parquet(one) for one in parts_of(path, kind))
        return
    rows = scan(path, kind, [batch_id])
    if rows is None:
        return
    many = rows.select(pl.len()).collect().item()
    for start in range(0, many, _ROWS):
        yield rows.slice(start, _ROWS).drop("batch_id").collect()
