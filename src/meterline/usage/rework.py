"""Rating any selection of records anew, under catalogue and contracts as they are now.

What changes is superseded by new batches, in one transaction. Records that may draw on allowances
are rated with all that their subscriptions used from then on, since what one takes the others find
missing; all others a stretch at a time, so that memory stays flat.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

import polars as pl
from django.db import transaction

from meterline.catalog.models import Entry, PlanVersion
from meterline.platform import audit
from meterline.platform.ahead import ahead
from meterline.usage import reference as references
from meterline.usage.again import COMPARED, as_rejects, changed_lines
from meterline.usage.correct import CORRECTIONS, rerate_each
from meterline.usage.deduplicate import KEY, keys
from meterline.usage.guide import GUIDED, guide
from meterline.usage.load import lock_batches, lock_loading, register_batch, write_rejects
from meterline.usage.models import Batch
from meterline.usage.parts import Selection, Stretch, stretches
from meterline.usage.process import Reference, rate_and_place
from meterline.usage.store import PLACE, BatchFolder, live
from meterline.usage.totals import TOTALS, added, negated, totals

_WORKERS = os.cpu_count() or 1
_AHEAD = 2  # stretches that are read before they are asked for
_TOTALS_MOST = 1_000_000
_OWNERS = 2_000  # subscriptions with allowances that are rated anew at a time
_OWNER: dict[str, Any] = {"subscription_id": pl.Int64, "since": pl.Datetime("us", "UTC")}
_REFUSED: dict[str, Any] = {"file_name": pl.String, "line": pl.UInt32, "reason": pl.String,
                            "detail": pl.String, "record": pl.String}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Reworked:
    """What came of a selection that was rated anew."""

    records: int  # looked at
    changed: int
    refused: int  # that cannot be rated any more
    batches: tuple[Batch, ...]  # that supersede what changed


@transaction.atomic
def rework(wanted: Selection, *, progress: Callable[[int], None] | None = None) -> Reworked:
    """Rate a selection anew. `progress(records)` is called as it goes. Nothing else is loaded or
    taken out meanwhile; contracts may change, then it begins anew."""
    lock_loading()
    while True:
        mark = _mark()
        job = _Rework(wanted, progress)
        try:
            job.run()
            lock_batches()
            if mark != _mark():
                job.discard()
                continue
            newest = Batch.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            job.register()
        except BaseException:
            job.discard()
            raise
        break
    _with_allowances(job.owners)
    made = tuple(Batch.objects.filter(pk__gt=newest, format="re-rate").order_by("pk"))
    outcome = Reworked(
        records=job.records, changed=sum(one.records for one in made),
        refused=sum(one.rejected for one in made), batches=made,
    )  # fmt: skip
    if made:
        told = {"batches": [one.pk for one in made], "records": outcome.changed}
        audit.record("usage.rerate", "usage", after={**_told(wanted), **told})
    return outcome


def _told(wanted: Selection) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in vars(wanted).items()
        if value is not None
    }


def _mark() -> tuple[int, ...]:
    """What tells whether something by which records are rated has changed, or records were
    replaced."""
    newest = [
        rows.order_by("-pk").values_list("pk", flat=True).first() or 0
        for rows in (
            Batch.objects.filter(format__in=CORRECTIONS), PlanVersion.objects.all(),
            Entry.objects.all(),
        )
    ]  # fmt: skip
    return (references.newest_change(), *newest)


def _with_allowances(owners: pl.DataFrame) -> None:
    for some in owners.sort("subscription_id").iter_slices(_OWNERS):
        rerate_each(some)


@dataclass(frozen=True, kw_only=True)
class _Worked:
    """A stretch that was rated anew."""

    records: int
    changed: int
    rated: int
    totals: pl.DataFrame  # of what changed: less the old, and the new
    rejects: pl.DataFrame
    owners: pl.DataFrame
    first: datetime | None
    last: datetime | None


class _Rework:
    """The batch of what changes in a selection, in the making."""

    def __init__(self, wanted: Selection, progress: Callable[[int], None] | None) -> None:
        self.records = self.changed = self.rated = 0
        self.owners = pl.DataFrame(schema=_OWNER)
        self._wanted, self._progress = wanted, progress
        self._folder: BatchFolder | None = BatchFolder()
        self._totals: list[pl.DataFrame] = []
        self._rejects = [pl.DataFrame(schema=_REFUSED)]
        self._reference: Reference | None = None
        self._starts: list[datetime] = []

    def run(self) -> None:
        """Rate the stretches, side by side, and write what changed."""
        standing = live(self._wanted.start, self._wanted.end, whole=True)
        at_work: deque[Future[_Worked]] = deque()
        done = 0
        with ThreadPoolExecutor(_WORKERS) as workers:
            for part, one in enumerate(ahead(stretches(standing, self._wanted), _AHEAD), 1):
                reference = self._reference_for(one.records)
                at_work.append(workers.submit(_work, one, reference, self._written(), part, done))
                done += one.records.height
                while len(at_work) > _WORKERS:
                    self._take(at_work.popleft().result())
            while at_work:
                self._take(at_work.popleft().result())

    def register(self) -> None:
        """Commit the batch, if anything changed; after lock_batches()."""
        if not self.changed:
            self.discard()
            return
        folder = self._written()
        folder.close()
        made = register_batch(
            added(self._totals), folder, [], source="re-rate", file_name="", format="re-rate",
            digest="", records=self.changed, rated=self.rated,
            rejected=self.changed - self.rated, duplicates=0, supersedes=True,
            first_start=min(self._starts), last_start=max(self._starts),
        )  # fmt: skip
        write_rejects(made, pl.concat(self._rejects))
        self._folder = None

    def discard(self) -> None:
        """Take away what was written, unless it is registered."""
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def _written(self) -> BatchFolder:
        assert self._folder is not None
        return self._folder

    def _reference_for(self, records: pl.DataFrame) -> Reference:
        if self._reference is None:
            if records.height <= references.FEW_RECORDS:
                return references.reference_for(records)
            self._reference = references.reference_of_all()
        return self._reference

    def _take(self, worked: _Worked) -> None:
        self.records += worked.records
        self.changed += worked.changed
        self.rated += worked.rated
        self._rejects.append(worked.rejects)
        self._totals.append(worked.totals)
        if sum(part.height for part in self._totals[1:]) > _TOTALS_MOST:
            self._totals = [added(self._totals)]
        self.owners = (
            pl.concat([self.owners, worked.owners])
            .group_by("subscription_id")
            .agg(pl.col("since").min())
        )
        self._starts += [one for one in (worked.first, worked.last) if one is not None]
        if self._progress:
            self._progress(self.records)


def _work(one: Stretch, reference: Reference, folder: BatchFolder, part: int, done: int) -> _Worked:
    """Rate a stretch anew and write what changed. In the new batch, its records are numbered on
    from `done`."""
    stored = one.records.with_columns(
        new_line=pl.int_range(done + 1, done + 1 + one.records.height, dtype=pl.UInt32)
    )
    places = stored.select("batch_id", "line", "new_line")
    numbered = _numbered(one.rated, places)
    old = numbered.sort("line", "price_id") if _is_mixed(numbered) else numbered
    records = stored.drop(*PLACE, *GUIDED, strict=False).rename({"new_line": "line"})
    again = records.with_columns(local=pl.lit(None, pl.Datetime("us")))
    guided, lost = guide(again, reference.holders)
    kept, rated, refused = rate_and_place(guided, reference)
    new = rated.sort("line", "price_id") if _is_mixed(rated) else rated
    waits = _waiting(new, old, one.uses, reference, places)
    owners = _owners(waits, old, new)
    if waits.height:
        old, new, kept = (
            f.join(waits, on="line", how="anti", maintain_order="left") for f in (old, new, kept)
        )
    refused = pl.concat([frame.select("line", "reason", "detail") for frame in (lost, refused)])
    worked = _written(old, new, kept, records, refused, folder, part)
    return replace(worked, owners=owners)


def _numbered(rated: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Rated rows in the new numbers, with was (their line) and origin as it is from now on."""
    if rated["line"].equals(places["line"]) and rated["batch_id"].equals(places["batch_id"]):
        joined = rated.hstack(places.select("new_line"))  # a price a record, as is usual
    else:
        joined = rated.join(places, on=PLACE, maintain_order="left")
    return joined.rename({"line": "was", "new_line": "line"}).with_columns(
        origin=pl.when(pl.col("origin") == 0).then("batch_id").otherwise("origin")
    )


