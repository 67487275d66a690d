"""Parquet, with the canonical column names; any types. `line` is the row, from 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import polars as pl

from meterline.usage.blocks import content
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS, Decoded
from meterline.usage.remap import remapped_all
from meterline.usage.texts import as_texts

NAME = "parquet"

_MAGIC = b"PAR1"
_ROWS = 250_000


def sniff(head: bytes) -> bool:
    """It begins with PAR1."""
    return head.startswith(_MAGIC)


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its rows in chunks. Raises UsageFileError for a file that cannot be read."""
    yield from remapped_all(_chunks(path), mapping)


def _chunks(path: Path) -> Iterator[Decoded]:
    with _unpacked(path) as file:
        try:
            frame = pl.scan_parquet(file)
            height = frame.select(pl.len()).collect().item()
            for first in range(0, height, _ROWS):
                rows = frame.slice(first, _ROWS).collect()
                if rows.height != min(_ROWS, height - first):
                    raise UsageFileError(file=path.name, why=f"has not the {height:,} rows it says")
                yield _decoded(rows, first + 1)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise UsageFileError(file=path.name, why=f"is damaged Parquet: {why}") from error


def _decoded(rows: pl.DataFrame, first: int) -> Decoded:
    lines = pl.int_range(first, first + rows.height, dtype=pl.UInt32, eager=True)
    return Decoded(
        records=as_texts(rows).insert_column(0, lines.alias("line")),
        rejects=pl.DataFrame(schema=REJECTS),
    )


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """The file itself, or what it is compressed of: its end is read first."""
    parts = content(path)
    first = next(parts, b"")
    with path.open("rb") as file:
        is_plain = file.read(len(_MAGIC)) == first[: len(_MAGIC)]
    if is_plain:
        yield path
        return
    with NamedTemporaryFile(prefix="meterline-") as unpacked:
        unpacked.write(first)
        for part in parts:
            unpacked.write(part)
        unpacked.flush()
        yield Path(unpacked.name)
