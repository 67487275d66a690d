"""The files of batches: records, what they were rated at, their keys, and what they supersede.

Every batch has a folder under {home}/usage, alone or, packed (pack.py), with others. Rows of a
batch are live unless a later batch supersedes them (a re-rating, a reversal) or the batch that they
came with first was backed out. What a folder of a registered batch holds never changes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pyarrow as pa
from django.db.models import Max
from pyarrow import parquet

from meterline.platform import files
from meterline.subscriptions.periods import INSTANT
from meterline.usage.deduplicate import KEY, keys
from meterline.usage.errors import NotWritten
from meterline.usage.guide import GUIDED
from meterline.usage.models import Batch, Erasure
from meterline.usage.settle import USES
from meterline.usage.totals import TOTALS

RATED: dict[str, Any] = {  # a row a record and price
    "line": pl.UInt32,
    "origin": pl.Int64,  # the batch with which the record came first; 0: this one
    "account_id": pl.Int64,
    "subscription_id": pl.Int64,
    "price_id": pl.Int64,
    "period_start": pl.Date,
    "start": INSTANT,
    "duration_us": pl.Int64,
    "quantity": TOTALS["quantity"],  # to be priced
    "covered": TOTALS["quantity"],  # by allowances of units, beside it
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "amount": TOTALS["amount"],
    "denominator": pl.Int64,
}
KEYS: dict[str, Any] = {
    "key_high": pl.UInt64,
    "key_low": pl.UInt64,
    "line": pl.UInt32,
    "origin": pl.Int64,
}
_SOUGHT = ["line", "start", "subscription_id"]  # whose least and greatest are kept by group
_ALIKE = ["duration_us", "quantity", "meter"]  # of few values, mostly: written by their number
_DICTIONARY = 1 << 16  # bytes of values; of more they are written as they are
_NEAR = ["line", "file_line", "start", "account_id", "subscription_id"]  # numbers near each other
_PLAIN = (*KEY, "amount")  # there is little to gain in packing them
_AS_THEY_ARE = pl.CompatLevel.newest()  # texts need not be copied
_GROUP_ROWS = 1 << 18
DRAWS: dict[str, Any] = {**USES, "origin": pl.Int64}
SUPERSEDED: dict[str, Any] = {"batch_id": pl.Int64, "line": pl.UInt32}
ERASED: dict[str, Any] = {"account_id": pl.Int64, "batch_id_last": pl.Int64}
PLACE = ["batch_id", "line"]
PACK = "pack-"  # how the folders of several batches begin: their files have a batch_id


class BatchFolder:
    """A batch's folder while it is written. A folder whose batch is not registered is garbage."""

    def __init__(self, prefix: str = "") -> None:
        self.name = f"{prefix}{uuid4().hex}"
        self.path = files.folder("usage") / self.name
        self.path.mkdir()

    def add(
        self, part: int, records: pl.DataFrame, rated: pl.DataFrame, keys: pl.DataFrame
    ) -> None:
        """Write a chunk, the `part`-th: `records` (normalised, with line), `rated` (RATED), `keys`
        (KEYS)."""
        # `rated` tells who is GUIDED
        self.write(records.drop(GUIDED, strict=False), "records", f"{part:06}")
        self.write(rated.select(RATED.keys()), "rated", f"{part:06}")
        self.write(keys.select(KEYS.keys()), "keys", f"{part:06}")

    def add_settled(self, part: int, rated: pl.DataFrame, uses: pl.DataFrame) -> None:
        """Write records of earlier chunks after allowances, the `part`-th: `rated` (RATED), `uses`
        (DRAWS)."""
        self.write(rated.select(RATED.keys()), "rated", f"settled-{part:06}")
        self.write(uses.select(DRAWS.keys()), "uses", f"{part:06}")

    def take_out(self, ids: pl.DataFrame, part: int = 1) -> None:
        """Note the records (id, line, origin) of earlier batches that count no more, and may come
        again."""
        keyed = keys(ids["id"]).hstack(ids.select("line", "origin"))
        self.write(keyed.select(KEYS.keys()), "gone", f"{part:06}")

    def supersede(self, rows: pl.DataFrame, part: int = 1) -> None:
        """Note which rows (SUPERSEDED) of earlier batches this one replaces."""
        self.write(rows.select(SUPERSEDED.keys()), "superseded", f"{part:06}")

    def close(self) -> None:
        """Make everything durable: the files are, each since it was written."""
        for path in (self.path, self.path.parent):
            files.sync(path)

    def remove(self) -> None:
        """Take the folder away: its batch will not be registered."""
        shutil.rmtree(self.path)

    def write(self, frame: pl.DataFrame, kind: str, part: str) -> None:
        """Write a file of rows of a kind, unless there are none."""
        if frame.height:
            path = self.path / f"{kind}-{part}.parquet"
            try:
                # PyArrow writes in two thirds of the time that Polars takes
                parquet.write_table(
                    _told_full(frame.to_arrow(compat_level=_AS_THEY_ARE)), path,
                    compression=_packing(frame),
                    use_dictionary=_of(_ALIKE, frame), dictionary_pagesize_limit=_DICTIONARY,
                    use_byte_stream_split=_of(_NEAR, frame),
                    write_statistics=_of(_SOUGHT, frame), row_group_size=_GROUP_ROWS,
                )  # fmt: skip
                files.sync(path)
            except OSError as error:
                raise NotWritten(path=path, problem=error) from error


