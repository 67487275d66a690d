"""Keys of new batches are written as runs, which known.py looks into, and runs are merged: a newer
with an older one as long as that is not twice as large. So there are few, and a key is written
seldom."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from django.db import connection, transaction

from meterline.platform import files
from meterline.usage import key_run
from meterline.usage.deduplicate import KEY
from meterline.usage.key_run import ENTRIES, NOBODY
from meterline.usage.known import backed_out, each, give_up_lost, standing_of, uncovered
from meterline.usage.load import lock_loading
from meterline.usage.models import Batch, KnownKeys, Retired
from meterline.usage.store import BatchFolder, live

BATCHES_MOST, KEYS_MOST = 32, 250_000  # that lie in no run, before the worker writes one
_WAITING = 16  # times as many: then whoever loads does it
_RUN_KEYS = 4_000_000  # read at a time to be written
_TEND_LOCK = 7206303
_PREFIX = "keys-"
_log = logging.getLogger(__name__)


def tend(*, batches_most: int = BATCHES_MOST, keys_most: int = KEYS_MOST) -> int:
    """Write the keys of newer batches as a run where there are more than so many, and merge runs;
    how many runs there are. Killed anywhere, what was known is known."""
    with transaction.atomic():
        lock_tending()
        lock_loading()
        give_up_lost()
        rows = uncovered()
        if len(rows) > batches_most or sum(one.rated for one in rows) > keys_most:
            anew = not KnownKeys.objects.exists()
            for entries in _entries(rows, backed_out(), anew=anew):
                _write(entries, rows[-1].pk)
    while _merge_two():
        continue
    return KnownKeys.objects.count()


def tend_behind() -> None:
    """Tend keys where much more waits than a worker would leave; a full disk is no harm."""
    try:
        tend(batches_most=_WAITING * BATCHES_MOST, keys_most=_WAITING * KEYS_MOST)
    except OSError as error:
        _log.warning("keys of records were not written as a run: %s", error)


def lock_tending() -> None:
    """Runs are written by one at a time, until the transaction ends; before lock_loading()."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TEND_LOCK])


def _entries(rows: Sequence[Batch], dead: Sequence[int], *, anew: bool) -> Iterator[pl.DataFrame]:
    """ENTRIES of batches, some at a time; first what was taken out of those before them.

    `anew`: no run is there, so that any batch may have superseded what is in these.
    """
    standing = standing_of(rows, dead)
    if anew:
        standing = replace(standing, superseded=live().superseded)
    elif gone := list(each("gone", standing)):
        yield pl.concat(gone).select(*KEY, owner=pl.lit(NOBODY, pl.Int64)).unique(KEY)
    own = pl.when(pl.col("origin") == 0).then("batch_id").otherwise("origin")
    held = [pl.DataFrame(schema=ENTRIES)]
    for keyed in each("keys", standing):
        held.append(standing.standing(keyed).with_columns(owner=own).select(*ENTRIES))
        if sum(part.height for part in held) >= _RUN_KEYS:
            yield pl.concat(held)
            held = held[:1]
    yield pl.concat(held)


def _write(entries: pl.DataFrame, batch_last: int) -> None:
    folder = BatchFolder(_PREFIX)
    try:
        count = key_run.write(entries, folder.path)
        _close(folder)
        KnownKeys.objects.create(path=folder.name, batch_last=batch_last, keys=count)
    except BaseException:
        folder.remove()
        raise


def _close(folder: BatchFolder) -> None:
    for file in folder.path.iterdir():
        files.sync(file)
    folder.close()


@transaction.atomic
def _merge_two() -> bool:
    """Merge a run that is at least half as large as the one before it with that; whether there was
    one. Of several the smallest, so that many runs of one load are merged like a tree. Loads go on
    meanwhile."""
    lock_tending()
    rows = list(KnownKeys.objects.order_by("pk"))
    pairs = [n for n in range(1, len(rows)) if rows[n - 1].keys <= 2 * rows[n].keys]
    if not pairs:
        return False
    nth = min(pairs, key=lambda n: rows[n - 1].keys + rows[n].keys)
    older, newer = rows[nth - 1], rows[nth]
    folder = BatchFolder(_PREFIX)
    try:
        count = key_run.merge(
            key_run.opened(_path(older)), key_run.opened(_path(newer)), folder.path,
            dead=np.array(backed_out(), dtype=np.int64), last=older == rows[0],
        )  # fmt: skip
        _close(folder)
        lock_loading()
        if KnownKeys.objects.filter(pk__in=[older.pk, newer.pk]).count() == 2:
            Retired.objects.bulk_create([Retired(path=one.path) for one in (older, newer)])
            older.delete()
            KnownKeys.objects.filter(pk=newer.pk).update(path=folder.name, keys=count)
        else:  # a load found them damaged, and has given them up
            folder.remove()
    except BaseException:
        folder.remove()
        raise
    return True


def _path(row: KnownKeys) -> Path:
    return files.folder("usage") / row.path
