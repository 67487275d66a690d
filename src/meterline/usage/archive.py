"""Archive: the records of a batch go to a folder elsewhere (a path, or any URL that fsspec knows),
each file with its digest; and come back. Totals, invoices and what tells duplicates stay here."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fsspec
import polars as pl
from django.db import transaction

from meterline.platform import audit, clock, files
from meterline.usage.errors import NoArchive, RecordsAway, UnknownBatch
from meterline.usage.folders import KINDS, frames, put_in_place, reduced
from meterline.usage.load import lock_batches, lock_loading
from meterline.usage.models import Batch
from meterline.usage.store import BatchFolder

MANIFEST = "manifest.json"
_BLOCK = 1 << 20


@transaction.atomic
def archive(batch_id: int, to: str = "") -> Batch:
    """Put the records of a batch into an archive; here stay its keys and totals.

    What was written there is read back and compared before anything goes. Killed half-way, the
    batch is as it was. Raises UnknownBatch, RecordsAway, NoArchive.
    """
    lock_loading()
    one = _batch(batch_id)
    if one.records_at != "here":
        raise RecordsAway(batch_id=batch_id, where=one.records_at)
    url = posixpath.join(_place(to), f"batch-{one.pk}-{one.path[-12:]}")
    path = files.folder("usage") / one.path
    put(url, ((kind, frames(path, kind, one.pk)) for kind in KINDS), one)
    _stay_reduced(one, records_at="archived", archive=url)
    audit.record("usage.archive", f"usage_batch:{one.pk}", after={"url": url})
    return _batch(batch_id)


@transaction.atomic
def restore(batch_id: int) -> Batch:
    """Bring the records of an archived batch back. The archive stays where it is.

    Raises UnknownBatch, RecordsAway where it is not archived, NoArchive.
    """
    lock_loading()
    one = _batch(batch_id)
    if one.records_at != "archived":
        raise RecordsAway(batch_id=batch_id, where=one.records_at)
    folder = BatchFolder()
    try:
        for name in fetch(one, folder.path):
            files.sync(folder.path / name)
        folder.close()
        lock_batches()
        put_in_place([one], folder, records_at="here", archive="")
        audit.record("usage.restore", f"usage_batch:{one.pk}", before={"url": one.archive})
    except BaseException:
        folder.remove()
        raise
    return _batch(batch_id)


@transaction.atomic
def let_go(batch_id: int) -> Batch:
    """Erase the records of a batch for good; its keys and totals stay."""
    lock_loading()
    one = _batch(batch_id)
    if one.records_at == "erased":
        raise RecordsAway(batch_id=batch_id, where=one.records_at)
    url = one.archive
    _stay_reduced(one, records_at="erased", archive="")
    audit.record("usage.erase_batch", f"usage_batch:{one.pk}", after={"records": one.rated})
    if url:
        transaction.on_commit(lambda: remove(url))
    return _batch(batch_id)


def _stay_reduced(one: Batch, **fields: Any) -> None:
    folder = reduced(one)
    try:
        lock_batches()
        put_in_place([one], folder, **fields)
    except BaseException:
        folder.remove()
        raise


def _place(to: str) -> str:
    """Where archives lie: a URL as it is, a folder whole; by default one of the data folder."""
    if not to:
        return str(files.folder("archive"))
    return to if "://" in to else str(Path(to).resolve())


def _batch(batch_id: int) -> Batch:
    found = Batch.objects.filter(pk=batch_id).exclude(path="").first()
    if found is None:
        raise UnknownBatch(batch_id=batch_id)
    return found


def put(url: str, kinds: Iterator[tuple[str, Iterator[pl.DataFrame]]], one: Batch) -> None:
    """Write the rows of a batch into an archive's folder, with a manifest, and read them back."""
    try:
        _put(url, kinds, one)
    except (ImportError, OSError, ValueError) as error:
        raise NoArchive(batch_id=one.pk, url=url, why=str(error)) from error


def _put(url: str, kinds: Iterator[tuple[str, Iterator[pl.DataFrame]]], one: Batch) -> None:
    system, root = fsspec.core.url_to_fs(url)
    system.makedirs(root, exist_ok=True)
    told: dict[str, Any] = {}
    with TemporaryDirectory(dir=files.folder("archiving")) as work:
        for kind, some in kinds:
            for part, frame in enumerate(some, 1):
                local = Path(work) / f"{kind}-{part:06}.parquet"
                frame.write_parquet(local, compression="zstd")
                told[local.name] = {"sha256": _digest(local), "rows": frame.height}
                system.put_file(str(local), posixpath.join(root, local.name))
                local.unlink()
    manifest = {
        "batch": one.pk, "source": one.source, "file": one.file_name, "rated": one.rated,
        "archived_at": clock.now().isoformat(), "files": told,
    }  # fmt: skip
    with system.open(posixpath.join(root, MANIFEST), "wb") as file:
        file.write(json.dumps(manifest, indent=1).encode())
    for name, about in told.items():
        if _digest_there(system, posixpath.join(root, name)) != about["sha256"]:
            raise NoArchive(batch_id=one.pk, url=url, why=f"{name} reads back as something else")


def fetch(one: Batch, into: Path) -> list[str]:
    """Read the files of a batch's archive into a folder; their names. Raises NoArchive."""
    system, root = fsspec.core.url_to_fs(one.archive)
    names = []
    try:
        for name, about in _manifest(system, root)["files"].items():
            system.get_file(posixpath.join(root, name), str(into / name))
            if _digest(into / name) != about["sha256"]:
                raise NoArchive(batch_id=one.pk, url=one.archive, why=f"{name} is damaged")
            names.append(name)
    except FileNotFoundError as error:
        raise NoArchive(batch_id=one.pk, url=one.archive, why=f"{error} is missing") from error
    return names


def missing(batches: list[Batch]) -> list[Batch]:
    """Those archived batches whose archive is not there, or not all of it."""
    found = []
    for one in batches:
        system, root = fsspec.core.url_to_fs(one.archive)
        try:
            names = _manifest(system, root)["files"]
        except FileNotFoundError:
            found.append(one)
            continue
        if not all(system.exists(posixpath.join(root, name)) for name in names):
            found.append(one)
    return found


def remove(url: str) -> None:
    """Take an archive's folder away."""
    system, root = fsspec.core.url_to_fs(url)
    if system.exists(root):
        system.rm(root, recursive=True)


def _manifest(system: Any, root: str) -> dict[str, Any]:
    with system.open(posixpath.join(root, MANIFEST), "rb") as file:
        found: dict[str, Any] = json.loads(file.read())
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_there(system: Any, path: str) -> str:
    digest = hashlib.sha256()
    with system.open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