def _is_mixed(rated: pl.DataFrame) -> bool:
    """Whether rows are not in the order of lines, or a line has several."""
    return bool((rated["line"].cast(pl.Int64).diff(null_behavior="drop") <= 0).any())


def _waiting(
    new: pl.DataFrame,
    old: pl.DataFrame,
    uses: pl.DataFrame,
    reference: Reference,
    places: pl.DataFrame,
) -> pl.DataFrame:
    """line, of the records that may draw on an allowance, or did."""
    drew = places.join(uses, on=PLACE, how="semi").select(line="new_line")
    touched = reference.cover.touches(new)
    may = new.select("line") if touched is None else new.filter(touched).select("line")
    before = reference.cover.touches(old)
    might = old.select("line") if before is None else old.filter(before).select("line")
    return pl.concat(
        [drew, *(some for mask, some in ((touched, may), (before, might)) if mask is not None)]
    ).unique()


def _owners(waits: pl.DataFrame, old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """subscription_id and since, of the records that wait."""
    both = [f.join(waits, on="line", how="semi").select("subscription_id", "start")
            for f in (old, new)]  # fmt: skip
    return pl.concat(both).group_by("subscription_id").agg(pl.col("start").min().alias("since"))


def _written(
    old: pl.DataFrame,
    new: pl.DataFrame,
    kept: pl.DataFrame,
    records: pl.DataFrame,
    refused: pl.DataFrame,
    folder: BatchFolder,
    part: int,
) -> _Worked:
    """What changed is written."""
    changed = changed_lines(old, new, COMPARED)
    if changed.is_empty():
        none = pl.DataFrame(schema=_REFUSED)
        return _Worked(
            records=records.height, changed=0, rated=0, totals=pl.DataFrame(schema=TOTALS),
            rejects=none, owners=pl.DataFrame(schema=_OWNER), first=None, last=None,
        )  # fmt: skip
    gone = old if changed.height == records.height else _among(old, changed)
    came = new if changed.height == records.height else _among(new, changed)
    whole = kept if changed.height == records.height else _among(kept, changed)
    origins = gone.select("line", "origin").unique("line", maintain_order=True)
    keyed = keys(whole["id"]).select(KEY).hstack(whole.select("line"))
    folder.add(part, whole, _with_origin(came, origins), _with_origin(keyed, origins))
    lost = _among(records, changed).join(whole, on="line", how="anti")
    folder.take_out(lost.drop("origin", strict=False).join(origins, on="line"), part)
    folder.supersede(gone.select("batch_id", line="was").unique(maintain_order=True), part)
    starts = gone["start"]
    return _Worked(
        records=records.height, changed=changed.height, rated=whole.height,
        totals=added([totals(came), negated(totals(gone))]),
        rejects=as_rejects(records, refused, changed).select(
            pl.col(name).cast(kind) for name, kind in _REFUSED.items()),
        owners=pl.DataFrame(schema=_OWNER),
        first=cast(datetime, starts.min()), last=cast(datetime, starts.max()),
    )  # fmt: skip


def _among(rows: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    return rows.join(lines, on="line", how="semi", maintain_order="left")


def _with_origin(rows: pl.DataFrame, origins: pl.DataFrame) -> pl.DataFrame:
    if rows["line"].equals(origins["line"]):
        return rows.hstack(origins.select("origin"))
    return rows.join(origins, on="line", maintain_order="left")
