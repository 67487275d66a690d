"""The data folder: where files lie, and how they come to be there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from meterline.kernel.errors import MeterlineError
from meterline.platform.embedded import home


class NoStore(MeterlineError):
    """{location} cannot be written: {why}; name another path or URL"""

    code = "no_store"


def folder(name: str) -> Path:
    """A folder of the data folder, made where it is missing."""
    path = home() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def write_bytes(path: Path, content: bytes) -> None:
    """Put a file there whole, in one step, durably."""
    write_whole(path, lambda temporary: temporary.write_bytes(content))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it there in one step, durably."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        write(temporary)
        sync(temporary)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def put(location: str, write: Callable[[Any], object]) -> None:
    """Let `write` fill the file at a path or URL (of a store that fsspec knows); it is there once
    it is whole. Raises NoStore."""
    import fsspec

    try:
        with TemporaryDirectory(dir=folder("archiving")) as work:
            made = Path(work) / "made"
            write(made)
            system, path = fsspec.core.url_to_fs(location)
            system.put_file(str(made), path)
    except ImportError as error:
        raise NoStore(location=location, why=f"needs another package: {error}") from error
    except (OSError, ValueError) as error:
        raise NoStore(location=location, why=str(error)) from error


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
