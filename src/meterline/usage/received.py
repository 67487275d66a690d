"""What was received becomes batches: by the same load as files, in the order of its coming.

The batch and the fate of its events are committed together, so that a delivery is loaded once, and
whole, whatever breaks in between.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from django.db import connection, transaction

from meterline.platform import clock
from meterline.usage import services
from meterline.usage.errors import NotWritten
from meterline.usage.events import decoded
from meterline.usage.formats import Decoded
from meterline.usage.load import Load, lock_loading
from meterline.usage.models import Batch, Receipt
from meterline.usage.receipts import text_of

FILE_NAME = "receipts"
_log = logging.getLogger(__name__)
_BATCH_MOST = 500_000  # events
_CHUNK_MOST = 20_000
_ENOUGH = 50_000  # events, for which it is not waited longer
_GATHERED_SECONDS = 0.5  # for so long events gather, so that batches are few
_LOOK_SECONDS = 0.1
_AGAIN_SECONDS = 5.0  # after the disk was full, or the database was gone


def consume() -> Batch | None:
    """Load what waits of one source and format, the oldest first; None if nothing waits."""
    with transaction.atomic():
        lock_loading()
        taken = _taken()
        if not taken:
            return None
        first = taken[0]
        load = Load(
            source=first.source, file_name=FILE_NAME, format=first.format, keep_repeated=True
        )
        batch = services.finish(load, _chunks(taken))
        _note_fates(taken, batch, load)
        return batch


def _taken() -> list[Receipt]:
    """The oldest that wait, as many as make a batch; at least one."""
    first = Receipt.objects.filter(state="waiting").order_by("id").first()
    if first is None:
        return []
    alike = Receipt.objects.filter(state="waiting", source=first.source, format=first.format)
    sizes = alike.order_by("id").values_list("id", "events")
    ids: list[int] = []
    total = 0
    for pk, events in sizes.iterator():
        if ids and total + events > _BATCH_MOST:
            break
        ids.append(pk)
        total += events
    return list(Receipt.objects.filter(pk__in=ids).order_by("id"))


def _chunks(taken: Sequence[Receipt]) -> Iterator[Decoded]:
    """The events of receipts; `file_name` is the receipt, `line` the number of the event in it."""
    for part in _parts(taken):
        chunk = decoded(b"\n".join(text_of(one) for one in part), part[0].format)
        events, files = _places(part)
        good, bad = ((rows["line"] - 1).to_numpy() for rows in (chunk.records, chunk.rejects))
        yield Decoded(
            records=chunk.records.with_columns(line=events[good]),
            rejects=chunk.rejects.with_columns(line=events[bad], file_name=files[bad]),
            file_names=files[good],
        )


def _parts(taken: Sequence[Receipt]) -> Iterator[list[Receipt]]:
    part: list[Receipt] = []
    events = 0
    for one in taken:
        if part and events + one.events > _CHUNK_MOST:
            yield part
            part, events = [], 0
        part.append(one)
        events += one.events
    yield part


def _places(part: Sequence[Receipt]) -> tuple[pl.Series, pl.Series]:
    """The number of the event of each line in its receipt, and the receipt's code."""
    counts = np.array([one.events for one in part])
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    codes = pl.Series([one.code for one in part], dtype=pl.String)
    numbers = (np.arange(counts.sum()) - starts + 1).astype(np.uint32)
    return pl.Series(numbers), codes.gather(np.repeat(np.arange(len(part)), counts))


def _note_fates(taken: Sequence[Receipt], batch: Batch, load: Load) -> None:
    """Tell each receipt its batch and what was not rated, in one statement."""
    repeated = dict(load.repeated().group_by("file_name").agg("file_line").iter_rows())
    rejected = dict(load.rejects().group_by("file_name").len().iter_rows())
    lines = [sorted(repeated.get(one.code, [])) for one in taken]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE usage_receipt r SET state = 'done', body = NULL, batch_id = %s, done_at = %s,
                rejected = t.rejected, duplicates = t.duplicates, repeated = t.repeated::jsonb
            FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::text[])
                AS t (id, rejected, duplicates, repeated)
            WHERE r.id = t.id
            """,
            [batch.pk, clock.now(), [one.pk for one in taken],
             [rejected.get(one.code, 0) for one in taken], [len(one) for one in lines],
             [str(one) for one in lines]],
        )  # fmt: skip


def consume_all() -> list[Batch]:
    """Load all that waits."""
    made = []
    while (batch := consume()) is not None:
        made.append(batch)
    return made


def run(stop: threading.Event) -> None:
    """Load what comes, until told to stop. Where the disk is full, nothing is lost: it is tried
    again."""
    while not stop.is_set():
        try:
            if _gather(stop):
                consume()
        except NotWritten as error:
            _log.error("usage that was received waits: %s", error.message)
            stop.wait(_AGAIN_SECONDS)


def _gather(stop: threading.Event) -> bool:
    """Wait until something is there, and for a while for more of it."""
    seen_at: float | None = None
    while not stop.is_set():
        with connection.cursor() as cursor:
            cursor.execute("SELECT sum(events) FROM usage_receipt WHERE state = 'waiting'")
            events = cursor.fetchone()[0] or 0
        if events and seen_at is None:
            seen_at = time.monotonic()
        gathered = seen_at is not None and time.monotonic() - seen_at >= _GATHERED_SECONDS
        if events >= _ENOUGH or (events and gathered):
            return True
        stop.wait(_LOOK_SECONDS)
    return False
