"""Checks of a rate card's rows, inline or of a deck: bands, keys, no row twice. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from meterline.catalog.reach import reachable
from meterline.catalog.sections import CalendarSection, RateCardSection

MOST = 20  # faults of one kind that are told


@dataclass(frozen=True, kw_only=True)
class RowFault:
    """A fault of a row; `row` is its number as the frame counts them."""

    row: int
    field: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Bands:
    """The bands that rows may name, and those that each key must be priced in."""

    names: frozenset[str] | None  # None: the card has no calendar
    needed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, card: RateCardSection, calendar: CalendarSection | None) -> Bands | None:
        """Those of a card; None where its calendar is not known, so that nothing can be told."""
        if card.calendar is None:
            return cls(names=None)
        if calendar is None:
            return None
        names = frozenset(band.band for band in calendar.bands)
        return cls(names=names, needed=frozenset(band for _, band in reachable(calendar)))


def inline_rows(card: RateCardSection) -> pl.DataFrame:
    """The rows of a card: row, key0, key1 ..., band, effective; one for each key."""
    names = [f"key{i}" for i in range(len(card.keys))]
    found = [
        (number, *((key,) if isinstance(key, str) else key), row.band, row.effective)
        for number, row in enumerate(card.rows)
        for key in row.key
        if (1 if isinstance(key, str) else len(key)) == len(names)
    ]
    kinds = {"row": pl.Int64, **dict.fromkeys(names, pl.String)}
    schema = {**kinds, "band": pl.String, "effective": pl.Date}
    return pl.DataFrame(found, schema=schema, orient="row")


def row_faults(rows: pl.DataFrame, bands: Bands | None) -> Iterator[RowFault]:
    """Faults of rows (columns of `inline_rows`)."""
    keys = [name for name in rows.columns if name.startswith("key")]
    shown = pl.concat_str(keys, separator=", ")
    for name in keys:
        empty = rows.filter(pl.col(name).is_null() | (pl.col(name) == "")).unique("row")
        for row in empty["row"].sort().head(MOST):
            yield RowFault(row=row, field=name, message="expected text, but it is empty")
    same = [*keys, "band", "effective"]
    twice = rows.filter(~pl.struct(same).is_first_distinct()).select("row", shown.alias("key"))
    for row, key in twice.head(MOST).iter_rows():
        message = f"key {key} has this band and date in another row already"
        yield RowFault(row=row, field="key", message=message)
    if bands is not None:
        yield from _band_faults(rows, keys, bands)


def _band_faults(rows: pl.DataFrame, keys: list[str], bands: Bands) -> Iterator[RowFault]:
    banded = rows.filter(pl.col("band").is_not_null()).unique("row", maintain_order=True)
    if bands.names is None:
        for row in banded["row"].head(MOST):
            yield RowFault(row=row, field="band", message="the card has no calendar, so no bands")
        return
    unknown = banded.filter(~pl.col("band").is_in(sorted(bands.names)))
    for row, band in unknown.select("row", "band").head(MOST).iter_rows():
        message = f"unknown band {band!r} (expected one of {', '.join(sorted(bands.names))})"
        yield RowFault(row=row, field="band", message=message)
    grouped = rows.group_by(keys, maintain_order=True).agg(
        pl.col("row").first(),
        plain=pl.col("band").is_null().any(),
        given=pl.col("band").drop_nulls().unique(),
    )
    for *key, row, _, given in grouped.filter(~pl.col("plain")).iter_rows():
        lacking = bands.needed - set(given)
        if lacking:
            text = f"key {', '.join(map(str, key))}: expected a row for band"
            message = f"{text} {', '.join(sorted(lacking))} too, or one without band"
            yield RowFault(row=row, field="key", message=message)
