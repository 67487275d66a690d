"""What else comes by the way of usage: files that are not usage yet, such as meter reads. They
share its batches, with their counts, and its rejects; another room makes usage of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from meterline.usage import formats
from meterline.usage.blocks import head
from meterline.usage.errors import BatchNotBackedOut
from meterline.usage.models import Batch, Reject


class Intake(Protocol):
    """A kind of files, and the format that their batches have."""

    NAME: str

    def sniff(self, head: bytes) -> bool:
        """Whether a file that begins like this is of this kind."""
        ...

    def load(
        self, path: Path, *, source: str, digest: str, progress: Callable[[int], None] | None
    ) -> Batch:
        """Load a file, inside a transaction, after lock_loading(). Raises UsageFileError."""
        ...

    def recycle(self, rejects: Sequence[Reject], changes: Mapping[str, str]) -> Batch:
        """Try rejects again, with some fields changed."""
        ...

    def back_out(self, batch: Batch) -> Batch:
        """Take a batch out again; the batch that does it."""
        ...


_KINDS: dict[str, Intake] = {}


def register(kind: Intake) -> None:
    """Let a kind of files be known."""
    _KINDS[kind.NAME] = kind


def all_names() -> list[str]:
    """What a file may be said to be: a format of usage, or a kind of its own."""
    return [*formats.names(), *sorted(_KINDS)]


def of_file(path: Path, format: str | None) -> Intake | None:
    """The kind of a file, by the format that is named or else by its content."""
    if format is not None:
        return _KINDS.get(format)
    beginning = head(path)
    return next((kind for kind in _KINDS.values() if kind.sniff(beginning)), None)


def of_batch(batch: Batch) -> Intake | None:
    """The kind of a batch. Raises BatchNotBackedOut for one that was made of others by a kind."""
    if batch.format not in _KINDS and batch.source in _KINDS:
        why = f"made of {batch.source}: back out the batch that they came with"
        raise BatchNotBackedOut(batch_id=batch.pk, why=why)
    return _KINDS.get(batch.format)


def apart(rejects: Sequence[Reject]) -> tuple[list[Reject], list[Reject]]:
    """The rejects of usage, and those of other kinds."""
    formats = dict(
        Batch.objects.filter(pk__in={row.batch_id for row in rejects}).values_list("pk", "format")
    )
    own = [row for row in rejects if formats[row.batch_id] not in _KINDS]
    return own, [row for row in rejects if formats[row.batch_id] in _KINDS]


def recycled(rejects: Sequence[Reject], changes: Mapping[str, str]) -> Batch | None:
    """Rejects of other kinds tried again; the last batch that it made."""
    made = None
    for name, kind in _KINDS.items():
        mine = [row for row in rejects if row.batch.format == name]
        if mine:
            made = kind.recycle(mine, changes)
    return made
