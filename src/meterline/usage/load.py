"""Loading: chunks are processed and written, then one transaction registers the batch."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Thread
from typing import Any, cast

import polars as pl
from django.db import connection

from meterline.platform import clock, engine, events
from meterline.platform.database import write_frame
from meterline.rating.properties import plain
from meterline.subscriptions import store as subscriptions
from meterline.usage import reference as references
from meterline.usage.allowances import Waiting, waiting, write_drawn
from meterline.usage.compile import compile_loops
from meterline.usage.known import known_records
from meterline.usage.models import Batch, Source
from meterline.usage.process import Prepared, Reference, prepare, process
from meterline.usage.seen_many import SeenMany
from meterline.usage.settle import LATE, settle
from meterline.usage.staging import Staging
from meterline.usage.store import BatchFolder
from meterline.usage.totals import TOTALS, added, control_totals, totals

_TOTALS_LEAST, _TOTALS_MOST = 500_000, 1_000_000
_LOAD_LOCK = 7206301
_BATCH_LOCK = 7206302
CHECK = "check"  # the reason of what a mapping's check refuses
_HERE = pl.lit(0, pl.Int64).alias("origin")
_REJECTED = {"file_name": pl.String, "line": pl.UInt32, "reason": pl.String, "detail": pl.String,
             "record": pl.String}  # fmt: skip


def lock_loading() -> None:
    """One load at a time, until the transaction ends: each sees the records of those before."""
    _lock(_LOAD_LOCK)


def lock_batches() -> None:
    """Batches are registered one after another, so their ids increase in the order of commits.

    Contract changes wait until the transaction ends, so none is missed by a batch and none misses
    it; whoever makes one takes the same locks in the same order.
    """
    subscriptions.lock_log()
    _lock(_BATCH_LOCK)


def _lock(key: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def oldest_of(source: str, now: datetime) -> datetime | None:
    """Before when a record of a source must not start, lest it goes to review; None: any time."""
    days = Source.objects.filter(code=source).values_list("late_days", flat=True).first()
    return None if days is None else now - timedelta(days=days)


def warm_up() -> None:
    """Have the compiled loops there when the first records are."""
    Thread(target=compile_loops, daemon=True).start()


class Load:
    """A batch in the making; use it inside a transaction, after lock_loading()."""

    def __init__(
        self,
        *,
        source: str,
        file_name: str,
        format: str,
        digest: str = "",
        keep_repeated: bool = False,
        late_too: bool = False,
        everybody: references.Everybody | None = None,
    ) -> None:
        """`keep_repeated`: whether `repeated` is asked for. `late_too`: whatever the age of records
        that the source says is too late. `everybody`: where there will be so many records that
        the contracts of all were read."""
        self.source, self.file_name, self.format, self.digest = source, file_name, format, digest
        self.newest_change = everybody.newest_change if everybody else references.newest_change()
        self.folder = BatchFolder()
        self.records = self.rated = self.duplicates = self._numbered = 0
        self._now = clock.now()
        self._oldest = None if late_too else oldest_of(source, self._now)
        self._totals: list[pl.DataFrame] = []
        self._rejects: list[pl.DataFrame] = []
        self._repeated: list[pl.DataFrame] | None = [] if keep_repeated else None
        self._stored = known_records()
        self._seen = SeenMany(self.folder.path)
        self.late = pl.DataFrame(schema=LATE)  # whose records are to be rated again
        self._staging = Staging(self.folder.path)
        self._drawn: list[pl.DataFrame] = []
        self._workers, self._side_by_side = engine.threads(os.cpu_count() or 1)
        warm_up()
        self._at_work: deque[tuple[pl.DataFrame, engine.Pending]] = deque()
        self._parts = 0
        self._reference = everybody.reference if everybody else None
        self._shared: Any = None  # what stands for the reference on a cluster
        self._first: datetime | None = None
        self._last: datetime | None = None

    def prepare(self, chunk: pl.DataFrame) -> Prepared:
        """Number and normalise a chunk of decoded records: String columns (rating.properties),
        `line` of the file (one line may hold several records), and `file_name` if they come from
        elsewhere.

        Within the batch a record is known by its running number. May be called from another thread
        than `add`, chunk after chunk.
        """
        decoded = chunk.rename({"line": "file_line"}).with_row_index(
            "line", offset=self._numbered + 1
        )
        self._numbered += decoded.height
        return prepare(decoded, source=self.source, now=self._now)

    def add(self, chunk: Prepared) -> None:
        """See what of a chunk is new, and let it be processed and written beside."""
        reference = self._reference_for(chunk.decoded)
        again = self._seen.add(chunk.keys) | self._stored.has(chunk.keys)
        self.records += chunk.decoded.height
        self.duplicates += int(again.sum())
        if self._repeated is not None and again.any():
            self._repeated.append(chunk.typed.filter(again).select(*_SHOWN_PLACE))
        self._parts += 1
        if isinstance(self._workers, engine.Cluster):
            if self._shared is None:
                self._shared = self._workers.share(reference)
            reference = self._shared
        sent = replace(chunk, decoded=chunk.decoded.clear())
        work = self._workers.submit(
            _work, sent, again, reference, self._oldest, self.folder, self._parts
        )
        self._at_work.append((chunk.decoded, work))
        while len(self._at_work) > self._side_by_side:
            self._take_next()

    def reject(self, rejects: pl.DataFrame) -> None:
        """Note lines that could not be decoded: line, reason, detail, record (the text; of what a
        check refused, the fields as JSON), and `file_name` if they come from elsewhere."""
        self.records += rejects.height
        text = pl.struct(pl.col("record").alias("text")).struct.json_encode()
        told = pl.when(pl.col("reason") == CHECK).then("record").otherwise(text)
        named = rejects.with_columns(record=told)
        if "file_name" not in rejects.columns:
            named = named.with_columns(file_name=pl.lit(self.file_name))
        self._rejects.append(named.select(pl.col(n).cast(kind) for n, kind in _REJECTED.items()))

    def register(self) -> Batch:
        """Commit the batch with its totals and rejects, after allowances."""
        while self._at_work:
            self._take_next()
        self._seen.close()
        lock_batches()
        self._settle()
        self._workers.shutdown()
        self.folder.close()
        rejects = self.rejects()
        sums = added(self._totals)
        batch = register_batch(
            sums, self.folder, self._drawn, source=self.source, file_name=self.file_name,
            format=self.format,
            digest=self.digest, records=self.records, rated=self.rated, rejected=rejects.height,
            duplicates=self.duplicates, first_start=self._first, last_start=self._last,
        )  # fmt: skip
        write_rejects(batch, rejects)
        return batch

    def rejects(self) -> pl.DataFrame:
        """file_name, line, reason, detail, record of what was refused."""
        return pl.concat([pl.DataFrame(schema=_REJECTED), *self._rejects])

    def repeated(self) -> pl.DataFrame:
        """file_name, file_line of the duplicates, where that was asked for."""
        return pl.concat([pl.DataFrame(schema=_SHOWN_PLACE), *(self._repeated or ())])

    def touched(self) -> list[int]:
        """The subscriptions to which the batch adds something."""
        parts = [part["subscription_id"] for part in self._totals]
        return pl.concat(parts).unique().sort().to_list() if parts else []

    def discard(self) -> None:
        """Remove what was written: the batch will not be registered."""
        self._workers.shutdown(cancel_futures=True)
        self._seen.close()
        self.folder.remove()

    def _settle(self) -> None:
        """What waits for allowances draws on them, in the order of time; some accounts beside
        others."""
        at_work: deque[engine.Pending] = deque()
        for part, (records, rated) in enumerate(self._staging.shards(), 1):
            those = waiting(records, rated)
            at_work.append(self._workers.submit(_settle_shard, those, self.folder, part))
            while len(at_work) > self._side_by_side:
                self._take_settled(at_work.popleft().result())
        while at_work:
            self._take_settled(at_work.popleft().result())

    def _take_settled(self, settled: _Settled) -> None:
        self._add_totals(settled.totals)
        self._drawn.append(settled.drawn)
        self.late = pl.concat([self.late, settled.late])

    def _add_totals(self, more: pl.DataFrame) -> None:
        """Totals of many chunks are added up on the way, so that they stay few."""
        self._totals.append(more)
        most = min(max(self._totals[0].height, _TOTALS_LEAST), _TOTALS_MOST)
        if sum(part.height for part in self._totals[1:]) > most:
            self._totals = [added(self._totals)]

    def _reference_for(self, decoded: pl.DataFrame) -> Reference:
        if self._reference is None:
            if decoded.height <= references.FEW_RECORDS:
                return references.reference_for(decoded)
            self._reference = references.reference_of_all()
        return self._reference

    def _take_next(self) -> None:
        """What has become of the chunk that has been at work the longest."""
        decoded, work = self._at_work.popleft()
        worked: _Worked = work.result()
        self.rated += worked.rated
        self._reject(worked.rejects, decoded)
        if worked.waiting.height:
            self._staging.add(worked.records, worked.waiting.with_columns(_HERE))
        self._add_totals(worked.totals)
        for start in (worked.first, worked.last):
            if start is not None:
                self._first = start if self._first is None else min(self._first, start)
                self._last = start if self._last is None else max(self._last, start)

    def _reject(self, rejects: pl.DataFrame, decoded: pl.DataFrame) -> None:
        if rejects.is_empty():
            return
        fields = [pl.col(name).alias(plain(name)) for name in decoded.columns if name not in _PLACE]
        places = rejects["line"] - decoded["line"][0]  # numbered on from the first
        about = decoded[places.unique()].select(
            "line",
            "file_line",
            pl.struct(fields).struct.json_encode().alias("record"),
            pl.col("file_name") if "file_name" in decoded.columns
            else pl.lit(self.file_name).alias("file_name"),
        )  # fmt: skip
        named = rejects.join(about, on="line", how="left", maintain_order="left")
        named = named.with_columns(line="file_line")
        self._rejects.append(named.select(pl.col(n).cast(kind) for n, kind in _REJECTED.items()))


_PLACE = ("line", "file_line", "file_name")
_SHOWN_PLACE = {"file_name": pl.String, "file_line": pl.UInt32}


@dataclass(frozen=True, kw_only=True)
class _Worked:
    """A chunk that is written."""

    rated: int  # records
    rejects: pl.DataFrame
    records: pl.DataFrame  # of those that wait for allowances
    waiting: pl.DataFrame
    totals: pl.DataFrame
    first: datetime | None
    last: datetime | None


def _work(
    chunk: Prepared,
    again: pl.Series,
    reference: Reference,
    oldest: datetime | None,
    folder: BatchFolder,
    part: int,
) -> _Worked:
    outcome = process(chunk, again, reference, oldest=oldest)
    rated, starts = outcome.rated.with_columns(_HERE), outcome.records["start"]
    folder.add(part, outcome.records, rated, outcome.keys.with_columns(_HERE))
    waiting = outcome.waiting
    return _Worked(
        rated=outcome.records.height, rejects=outcome.rejects, waiting=waiting,
        records=outcome.records.join(waiting, on="line", how="semi", maintain_order="left"),
        totals=totals(rated),
        first=cast("datetime | None", starts.min()), last=cast("datetime | None", starts.max()),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Settled:
    """Records of some accounts after allowances, written."""

    totals: pl.DataFrame
    drawn: pl.DataFrame
    late: pl.DataFrame


def _settle_shard(those: Waiting, folder: BatchFolder, part: int) -> _Settled:
    outcome = settle(*those)
    folder.add_settled(part, outcome.rated, outcome.uses.with_columns(_HERE))
    return _Settled(totals=totals(outcome.rated), drawn=outcome.drawn, late=outcome.late)


def register_batch(
    sums: pl.DataFrame,
    folder: BatchFolder | None,
    drawn: Sequence[pl.DataFrame],
    **fields: object,
) -> Batch:
    """The batch's row, its totals (TOTALS) and what it draws on allowances (DRAWN), after
    lock_batches()."""
    batch = Batch.objects.create(
        committed_at=clock.now(),
        totals=control_totals(sums),
        path="" if folder is None else folder.name,
        **fields,
    )
    write_frame(
        "usage_total",
        sums.select(pl.lit(batch.id, pl.Int64).alias("batch_id"), *TOTALS),
    )
    write_drawn(batch.id, drawn)
    events.emit(
        "usage.batch", f"usage_batch:{batch.id}",
        {"format": batch.format, "records": batch.records, "rated": batch.rated,
         "rejected": batch.rejected, "duplicates": batch.duplicates},
    )  # fmt: skip
    return batch


def write_rejects(batch: Batch, rejects: pl.DataFrame) -> None:
    """The rejects of a batch: file_name, line, reason, detail, record (JSON)."""
    # PostgreSQL's text and JSON hold no NUL: it is shown as its symbol
    clean = rejects.with_columns(
        pl.col("detail", "record", "file_name").str.replace_all("\0", "\u2400", literal=True),
    ).with_columns(pl.col("record").str.replace_all("\\u0000", "\u2400", literal=True))
    write_frame(
        "usage_reject",
        clean.with_columns(
            pl.lit(batch.id, pl.Int64).alias("batch_id"), pl.lit("open").alias("state")
        ),
    )
