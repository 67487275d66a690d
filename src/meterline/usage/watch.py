"""Watching a folder: files that have settled are loaded, and moved to `done` or `failed`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from meterline.platform import files
from meterline.usage import services
from meterline.usage.errors import UsageFileError
from meterline.usage.models import Batch, Source

DONE, FAILED = "done", "failed"
_UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload", ".writing")
_LATER = 2.0  # seconds between looks at a folder without files

Mark = tuple[int, int, int]  # size, time of change, inode


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What became of a file: its batches, or why it was refused."""

    name: str
    batches: tuple[Batch, ...] = ()
    why: str = ""


def marks(folder: Path) -> dict[Path, Mark]:
    """The files of a folder that may be whole: none that is hidden or named as unfinished."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "~")) or path.name.endswith(_UNFINISHED):
            continue
        try:
            state = path.stat()
        except FileNotFoundError:
            continue  # somebody took it away
        if path.is_file():
            found[path] = (state.st_size, state.st_mtime_ns, state.st_ino)
    return found


def settled(folder: Path, seconds: float, wait: Callable[[float], None] = time.sleep) -> list[Path]:
    """The files that do not change for some seconds, in the order of their names."""
    before = marks(folder)
    if not before:
        return []
    wait(seconds)
    after = marks(folder)
    return [path for path, mark in before.items() if after.get(path) == mark]


def look(
    folder: Path,
    *,
    source: str,
    format: str | None = None,
    mapping: Path | None = None,
    settle: float = 5,
) -> list[Loaded]:
    """Load the files that have settled. A file whose loading was cut off is there the next time;
    one that was loaded and not moved is loaded already, which changes nothing.

    Raises what is no fault of the file: it stays where it is.
    """
    made = []
    for path in settled(folder, settle):
        if not path.exists():
            continue  # another watcher was faster
        try:
            batches = services.load_all(str(path), format=format, mapping=mapping, source=source)
        except UsageFileError as error:
            if path.exists():
                kept = _move(path, FAILED)
                files.write_bytes(kept.with_name(f"{kept.name}.why.txt"), error.message.encode())
                made.append(Loaded(name=path.name, why=error.message))
        else:
            _move(path, DONE)
            made.append(Loaded(name=path.name, batches=tuple(batches)))
    return made


def watch(
    folder: Path,
    *,
    source: str,
    format: str | None,
    mapping: Path | None,
    settle: float,
    told: Callable[[Loaded], None],
) -> None:
    """Look at a folder until interrupted."""
    while True:
        found = look(folder, source=source, format=format, mapping=mapping, settle=settle)
        for one in found:
            told(one)
        if not found:
            time.sleep(_LATER)


def look_at_all() -> list[Loaded]:
    """Look at the folders of all sources once."""
    made = []
    for source in Source.objects.exclude(folder="").order_by("code"):
        if Path(source.folder).is_dir():
            made += look(
                Path(source.folder), source=source.code, format=source.format or None,
                mapping=Path(source.mapping) if source.mapping else None,
                settle=source.settle_seconds,
            )  # fmt: skip
    return made


def _move(path: Path, name: str) -> Path:
    """Put a file in a folder beside it, in one step; a name that is taken gets a number."""
    folder = path.parent / name
    folder.mkdir(exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.name}.{number}"
    try:
        path.rename(target)
    except FileNotFoundError:
        return target  # another watcher moved it
    return target
