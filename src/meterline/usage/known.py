"""Which records the stored batches hold, without reading all of their keys again.

Keys of older batches lie in runs (key_run.py), mapped into memory: the database says which run
covers what, so a run without its row is garbage. Those of the newest batches are read, and kept
between loads of a process, until tend_keys.py writes them as a run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from meterline.platform import files
from meterline.usage import key_run
from meterline.usage.deduplicate import KEY, Seen
from meterline.usage.key_run import NOBODY, Array, KeyRun
from meterline.usage.models import Batch, KnownKeys
from meterline.usage.store import KEYS, Live, named, parts_of, superseded_by

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Known:
    """The records that there are, as of one instant."""

    runs: Sequence[KeyRun]  # the newest first
    dead: Array  # the batches that were backed out
    newer: Seen
    gone: Seen  # what has been taken out of runs since they were written

    def has(self, keyed: pl.DataFrame) -> pl.Series:
        """Whether there is a record with each key (KEY)."""
        found = self.newer.has(keyed)
        if not self.runs or keyed.is_empty():
            return found
        high, low = (keyed[name].to_numpy() for name in KEY)
        owner = np.full(len(high), -1, dtype=np.int64)
        for run in self.runs:
            rows = run.find(high, low)
            tells = (rows >= 0) & (owner < 0)
            owner[tells] = run.owner[rows[tells]]
            run.release()
        stands = (owner > NOBODY) & ~np.isin(owner, self.dead)
        return found | (pl.Series(stands) & ~self.gone.has(keyed))


@dataclass(kw_only=True)
class _Newer:
    """The keys of batches that no run covers."""

    batches: tuple[tuple[int, str], ...] = ()
    taken_out: tuple[int, int] = (0, 0)  # batches backed out, records that re-rating has refused
    seen: Seen = field(default_factory=Seen)
    gone: Seen = field(default_factory=Seen)


_newer = _Newer()
_opened: dict[Path, KeyRun] = {}


def forget() -> None:
    """Read everything anew the next time, as a new process does."""
    global _newer
    _newer = _Newer()
    _opened.clear()


def known_records() -> Known:
    """The live records, after lock_loading(); not to be changed."""
    runs = _runs()
    rows, dead = uncovered(), backed_out()
    _keep_up(rows, dead)
    return Known(
        runs=runs, dead=np.array(dead, dtype=np.int64), newer=_newer.seen, gone=_newer.gone
    )


def uncovered() -> list[Batch]:
    """The batches that are newer than all of the runs, in order."""
    newest = KnownKeys.objects.order_by("-batch_last").first()
    rows = Batch.objects.filter(pk__gt=newest.batch_last if newest else 0, state="committed")
    told = ("path", "rated", "rejected", "supersedes", "format")
    return list(rows.exclude(path="").only(*told).order_by("pk"))


def backed_out() -> list[int]:
    """The batches whose records count no more."""
    rows = Batch.objects.filter(state="backed_out").order_by("pk")
    return list(rows.values_list("pk", flat=True))


def give_up_lost() -> None:
    """Where a run is missing or damaged, forget all of them, so that they are written anew."""
    _opened.clear()
    _runs()


def _runs() -> list[KeyRun]:
    """The runs, the newest first; none where one is missing, so that all are made anew."""
    folder = files.folder("usage")
    paths = [folder / row.path for row in KnownKeys.objects.order_by("-pk")]
    try:
        found = {path: _opened.get(path) or key_run.opened(path) for path in paths}
    except (FileNotFoundError, ValueError) as error:
        _log.warning("the keys of all records are read anew: %s", error)
        KnownKeys.objects.all().delete()  # what is left of them is garbage
        return []
    _opened.clear()
    _opened.update(found)
    return list(found.values())


def standing_of(rows: Sequence[Batch], dead: Sequence[int]) -> Live:
    """The rows of batches; what of them is superseded, as far as they tell it themselves."""
    folder = files.folder("usage")
    return Live(
        batches=[(one.pk, folder / one.path) for one in rows],
        backed_out=dead,
        superseded=superseded_by([one.path for one in rows if one.supersedes]),
    )


def _keep_up(rows: Sequence[Batch], dead: Sequence[int]) -> None:
    """Add the keys of batches that have come; begin anew where something was taken out."""
    global _newer
    batches = tuple((one.pk, one.path) for one in rows)
    refused = sum(one.rejected for one in rows if one.format == "re-rate")
    length = len(_newer.batches)
    if batches[:length] != _newer.batches or (len(dead), refused) != _newer.taken_out:
        _newer, length = _Newer(taken_out=(len(dead), refused)), 0
    standing = standing_of(rows, dead)
    came = replace(standing, batches=standing.batches[length:])
    for keyed in each("keys", came):
        _newer.seen.add(came.standing(keyed))
    for keyed in each("gone", came):
        _newer.gone.add(keyed)
    _newer.batches = batches


def each(kind: str, standing: Live) -> Iterator[pl.DataFrame]:
    """KEYS and batch_id of a kind of files (keys, gone), a file at a time."""
    for path, batch_ids in standing.folders.items():
        for file in parts_of(path, kind):
            yield named(pl.scan_parquet(file), path, batch_ids).select("batch_id", *KEYS).collect()
