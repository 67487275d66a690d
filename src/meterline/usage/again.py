"""Rated anew: what is not as it was, and what became of it. Pure."""

from __future__ import annotations

from typing import Any

import polars as pl

from meterline.rating.properties import plain

COMPARED = [
    "line", "account_id", "subscription_id", "price_id", "period_start", "quantity", "covered",
    "season", "band", "by_value", "amount", "denominator",
]  # fmt: skip


def differing(
    old: pl.DataFrame, new: pl.DataFrame, places: pl.DataFrame, compared: list[str]
) -> pl.DataFrame:
    """Those of `places` (line, batch_id, old_line) whose rows are not as they were; `old`: with
    batch_id and line as they were, `new`: with line as it is now."""
    before = old.rename({"line": "old_line"}).join(places, on=["batch_id", "old_line"])
    return places.join(changed_lines(before, new, compared), on="line", how="semi")


def changed_lines(before: pl.DataFrame, after: pl.DataFrame, compared: list[str]) -> pl.DataFrame:
    """line, of the records whose rows are others in one frame than in the other."""
    one, other = before.select(compared), after.select(compared)
    if one.height == other.height and one["line"].equals(other["line"]):  # as is usual
        rows = one.select("line").filter(_unequal(one, other))
        if rows.is_empty() or one["line"].is_unique().all():
            return rows
        one, other = (frame.join(rows, on="line", how="semi") for frame in (one, other))
    return pl.concat(
        [
            one.join(other, on=compared, how="anti", nulls_equal=True).select("line"),
            other.join(one, on=compared, how="anti", nulls_equal=True).select("line"),
        ]
    ).unique()


def _unequal(one: pl.DataFrame, other: pl.DataFrame) -> pl.Series:
    """Row by row: does any column differ?"""
    found = pl.Series([False]).new_from_index(0, one.height)
    for name in one.columns:
        if not one[name].equals(other[name], check_dtypes=True):
            found |= one[name].ne_missing(other[name])
    return found


def as_rejects(records: pl.DataFrame, refused: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """file_name, line, reason, detail, record (JSON) of the records that are refused now."""
    texts: dict[str, Any] = {
        plain(name): pl.col(name) for name in records.columns if records.schema[name] == pl.String
    }
    texts["start"] = pl.col("start").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    texts["quantity"] = pl.col("quantity").cast(pl.String)
    texts["duration"] = (pl.col("duration_us").cast(pl.Decimal(38, 6)) / 1_000_000).cast(pl.String)
    meant = refused.join(changed, on="line", how="semi")
    of_them = records.join(meant, on="line", how="semi")
    about = of_them.select("line", pl.struct(**texts).struct.json_encode().alias("record"))
    return (
        meant.join(about, on="line")
        .with_columns(file_name=pl.lit("re-rate"))
        .select("file_name", "line", "reason", "detail", "record")
    )
