"""Files given to a page: kept, then loaded in the background by the same load as any other."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from meterline.kernel.errors import MeterlineError
from meterline.platform import audit, clock, files
from meterline.usage import services
from meterline.usage.models import Upload

_MAPPING, _PROGRESS = "mapping.yaml", "progress"


def keep(
    name: str, content: Iterable[bytes], *, mapping: bytes | None, format: str, source: str
) -> Upload:
    """Keep a file until it is loaded. `name` is what it is called; it is no path."""
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
        lines=lines, asked_by=audit.actor(), asked_at=clock.now(),
    )  # fmt: skip


def load(upload_id: int) -> Upload:
    """Load a file that was kept, and take it away; a failure is told on it."""
    one = Upload.objects.get(pk=upload_id)
    folder = _folder(one)
    Upload.objects.filter(pk=one.pk).update(state="loading")
    mapping = folder / _MAPPING
    try:
        one.batch = services.load_file(
            folder / "file" / one.file_name,
            format=one.format or None,
            mapping=mapping if mapping.exists() else None,
            source=one.source,
            progress=lambda done: _note(folder, done),
        )
        one.state = "loaded"
    except MeterlineError as error:
        one.state, one.problem = "failed", error.message
    one.save(update_fields=["batch", "state", "problem"])
    shutil.rmtree(folder, ignore_errors=True)
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
