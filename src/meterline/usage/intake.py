"""What else comes by the way of usage: files that are not usage yet, such as meter reads. They
share its batches, with their counts, and its rejects; another room makes usage of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from meterline.usage import formats
from meterline.usage.blocks import head
from meterline.usage.errors import BatchNotBackedOut
from meterline.usage.models import Batch, Reject


class Intake(Protocol):
    """A kind of files, and the format that their batches have."""

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

    def contracts_changed(self, subscription_ids: Sequence[int]) -> None:
        """Contracts have begun, ended or changed, in this transaction."""
        ...

    def identifiers_changed(self, values: Sequence[str]) -> None:
        """Identifiers have another owner from some instant on, in this transaction."""
        ...


_MODULES: dict[str, str] = {}  # by the format of their batches


def register(format: str, module: str) -> None:
    """Let a kind of files be known: a module that is an Intake. It is loaded when it is needed."""
    _MODULES[format] = module


def _kind(format: str | None) -> Intake | None:
    module = _MODULES.get(format or "")
    return None if module is None else cast(Intake, import_module(module))


def _kinds() -> Iterator[Intake]:
    return (cast(Intake, import_module(module)) for module in _MODULES.values())


def all_names() -> list[str]:
    """What a file may be said to be: a format of usage, or a kind of its own."""
    return [*formats.names(), *sorted(_MODULES)]


def of_file(path: Path, format: str | None) -> Intake | None:
    """The kind of a file, by the format that is named or else by its content."""
    if format is not None:
        return _kind(format)
    beginning = head(path)
    return next((kind for kind in _kinds() if kind.sniff(beginning)), None)


def of_batch(batch: Batch) -> Intake | None:
    """The kind of a batch. Raises BatchNotBackedOut for one that was made of others by a kind."""
    if batch.format not in _MODULES and batch.source in _MODULES:
        why = f"made of {batch.source}: back out the batch that they came with"
        raise BatchNotBackedOut(batch_id=batch.pk, why=why)
    return _kind(batch.format)


def apart(rejects: Sequence[Reject]) -> tuple[list[Reject], list[Reject]]:
    """The rejects of usage, and those of other kinds."""
    formats = dict(
        Batch.objects.filter(pk__in={row.batch_id for row in rejects}).values_list("pk", "format")
    )
    own = [row for row in rejects if formats[row.batch_id] not in _MODULES]
    return own, [row for row in rejects if formats[row.batch_id] in _MODULES]


def recycled(rejects: Sequence[Reject], changes: Mapping[str, str]) -> Batch | None:
    """Rejects of other kinds tried again; the last batch that it made."""
    made = None
    for name in _MODULES:
        mine = [row for row in rejects if row.batch.format == name]
        if mine and (kind := _kind(name)):
            made = kind.recycle(mine, changes)
    return made


def contracts_changed(subscription_ids: Sequence[int]) -> None:
    """Tell all kinds of contracts that have begun, ended or changed."""
    for kind in _kinds():
        kind.contracts_changed(subscription_ids)


def identifiers_changed(values: Sequence[str]) -> None:
    """Tell all kinds of identifiers that have another owner."""
    for kind in _kinds():
        kind.identifiers_changed(values)
