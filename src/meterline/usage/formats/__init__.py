"""Formats of usage files: each a module that recognises its content and decodes it in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol

import polars as pl

ENTRY_POINTS = "meterline.usage_formats"

REJECTS: dict[str, Any] = {
    "line": pl.UInt32,
    "reason": pl.String,
    "detail": pl.String,
    "record": pl.String,  # the text of the line, cut to 1,000 characters
}


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A chunk of a file. Every line of data is in `records` or in `rejects`.

    `records`: line UInt32 (of the file, from 1) and String columns: id, meter, identifier,
    subscription, start, end, duration, quantity (those absent may be missing), and any further
    column as a property; null = absent. `rejects`: REJECTS.
    """

    records: pl.DataFrame
    rejects: pl.DataFrame


class UsageFormat(Protocol):
    """A format: one module of this folder, or an entry point of the group ENTRY_POINTS."""

    NAME: str

    def sniff(self, head: bytes) -> bool:
        """Whether a file that begins like this is of this format."""
        ...

    def decode(self, path: Path, mapping: Path | None) -> Iterator[Decoded]:
        """The file's records in chunks. Raises UsageFileError."""
        ...
