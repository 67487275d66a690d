"""Rated records that wait for the end of their batch: allowances go by time, files do not.

Few stay in memory; many go to files, by shards of accounts, so that each shard fits in memory.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl

_HELD_MOST = 250_000
_SHARD_ROWS = 250_000
_SHARDS = 256
_GROUP_ROWS = 4_096

Chunk = tuple[pl.DataFrame, pl.DataFrame]


class Staging:
    """Chunks of records with what they were rated at, given back by whole accounts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "staging"
        self.rows = 0
        self._held: list[Chunk] = []
        self._files = 0

    def add(self, records: pl.DataFrame, rated: pl.DataFrame) -> None:
        """Keep rated records (line, account_id, ...) and the records that they are of."""
        self.rows += rated.height
        self._held.append((records, rated))
        if sum(held.height for _, held in self._held) > _HELD_MOST:
            self._spill()

    def shards(self) -> Iterator[Chunk]:
        """Records and rated records, all those of an account together; then all is gone."""
        if not self._files:
            if self._held:
                yield self._taken()
            return
        self._spill()
        count = 1
        while count < _SHARDS and count * _SHARD_ROWS < self.rows:
            count *= 2
        width = _SHARDS // count
        for first in range(0, _SHARDS, width):
            chunk = self._read("records", first, width), self._read("rated", first, width)
            if chunk[1].height:
                yield chunk
        shutil.rmtree(self.folder)

    def _taken(self) -> Chunk:
        held, self._held = self._held, []
        # many chunks take five times as long to gather from as one
        records = pl.concat([one for one, _ in held], how="diagonal", rechunk=True)
        return records, pl.concat([one for _, one in held], rechunk=True)

    def _spill(self) -> None:
        if not self._held:
            return
        self.folder.mkdir(exist_ok=True)
        shard = (pl.col("account_id") % _SHARDS).cast(pl.UInt8).alias("shard")
        for name, frame in zip(("records", "rated"), self._taken(), strict=True):
            frame.with_columns(shard).sort("shard", maintain_order=True).write_parquet(
                self.folder / f"{name}-{self._files}.parquet", compression="lz4",
                row_group_size=_GROUP_ROWS,
            )  # fmt: skip
        self._files += 1

    def _read(self, name: str, first: int, width: int) -> pl.DataFrame:
        files = [
            pl.scan_parquet(self.folder / f"{name}-{number}.parquet")
            for number in range(self._files)
        ]
        inside = pl.col("shard").is_between(first, first + width - 1)
        return pl.concat(files, how="diagonal").filter(inside).drop("shard").collect().rechunk()
