"""Content of files, decompressed by their magic bytes, in blocks of whole lines."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import zstandard

from meterline.usage.errors import UsageFileError

ZIP = b"PK\x03\x04"
LINE_MOST = 64 << 20  # of a single line: what is longer is no file of lines

_GZIP = b"\x1f\x8b"
_BZIP2 = b"BZh"
_XZ = b"\xfd7zXZ\x00"
_ZSTD = b"\x28\xb5\x2f\xfd"
_READ = 1 << 22
_FEED = 1 << 13  # so little, since it may unfold to 30,000 times as much
_DAMAGED = (zlib.error, gzip.BadGzipFile, zstandard.ZstdError, lzma.LZMAError, zipfile.BadZipFile)


def content(path: Path) -> Iterator[bytes]:
    """The bytes of a file, decompressed. Raises UsageFileError for what cannot be read."""
    try:
        with path.open("rb") as file:
            magic = file.read(6)
            file.seek(0)
            yield from _unpacked(file, magic)
    except EOFError as error:
        raise UsageFileError(file=path.name, why="is cut off: fetch it again") from error
    except _DAMAGED as error:
        raise UsageFileError(file=path.name, why=f"is damaged ({error}): fetch it again") from error
    except RuntimeError as error:  # an encrypted archive, or one packed by an unknown method
        raise UsageFileError(file=path.name, why=f"cannot be unpacked: {error}") from error
    except OSError as error:
        why = error.strerror or f"is damaged ({error}): fetch it again"
        raise UsageFileError(file=path.name, why=why) from error


def head(path: Path, size: int = 65_536) -> bytes:
    """The first bytes of the content."""
    found = b""
    for part in content(path):
        found += part
        if len(found) >= size:
            break
    return found[:size]


def blocks(path: Path, size: int) -> Iterator[bytes]:
    """The content in blocks of about `size` bytes that end with a line's end (not the last).
    Raises UsageFileError for a line longer than LINE_MOST."""
    parts: list[bytes] = []
    length = 0
    for part in content(path):
        parts.append(part)
        length += len(part)
        cut = part.rfind(b"\n") + 1
        if not cut and length > size + LINE_MOST:
            raise UsageFileError(
                file=path.name, why=f"has a line of more than {LINE_MOST >> 20} MiB"
            )
        if length < size or not cut:
            continue
        parts[-1] = part[:cut]
        yield b"".join(parts)
        parts, length = [part[cut:]], len(part) - cut
    if rest := b"".join(parts):
        yield rest


def _unpacked(file: IO[bytes], magic: bytes) -> Iterator[bytes]:
    if magic.startswith(_GZIP):
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield from _read(cast(IO[bytes], unpacked))
    elif magic.startswith(_BZIP2):
        with bz2.BZ2File(file) as unbzipped:
            yield from _read(cast(IO[bytes], unbzipped))
    elif magic == _XZ:
        with lzma.LZMAFile(file) as unxzed:
            yield from _read(cast(IO[bytes], unxzed))
    elif magic.startswith(_ZSTD):
        yield from _unzstandard(file)
    elif magic.startswith(ZIP):
        yield from _unzipped(file)
    else:
        yield from _read(file)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while part := file.read(_READ):
        yield part


def _unzipped(file: IO[bytes]) -> Iterator[bytes]:
    """The only member of an archive; those of several are loaded each by itself (fetch.py)."""
    with zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise zipfile.BadZipFile(f"{len(members)} files in it where one is expected")
        with archive.open(members[0]) as member:
            yield from _read(member)


def _unzstandard(file: IO[bytes]) -> Iterator[bytes]:
    frame = zstandard.ZstdDecompressor().decompressobj()
    parts: list[bytes] = []
    length = 0
    while raw := file.read(_FEED):
        while raw:
            if frame.eof:
                frame = zstandard.ZstdDecompressor().decompressobj()
            parts.append(frame.decompress(raw))
            length += len(parts[-1])
            raw = frame.unused_data if frame.eof else b""
        if length >= _READ:
            yield b"".join(parts)
            parts, length = [], 0
    yield b"".join(parts)
    if not frame.eof:
        raise EOFError
