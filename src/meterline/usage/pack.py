"""Compaction: the files of many small batches become those of one folder. The batches, their totals
and the numbers of their records stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
from django.db import transaction
from django.db.models import QuerySet

from meterline.platform import audit, files
from meterline.usage.folders import KINDS, frames, put_in_place
from meterline.usage.load import lock_batches, lock_loading
from meterline.usage.models import Batch
from meterline.usage.store import PACK, BatchFolder, scan

SMALL = 100_000  # rated records: batches of fewer are packed
PACKED_MOST = 1_000_000  # rated records in a pack
_TOGETHER_MOST = 5_000  # batches in a pack


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What compaction did."""

    batches: int
    packs: int


def small() -> QuerySet[Batch]:
    """The small batches that have folders of their own."""
    rows = Batch.objects.filter(state="committed", records_at="here", rated__lt=SMALL)
    return rows.exclude(path="").exclude(path__startswith=PACK)


def _groups() -> list[list[Batch]]:
    """The small batches as they would be packed."""
    found: list[list[Batch]] = []
    room = 0
    for one in small().order_by("pk"):
        if not found or one.rated > room or len(found[-1]) >= _TOGETHER_MOST:
            found.append([])
            room = PACKED_MOST
        found[-1].append(one)
        room -= one.rated
    return [group for group in found if len(group) > 1]


def compact() -> Packed:
    """Pack small batches, a pack a transaction. Killed anywhere, what is packed is packed, and the
    rest is as it was."""
    batches = packs = 0
    for group in _groups():
        batches += _pack([one.pk for one in group])
        packs += 1
    return Packed(batches=batches, packs=packs)


@transaction.atomic
def _pack(ids: list[int]) -> int:
    lock_loading()
    rows = Batch.objects.filter(pk__in=ids, state="committed", records_at="here")
    batches = list(rows.exclude(path__startswith=PACK).order_by("pk"))
    folder = BatchFolder(PACK)
    try:
        for kind in KINDS:
            frame = _together(kind, batches)
            if frame is not None:
                folder.write(frame, kind, "000001")
        folder.close()
        lock_batches()
        put_in_place(batches, folder)
        audit.record("usage.compact", f"usage_folder:{folder.name}", after={"batches": ids})
    except BaseException:
        folder.remove()
        raise
    return len(batches)


def _together(kind: str, batches: list[Batch]) -> pl.DataFrame | None:
    parts = list(_rows(kind, batches))
    return pl.concat(parts, how="diagonal") if parts else None


def _rows(kind: str, batches: list[Batch]) -> Iterator[pl.DataFrame]:
    """The rows of a kind, batch by batch, in the order of their lines."""
    for one in batches:
        path = files.folder("usage") / one.path
        if kind == "superseded":
            yield from frames(path, kind, one.pk)
            continue
        rows = scan(path, kind, [one.pk])
        if rows is not None:
            yield rows.collect().sort("line", maintain_order=True)
