"""Formats of usage files: each a module that recognises its content and decodes it in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol

import polars as pl

from meterline.usage.blocks import head
from meterline.usage.errors import UsageFileError

ENTRY_POINTS = "meterline.usage_formats"

REJECTS: dict[str, Any] = {
    "line": pl.UInt32,
    "reason": pl.String,
    "detail": pl.String,
    "record": pl.String,  # the text of the line, cut to 1,000 characters
}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A figure that a file tells of itself, and what was found; None: it is not told."""

    what: str  # "records", or what a sum is of
    told: Decimal | None
    found: Decimal

    @property
    def holds(self) -> bool:
        """Whether the file holds what it says."""
        return self.told == self.found


@dataclass(frozen=True, kw_only=True)
class Control:
    """What a file tells of itself in its header and trailer."""

    claims: tuple[Claim, ...] = ()
    sequence: int | None = None  # the file's number
    last: int | None = None  # after which numbers begin anew
    stream: str = ""  # whose numbers, if one source sends several sequences
    remarks: tuple[str, ...] = ()  # what whoever loads it should know


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A chunk of a file. Every line of data is in `records` or in `rejects`, or is counted in
    `left_out` where a mapping or the format says that it is no usage.

    `records`: line UInt32 (of the file, from 1) and String columns: id, meter, identifier,
    subscription, start, end, duration, quantity (those absent may be missing), and any further
    column as a property; null = absent. `rejects`: REJECTS. `control`: once, in the last chunk.
    `file_names`: the file of each record, where a load is of several; then `rejects` has a column
    file_name too.
    """

    records: pl.DataFrame
    rejects: pl.DataFrame
    left_out: int = 0
    control: Control | None = None
    file_names: pl.Series | None = None


class UsageFormat(Protocol):
    """A format: one module of this folder, or an entry point of the group ENTRY_POINTS."""

    NAME: str

    def sniff(self, head: bytes) -> bool:
        """Whether a file that begins like this is of this format."""
        ...

    def decode(self, path: Path, mapping: Path | None) -> Iterator[Decoded]:
        """The file's records in chunks. Raises UsageFileError."""
        ...


@cache
def _all() -> dict[str, UsageFormat]:
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    modules += [entry.load() for entry in entry_points(group=ENTRY_POINTS)]
    return {module.NAME: module for module in modules}


def names() -> list[str]:
    """The names of all formats."""
    return sorted(_all())


def decoder(name: str) -> UsageFormat:
    """The format of a name."""
    return _all()[name]


def recognise(path: Path, *, mapping: Path | None = None) -> str:
    """The name of a file's format, by its content. Raises UsageFileError."""
    beginning = head(path)
    for name, module in _all().items():
        if module.sniff(beginning):
            return name
    if mapping is not None:
        return "mapped_csv"
    raise UsageFileError(
        file=path.name,
        why=f"no format knows it ({', '.join(names())}); a CSV file with other columns needs a"
        " mapping",
    )


def decode(path: Path, *, format: str, mapping: Path | None = None) -> Iterator[Decoded]:
    """The records of a file in chunks. Raises UsageFileError."""
    if format not in _all():
        known = ", ".join(names())
        raise UsageFileError(file=path.name, why=f"there is no format {format}; choose {known}")
    return _all()[format].decode(path, mapping)
