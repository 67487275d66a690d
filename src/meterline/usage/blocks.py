"""Content of files, decompressed by their magic bytes, in blocks of whole lines."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import zstandard

from meterline.usage.errors import UsageFileError

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_READ = 1 << 22


def content(path: Path) -> Iterator[bytes]:
    """The bytes of a file, decompressed. Raises UsageFileError for what cannot be read."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        if magic.startswith(_GZIP):
            yield from _gunzipped(path)
        elif magic == _ZSTD:
            yield from _unzstandard(path)
        else:
            with path.open("rb") as file:
                while part := file.read(_READ):
                    yield part
    except EOFError as error:
        raise UsageFileError(file=path.name, why="is cut off: fetch it again") from error
    except (zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise UsageFileError(file=path.name, why=f"is damaged ({error}): fetch it again") from error
    except OSError as error:
        raise UsageFileError(file=path.name, why=error.strerror or str(error)) from error


def head(path: Path, size: int = 65_536) -> bytes:
    """The first bytes of the content."""
    found = b""
    for part in content(path):
        found += part
        if len(found) >= size:
            break
    return found[:size]


def blocks(path: Path, size: int) -> Iterator[bytes]:
    """The content in blocks of about `size` bytes that end with a line's end (not the last)."""
    parts: list[bytes] = []
    length = 0
    for part in content(path):
        parts.append(part)
        length += len(part)
        cut = part.rfind(b"\n") + 1
        if length < size or not cut:
            continue
        parts[-1] = part[:cut]
        yield b"".join(parts)
        parts, length = [part[cut:]], len(part) - cut
    if rest := b"".join(parts):
        yield rest


def _gunzipped(path: Path) -> Iterator[bytes]:
    with gzip.open(path) as file:
        while part := file.read(_READ):
            yield part


def _unzstandard(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        frame = zstandard.ZstdDecompressor().decompressobj()
        while raw := file.read(_READ):
            while raw:
                if frame.eof:
                    frame = zstandard.ZstdDecompressor().decompressobj()
                yield frame.decompress(raw)
                raw = frame.unused_data if frame.eof else b""
        if not frame.eof:
            raise EOFError
