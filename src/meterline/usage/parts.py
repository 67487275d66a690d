"""Live records with what they are rated at and what they drew on allowances, a stretch of a folder
at a time: what is too much to be read at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
from pyarrow import parquet

from meterline.subscriptions.periods import INSTANT
from meterline.usage.store import DRAWS, PLACE, RATED, Live, is_in, named, parts_of

_TOGETHER = 250_000  # records: small stretches are joined until they are so many


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which records: of a batch, of accounts, of subscriptions, at prices, starting in a time.
    None: whichever."""

    batch_id: int | None = None
    account_ids: Sequence[int] | None = None
    subscription_ids: Sequence[int] | None = None
    price_ids: Sequence[int] | None = None
    start: datetime | None = None
    end: datetime | None = None

    def conditions(self) -> list[pl.Expr]:
        """What holds for all rated rows of a record alike."""
        of_batch = is_in("batch_id", [self.batch_id or 0]) | is_in("origin", [self.batch_id or 0])
        told = [
            (self.batch_id, of_batch),
            (self.account_ids, is_in("account_id", self.account_ids)),
            (self.subscription_ids, is_in("subscription_id", self.subscription_ids)),
            (self.start, pl.col("start") >= pl.lit(self.start, INSTANT)),
            (self.end, pl.col("start") < pl.lit(self.end, INSTANT)),
        ]
        return [condition for given, condition in told if given is not None]


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Some records; (batch_id, line) is what they are known by."""

    records: pl.DataFrame  # as they were stored, with batch_id
    rated: pl.DataFrame  # store.RATED and batch_id: all prices of these records
    uses: pl.DataFrame  # store.DRAWS and batch_id


def stretches(standing: Live, wanted: Selection) -> Iterator[Stretch]:
    """The live records of a selection."""
    held: list[Stretch] = []
    for path, batch_ids in standing.folders.items():
        for file in parts_of(path, "records"):
            found = _stretch(file, batch_ids, standing, wanted)
            if found is None:
                continue
            held.append(found)
            if sum(one.records.height for one in held) >= _TOGETHER:
                yield _joined(held)
                held = []
    if held:
        yield _joined(held)


def _stretch(
    file: Path, batch_ids: Sequence[int], standing: Live, wanted: Selection
) -> Stretch | None:
    """What is wanted of a file of records."""
    path, number = file.parent, file.stem.removeprefix("records-")
    beside = path / f"rated-{number}.parquet"
    settled = [one for one in parts_of(path, "rated") if "settled" in one.name]
    rated = [pl.scan_parquet(beside)] if beside.exists() else []
    if settled:
        first, last = _lines(file)
        within = pl.col("line").is_between(first, last)
        rated += [pl.scan_parquet(one).filter(within) for one in settled]
    if not rated:
        return None
    rows = named(pl.concat(rated), path, batch_ids).filter(*wanted.conditions()).collect()
    rows = standing.standing(rows.select("batch_id", *RATED))
    if wanted.price_ids is not None:
        meant = rows.filter(is_in("price_id", wanted.price_ids)).select(PLACE)
        rows = rows.join(meant, on=PLACE, how="semi", maintain_order="left")
    if rows.is_empty():
        return None
    records = named(pl.scan_parquet(file), path, batch_ids).collect()
    if rows.height != records.height or not rows["line"].equals(records["line"]):
        records = records.join(rows, on=PLACE, how="semi", maintain_order="left")
    return Stretch(records=records, rated=rows, uses=_uses(path, batch_ids, records))


def _uses(path: Path, batch_ids: Sequence[int], records: pl.DataFrame) -> pl.DataFrame:
    parts = [pl.scan_parquet(one) for one in parts_of(path, "uses")]
    if not parts:
        return pl.DataFrame(schema={"batch_id": pl.Int64, **DRAWS})
    inside = pl.col("line").is_between(records["line"].min(), records["line"].max())
    found = named(pl.concat(parts).filter(inside), path, batch_ids).collect()
    return found.select("batch_id", *DRAWS).join(records, on=PLACE, how="semi")


def _lines(file: Path) -> tuple[int, int]:
    """The first and the last line in a file of records, by what it tells of its groups."""
    told = parquet.ParquetFile(file).metadata
    column = told.schema.names.index("line")
    groups = [told.row_group(n).column(column).statistics for n in range(told.num_row_groups)]
    return min(one.min for one in groups), max(one.max for one in groups)


def _joined(held: list[Stretch]) -> Stretch:
    if len(held) == 1:
        return held[0]
    return Stretch(
        records=pl.concat([one.records for one in held], how="diagonal"),
        rated=pl.concat([one.rated for one in held]),
        uses=pl.concat([one.uses for one in held]),
    )
