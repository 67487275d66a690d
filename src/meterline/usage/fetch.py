"""Usage files wherever they are: paths, folders of an object store by URL, archives of several."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Any

from meterline.usage.blocks import ZIP
from meterline.usage.errors import UsageFileError


def fetched(location: str | Path) -> Iterator[Path]:
    """The files at a path or URL (s3://bucket/2026-01/*.csv.gz), one at a time: each is there
    until the next is asked for. Those of an archive come by themselves, named archive:member."""
    text = str(location)
    if "://" not in text:
        yield from _members(Path(location))
        return
    with TemporaryDirectory(prefix="meterline-") as folder:
        for name, opened in _remote(text):
            path = Path(folder) / name
            with opened as source, path.open("wb") as target:
                copyfileobj(source, target, 1 << 22)
            yield from _members(path)
            path.unlink()


def _remote(url: str) -> Iterator[tuple[str, Any]]:
    """The files of a URL, by their names, each to be opened."""
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(url)
        found = sorted(system.glob(path)) if any(mark in path for mark in "*?[") else [path]
        if not found:
            raise UsageFileError(file=url, why="matches no file")
        for one in found:
            yield one.rsplit("/", 1)[-1], system.open(one, "rb")
    except ImportError as error:
        raise UsageFileError(file=url, why=f"needs another package: {error}") from error
    except (OSError, ValueError) as error:
        raise UsageFileError(file=url, why=f"cannot be read: {error}") from error


def _members(path: Path) -> Iterator[Path]:
    """A file itself, or the members of an archive that holds several."""
    try:
        with path.open("rb") as file:
            if file.read(len(ZIP)) != ZIP:
                yield path
                return
        with zipfile.ZipFile(path) as archive:
            names = [member for member in archive.infolist() if not member.is_dir()]
            if len(names) == 1:
                yield path
                return
            if not names:
                raise UsageFileError(file=path.name, why="is an archive without files")
            for member in names:
                with _unpacked(archive, member, path) as unpacked:
                    yield unpacked
    except zipfile.BadZipFile as error:
        why = f"is damaged ({error}): fetch it again"
        raise UsageFileError(file=path.name, why=why) from error
    except OSError as error:
        raise UsageFileError(file=path.name, why=error.strerror or str(error)) from error


@contextmanager
def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> Iterator[Path]:
    with TemporaryDirectory(prefix="meterline-") as folder:
        target = Path(folder) / f"{path.name}:{member.filename.replace('/', '_')}"
        try:
            with archive.open(member) as source, target.open("wb") as file:
                copyfileobj(source, file, 1 << 22)
        except (RuntimeError, EOFError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
            why = f"cannot be unpacked: {error}"
            raise UsageFileError(file=target.name, why=why) from error
        yield target
