"""JSON Lines: an object a line, with the canonical names; nested fields are properties `a.b`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from meterline.usage.formats import Decoded
from meterline.usage.json_lines import decode_lines
from meterline.usage.remap import remapped_all

NAME = "jsonl"


def sniff(head: bytes) -> bool:
    """A first line that begins an object, and is no CloudEvent."""
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    return first.startswith(b"{") and b'"specversion"' not in first


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its records in chunks. Raises UsageFileError for a file that cannot be read."""
    yield from remapped_all(decode_lines(path), mapping)