@dataclass(frozen=True, kw_only=True)
class Live:
    """The batches whose rows count, and which of their rows do not."""

    batches: Sequence[tuple[int, Path]]
    backed_out: Sequence[int]
    superseded: pl.DataFrame  # SUPERSEDED
    erased: pl.DataFrame | None = None  # ERASED: rated rows of these are left out

    def rated(
        self,
        subscription_ids: Sequence[int] | None = None,
        price_ids: Sequence[int] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        """RATED and batch_id of live rows; of some subscriptions and prices, starting within
        [start, end)."""
        wanted = [
            condition
            for given, condition in (
                (subscription_ids, is_in("subscription_id", subscription_ids)),
                (price_ids, is_in("price_id", price_ids)),
                (start, pl.col("start") >= pl.lit(start, INSTANT)),
                (end, pl.col("start") < pl.lit(end, INSTANT)),
            )
            if given is not None
        ]
        return self._read("rated", RATED, wanted)

    def uses(self, rows: pl.DataFrame) -> pl.DataFrame:
        """DRAWS and batch_id: what the records of `rows` (batch_id, line, subscription_id) took of
        allowances."""
        subscriptions = rows["subscription_id"].unique().to_list()
        found = self._read("uses", DRAWS, [is_in("subscription_id", subscriptions)])
        return found.join(rows, on=["batch_id", "line"], how="semi")

    @cached_property
    def folders(self) -> dict[Path, list[int]]:
        """The batches by folder."""
        found: dict[Path, list[int]] = {}
        for batch_id, path in self.batches:
            found.setdefault(path, []).append(batch_id)
        return found

    def records(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The records of `rows` (batch_id, line, ...): id, meter, ... joined to `rows`."""
        found = []
        for path, batch_ids in self.folders.items():
            part = rows.filter(is_in("batch_id", batch_ids))
            if part.is_empty():
                continue
            stored = scan(path, "records", part["batch_id"].unique().to_list())
            if stored is None:
                continue
            lines = part["line"].unique().sort()
            taken = stored.filter(pl.col("line").is_in(lines.implode())).collect()
            found.append(part.join(taken, on=PLACE))
        return pl.concat(found, how="diagonal") if found else rows.clear()

    def guided(
        self,
        subscription_ids: Sequence[int],
        price_ids: Sequence[int],
        start: datetime,
        end: datetime,
    ) -> Iterator[pl.DataFrame]:
        """The live records of subscriptions and prices that start within [start, end), with
        account_id, subscription_id and one price_id, a written part at a time."""
        wanted = [
            is_in("subscription_id", subscription_ids),
            is_in("price_id", price_ids),
            pl.col("start") >= pl.lit(start, INSTANT),
            pl.col("start") < pl.lit(end, INSTANT),
        ]
        columns = ("batch_id", "line", "origin", "account_id", "subscription_id", "price_id")
        for path, batch_ids in self.folders.items():
            if (rated := scan(path, "rated", batch_ids)) is None:
                continue
            rows = rated.filter(*wanted).select(columns).collect()
            holders = self.standing(rows).drop("origin").unique(PLACE)
            if holders.is_empty():
                continue
            inside = pl.col("line").is_between(holders["line"].min(), holders["line"].max())
            for file in parts_of(path, "records"):
                stored = named(pl.scan_parquet(file), path, batch_ids).filter(inside).collect()
                part = stored.join(holders, on=PLACE, maintain_order="left").drop("batch_id")
                if part.height:
                    yield part

    def keys(self, wanted: pl.DataFrame | None = None) -> pl.DataFrame:
        """KEYS and batch_id of the live records; of all, or of those in `wanted` (KEY)."""
        return self._read("keys", KEYS, [], wanted)

    def _read(
        self,
        kind: str,
        schema: dict[str, Any],
        conditions: list[pl.Expr],
        wanted: pl.DataFrame | None = None,
    ) -> pl.DataFrame:
        found = [pl.DataFrame(schema={"batch_id": pl.Int64, **schema})]
        for path, batch_ids in self.folders.items():
            if (stored := scan(path, kind, batch_ids)) is None:
                continue
            rows = stored.filter(*conditions).collect()
            if wanted is not None:
                rows = rows.join(wanted, on=KEY, how="semi")
            rows = self.standing(rows)
            if rows.height:
                found.append(rows.select("batch_id", *schema))
        return pl.concat(found)

    def standing(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of rows (batch_id, line, origin) that nothing has replaced or taken out."""
        if self.backed_out and rows.height:
            rows = rows.filter(~pl.col("origin").is_in(self.backed_out))
        if self.erased is not None and "account_id" in rows.columns:
            rows = rows.join(self.erased, on="account_id", how="left").filter(
                pl.col("batch_id_last").is_null() | (pl.col("batch_id") > pl.col("batch_id_last"))
            ).drop("batch_id_last")  # fmt: skip
        if rows.is_empty() or self.superseded.is_empty():
            return rows
        batches = rows["batch_id"].unique().to_list()
        gone = self.superseded.filter(is_in("batch_id", batches))
        if gone.is_empty():
            return rows
        return rows.join(gone, on=PLACE, how="anti", maintain_order="left")


def scan(path: Path, kind: str, batch_ids: Sequence[int]) -> pl.LazyFrame | None:
    """The rows of a kind of batches that share a folder, with batch_id; None: it has no such."""
    parts = [pl.scan_parquet(file) for file in parts_of(path, kind)]
    if not parts:
        return None
    return named(pl.concat(parts, how="diagonal"), path, batch_ids)


def named(rows: pl.LazyFrame, path: Path, batch_ids: Sequence[int]) -> pl.LazyFrame:
    """The rows of files of a folder that are of these batches, with batch_id."""
    if path.name.startswith(PACK):
        return rows.filter(is_in("batch_id", batch_ids))
    return rows.with_columns(pl.lit(batch_ids[0], pl.Int64).alias("batch_id"))


def live(
    start: datetime | None = None, end: datetime | None = None, *, whole: bool = False
) -> Live:
    """The live rows as the database has them now; only batches with records in [start, end).

    Of archived and erased records there are the rows that bills measure one by one; `whole`: no row
    of such records, so that what is read may be rated anew.
    """
    rows = Batch.objects.order_by("id")
    backed_out = list(rows.filter(state="backed_out").values_list("id", flat=True))
    standing = rows.filter(state="committed").exclude(path="")
    folder = files.folder("usage")
    names = standing.filter(supersedes=True).values_list("path", flat=True)
    if start is not None:
        standing = standing.filter(last_start__gte=start)
    if end is not None:
        standing = standing.filter(first_start__lt=end)
    if whole:
        standing = standing.filter(records_at="here")
    return Live(
        batches=[(row.id, folder / row.path) for row in standing],
        backed_out=backed_out,
        erased=_erased() if whole else None,
        superseded=superseded_by(list(names)),
    )


def superseded_by(names: Sequence[str]) -> pl.DataFrame:
    """SUPERSEDED of the folders of registered batches."""
    folder = files.folder("usage")
    replaced = [_superseded(folder / name) for name in dict.fromkeys(names)]
    return pl.concat([pl.DataFrame(schema=SUPERSEDED), *replaced])


def _erased() -> pl.DataFrame | None:
    """ERASED; None: nobody is."""
    rows = Erasure.objects.values_list("account_id").annotate(Max("batch_id_last"))
    return pl.DataFrame(list(rows), schema=ERASED, orient="row") if rows else None


@lru_cache(maxsize=100_000)
def _superseded(path: Path) -> pl.DataFrame:
    """SUPERSEDED of a registered batch, which never changes."""
    parts = [pl.read_parquet(part) for part in parts_of(path, "superseded")]
    return pl.concat([pl.DataFrame(schema=SUPERSEDED), *parts])


def _of(names: list[str], frame: pl.DataFrame) -> list[str]:
    return [name for name in names if name in frame.columns]


def _packing(frame: pl.DataFrame) -> dict[str, str]:
    return {name: "none" if name in _PLAIN else "lz4" for name in frame.columns}


def _told_full(table: pa.Table) -> pa.Table:
    """The table whose columns without nulls are declared so: those are written in half the time."""
    fields = [
        pa.field(column.name, column.type, nullable=table[column.name].null_count > 0)
        for column in table.schema
    ]
    return table.cast(pa.schema(fields))


def is_in(column: str, values: Sequence[int] | None) -> pl.Expr:
    """Whether a number is among some; None: among none."""
    return pl.col(column).is_in(pl.Series(values or [], dtype=pl.Int64).implode())


def parts_of(path: Path, kind: str) -> list[Path]:
    """The files of a kind in a folder, in order."""
    return sorted(path.glob(f"{kind}-*.parquet"))
