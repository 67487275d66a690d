"""Properties of usage records: columns of their own, so that no name that an operator gives can be
mistaken for a column that rating works with. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

PREFIX = "property:"
TEXTS = ("id", "meter", "identifier", "subscription")  # of every record; may be named alike


def column(name: str) -> str:
    """The column of a property."""
    return f"{PREFIX}{name}"


def plain(name: str) -> str:
    """The property of a column; other columns keep their name."""
    return name.removeprefix(PREFIX)


def as_properties(records: pl.DataFrame, but: Iterable[str]) -> pl.DataFrame:
    """`records` with the columns `but` some named as properties."""
    kept = set(but)
    return records.rename({name: column(name) for name in records.columns if name not in kept})


def text(name: str, records: pl.DataFrame) -> pl.Expr:
    """A property as String, or one of TEXTS; null where the records have none."""
    if column(name) in records.columns:
        return pl.col(column(name)).cast(pl.String)
    if name in TEXTS and name in records.columns:
        return pl.col(name).cast(pl.String)
    return pl.lit(None, pl.String)
