"""CSV decks of rate cards: read and checked on columns."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from meterline.catalog.errors import CatalogInvalid, Problem
from meterline.rating.card import Step, intern_steps

_PLAIN = ("band", "connection_fee", "max_charge", "effective")
_STEP = ("from", "price", "per", "increment")
DECIMAL = pl.Decimal(38, 10)


def read_deck(path: Path, key_fields: int) -> tuple[pl.DataFrame, tuple[tuple[Step, ...], ...]]:
    """Rows (rating.card.ROW_SCHEMA and key columns) and step lists of a deck.

    Columns: key (several with | between them; with several key fields key1, key2 ...), band,
    connection_fee, max_charge, effective, step1_from, step1_price, step1_per, step1_increment,
    step2_from ... Raises CatalogInvalid with the lines at fault.
    """
    try:
        raw = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _invalid(path, 1, "file", f"not a CSV deck: {error}") from error
    raw = raw.with_columns(pl.all().str.strip_chars().replace("", None)).with_row_index(
        "line", offset=2
    )
    keys = ["key"] if key_fields == 1 else [f"key{i + 1}" for i in range(key_fields)]
    steps = _step_columns(raw.columns)
    known = {"line", *keys, *_PLAIN, *(name for names in steps for name in names)}
    unknown = sorted(set(raw.columns) - known)
    missing = [name for name in [*keys, "step1_price"] if name not in raw.columns]
    if unknown or missing:
        text = ", ".join([f"unknown {n}" for n in unknown] + [f"missing {n}" for n in missing])
        raise _invalid(path, 1, "header", text)
    typed = _typed(raw, path, keys, steps)
    columns = [name for names in steps for name in names]
    distinct = typed.select(columns).unique(maintain_order=True)
    indexes, lists = intern_steps(_step_lists(distinct, steps))
    numbered = distinct.with_columns(steps=pl.Series(indexes, dtype=pl.Int32))
    rows = typed.join(
        numbered, on=columns, how="left", nulls_equal=True, maintain_order="left"
    ).select(
        *(pl.col(name).str.split("|").alias(f"key{i}") for i, name in enumerate(keys)),
        *_PLAIN,
        "steps",
    )
    for i in range(len(keys)):
        rows = rows.explode(f"key{i}")
    return rows.with_columns(pl.col("connection_fee").fill_null(0)), lists


def _step_columns(columns: list[str]) -> list[tuple[str, ...]]:
    found = []
    for number in range(1, 100):
        names = tuple(f"step{number}_{part}" for part in _STEP)
        if f"step{number}_price" not in columns:
            break
        found.append(names)
    return found


def _typed(
    raw: pl.DataFrame, path: Path, keys: list[str], steps: list[tuple[str, ...]]
) -> pl.DataFrame:
    """The deck with its types; every cell that does not fit is reported with its line."""
    wanted: dict[str, Any] = {"connection_fee": DECIMAL, "max_charge": DECIMAL}
    wanted |= {name: DECIMAL for names in steps for name in names}
    frame = raw.with_columns(
        pl.lit(None, pl.String).alias(name)
        for name in dict.fromkeys([*_PLAIN, *wanted])
        if name not in raw.columns
    )
    typed = frame.with_columns(
        *(pl.col(name).cast(kind, strict=False) for name, kind in wanted.items()),
        effective=pl.col("effective").str.to_date("%Y-%m-%d", strict=False),
    )
    problems = []
    for name in [*wanted, "effective"]:
        bad = frame.filter(frame[name].is_not_null() & typed[name].is_null())
        problems += [
            Problem(str(path), line, name, f"expected a number or date, not {value!r}")
            for line, value in bad.select("line", name).head(20).iter_rows()
        ]
    for name in [*keys, "step1_price"]:
        empty = frame.filter(pl.col(name).is_null())
        problems += [
            Problem(str(path), line, name, "expected, but it is empty")
            for line in empty["line"].head(20)
        ]
    if problems:
        raise CatalogInvalid(problems)
    return typed


def _step_lists(typed: pl.DataFrame, steps: list[tuple[str, ...]]) -> list[list[Step]]:
    columns = [typed.select(names).rows() for names in steps]
    lists = []
    for row in zip(*columns, strict=True):
        lists.append(
            [
                Step(
                    start=start or Decimal(0), price=price, per=per or Decimal(1),
                    increment=increment or Decimal(1),
                )
                for start, price, per, increment in row
                if price is not None
            ]
        )  # fmt: skip
    return lists


def _invalid(path: Path, line: int, field: str, message: str) -> CatalogInvalid:
    return CatalogInvalid([Problem(str(path), line, field, message)])
