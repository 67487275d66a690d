"""Files given to a page: kept, then loaded in the background by the same load as any other."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from django.db import transaction
from django.db.models import Max

from meterline.kernel.errors import MeterlineError
from meterline.platform import audit, clock, files
from meterline.usage import reject_file, services
from meterline.usage.errors import UploadMoved
from meterline.usage.models import Batch, Upload
from meterline.usage.rehearsal import rehearsal

FIGURES = ("records", "rated", "rejected", "duplicates")
_MAPPING, _PROGRESS, _REJECTS = "mapping.yaml", "progress", "rejects.csv"


def keep(
    name: str, content: Iterable[bytes], *, mapping: bytes | None, format: str, source: str,
    trial: bool = False,
) -> Upload:  # fmt: skip
    """Keep a file until it is loaded, or until its `trial` was looked at. `name` is what it is
    called; it is no path."""
    folder = files.folder("uploads") / uuid4().hex
    (folder / "file").mkdir(parents=True)
    lines = 0
    plain = Path(name).name or "usage"
    with (folder / "file" / plain).open("wb") as file:
        for part in content:
            file.write(part)
            lines += part.count(b"\n")
    if mapping is not None:
        (folder / _MAPPING).write_bytes(mapping)
    return Upload.objects.create(
        file_name=plain, folder=folder.name, format=format, source=source or services.FILES,
        lines=lines, trial=trial, asked_by=audit.actor(), asked_at=clock.now(),
    )  # fmt: skip


def load(upload_id: int) -> Upload:
    """Load a file that was kept, and take it away; a failure is told on it. A file that is to be
    tried is loaded, looked at, and taken back."""
    one = Upload.objects.get(pk=upload_id)
    Upload.objects.filter(pk=one.pk).update(state="loading")
    try:
        if one.trial:
            _try(one)
        else:
            one.batch, one.state = _load(one), "loaded"
    except MeterlineError as error:
        one.state, one.problem = "failed", error.message
    one.save(update_fields=["batch", "state", "problem", "figures"])
    if one.state != "tried":
        shutil.rmtree(_folder(one), ignore_errors=True)
    return one


def release(upload_id: int) -> Upload:
    """Say that a file that was tried is to be loaded. Raises UploadMoved."""
    with transaction.atomic():
        one = _tried(upload_id)
        one.trial, one.state = False, "waiting"
        one.save(update_fields=["trial", "state"])
        (_folder(one) / _PROGRESS).unlink(missing_ok=True)
        return one


def drop(upload_id: int) -> None:
    """Give a file up that was only tried. Raises UploadMoved."""
    with transaction.atomic():
        one = _tried(upload_id)
        one.delete()
    shutil.rmtree(_folder(one), ignore_errors=True)


def refused(one: Upload) -> Path | None:
    """The file of records that would be rejected, where a trial found some."""
    path = _folder(one) / _REJECTS
    return path if path.exists() else None


def _load(one: Upload) -> Batch:
    folder = _folder(one)
    mapping = folder / _MAPPING
    return services.load_file(
        folder / "file" / one.file_name,
        format=one.format or None,
        mapping=mapping if mapping.exists() else None,
        source=one.source,
        progress=lambda done: _note(folder, done),
    )


def _try(one: Upload) -> None:
    newest = Batch.objects.aggregate(newest=Max("pk"))["newest"] or 0
    with rehearsal():
        batch = _load(one)
        rejects = services.rejects(batch_id=batch.pk)
        if rejects and batch.pk > newest:
            with (_folder(one) / _REJECTS).open("w", encoding="utf-8", newline="") as file:
                reject_file.write(file, rejects)
        one.figures = {
            **{name: getattr(batch, name) for name in FIGURES},
            "totals": services.control_totals(batch),
            "batch": batch.pk if batch.pk <= newest else None,
        }
    one.state = "tried"


def _tried(upload_id: int) -> Upload:
    one = Upload.objects.select_for_update().get(pk=upload_id)
    if one.state != "tried":
        raise UploadMoved(file=one.file_name, state=one.state)
    return one


def loaded(one: Upload) -> int:
    """How many records are through so far. The load is one transaction, so this stands in a file
    beside it."""
    try:
        return int((_folder(one) / _PROGRESS).read_text() or 0)
    except (FileNotFoundError, ValueError):
        return 0


def _folder(one: Upload) -> Path:
    return files.folder("uploads") / one.folder


def _note(folder: Path, done: int) -> None:
    files.write_bytes(folder / _PROGRESS, str(done).encode())
