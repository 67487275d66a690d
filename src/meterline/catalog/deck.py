"""CSV decks of rate cards: read and checked on columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl

from meterline.catalog.check_cards import MOST, Bands, row_faults
from meterline.catalog.errors import CatalogInvalid, Problem
from meterline.rating.card import Step, intern_steps

_PLAIN = ("band", "connection_fee", "max_charge", "effective")
_STEP = ("from", "price", "per", "increment")
_NUMBER = r"^[-+]?(\d{1,16}(\.\d{0,10}0*)?|\.\d{1,10}0*)$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
DECIMAL = pl.Decimal(38, 10)

Steps = tuple[tuple[Step, ...], ...]


def read_deck(path: Path, key_fields: int) -> tuple[pl.DataFrame, Steps]:
    """Rows (rating.card.ROW_SCHEMA and key columns) and step lists of a deck.

    Columns: key (several with | between them; with several key fields key1, key2 ...), band,
    connection_fee, max_charge, effective, step1_from, step1_price, step1_per, step1_increment,
    step2_from ... Raises CatalogInvalid with the lines at fault.
    """
    typed, keys, steps = _load(path, key_fields)
    columns = [name for names in steps for name in names]
    distinct = typed.select(columns).unique(maintain_order=True)
    indexes, lists = intern_steps(_step_lists(distinct, steps))
    numbered = distinct.with_columns(steps=pl.Series(indexes, dtype=pl.Int32))
    rows = typed.join(numbered, on=columns, how="left", nulls_equal=True, maintain_order="left")
    rows = _by_key(rows, keys).select(*(f"key{i}" for i in range(len(keys))), *_PLAIN, "steps")
    return rows.with_columns(pl.col("connection_fee").fill_null(0)), lists


def key_fields_of(path: Path) -> int:
    """How many key fields a deck has, by its header. Raises CatalogInvalid."""
    columns = _read(path).columns
    return max(1, sum(re.fullmatch(r"key[1-9]\d*", name) is not None for name in columns))


def deck_problems(path: Path, key_fields: int, bands: Bands | None) -> list[Problem]:
    """All that is wrong with a deck, beyond what keeps it from being read."""
    try:
        typed, keys, steps = _load(path, key_fields)
    except CatalogInvalid as error:
        return list(error.problems)
    found = [*_step_faults(typed, steps)]
    rows = _by_key(typed.rename({"line": "row"}), keys)
    names = ["row", *(f"key{i}" for i in range(len(keys))), "band", "effective"]
    found += [(one.row, one.field, one.message) for one in row_faults(rows.select(names), bands)]
    return [Problem(str(path), line, field, message) for line, field, message in found]


def _by_key(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """A row for each of the keys that stand in one cell; columns key0, key1 ..."""
    columns = [f"key{i}" for i in range(len(keys))]
    split = rows.select(
        *(pl.col(key).str.split("|").alias(name) for key, name in zip(keys, columns, strict=True)),
        pl.exclude(keys),
    )
    for name in columns:
        split = split.explode(name)
    return split.with_columns(pl.col(name).str.strip_chars() for name in columns)


def _load(path: Path, key_fields: int) -> tuple[pl.DataFrame, list[str], list[tuple[str, ...]]]:
    """The deck with its types and `line`; names of its key columns and of those of its steps."""
    raw = (
        _read(path)
        .with_columns(pl.all().str.strip_chars().replace("", None))
        .with_row_index("line", offset=2)
    )
    keys = ["key"] if key_fields == 1 else [f"key{i + 1}" for i in range(key_fields)]
    steps = _step_columns(raw.columns)
    wanted = [*keys, *_PLAIN, *(name for names in steps or [_step_names(1)] for name in names)]
    unknown = sorted(set(raw.columns) - {"line", *wanted})
    lacking = [name for name in [*keys, "step1_price"] if name not in raw.columns]
    if unknown or lacking:
        text = ", ".join([f"unknown {n}" for n in unknown] + [f"missing {n}" for n in lacking])
        raise _invalid(path, "header", f"{text} (expected such as {','.join(wanted)})")
    if raw.is_empty():
        raise _invalid(path, "file", "expected at least one row")
    return _typed(raw, path, keys, steps), keys, steps


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path, infer_schema=False)
    except pl.exceptions.NoDataError as error:
        raise _invalid(path, "file", "expected a header and rows, found an empty file") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _invalid(path, "file", f"not a CSV deck: {error}") from error


def _step_names(number: int) -> tuple[str, ...]:
    return tuple(f"step{number}_{part}" for part in _STEP)


def _step_columns(columns: list[str]) -> list[tuple[str, ...]]:
    found = []
    for number in range(1, 100):
        if f"step{number}_price" not in columns:
            break
        found.append(_step_names(number))
    return found


def _typed(
    raw: pl.DataFrame, path: Path, keys: list[str], steps: list[tuple[str, ...]]
) -> pl.DataFrame:
    """The deck with its types; every cell that does not fit is reported with its line."""
    numbers = ["connection_fee", "max_charge", *(name for names in steps for name in names)]
    frame = raw.with_columns(
        pl.lit(None, pl.String).alias(name)
        for name in dict.fromkeys([*_PLAIN, *numbers])
        if name not in raw.columns
    )
    expected = dict.fromkeys(
        numbers, (_NUMBER, "expected a number of at most 16 digits and 10 decimals")
    )
    expected["effective"] = (_DATE, "expected a date such as 2026-01-31")
    typed = frame.with_columns(
        *(pl.col(name).cast(DECIMAL, strict=False) for name in numbers),
        effective=pl.col("effective").str.to_date("%Y-%m-%d", strict=False),
    )
    problems = []
    for name, (pattern, text) in expected.items():
        unread = typed[name].is_null() | ~frame[name].str.contains(pattern)
        bad = frame.filter(frame[name].is_not_null() & unread)
        problems += [
            Problem(str(path), line, name, f"{text}, not {value!r}")
            for line, value in bad.select("line", name).head(MOST).iter_rows()
        ]
    for name in [*keys, "step1_price"]:
        empty = frame.filter(pl.col(name).is_null())
        problems += [
            Problem(str(path), line, name, "expected, but it is empty")
            for line in empty["line"].head(MOST)
        ]
    if problems:
        raise CatalogInvalid(problems)
    return typed


def _step_faults(
    typed: pl.DataFrame, steps: list[tuple[str, ...]]
) -> Iterator[tuple[int, str, str]]:
    """Line, field and message of fees and steps that cannot be."""
    least: dict[str, tuple[pl.Expr, str]] = {
        name: (pl.col(name) < 0, "expected at least 0") for name in ("connection_fee", "max_charge")
    }
    for number, (start, price, per, increment) in enumerate(steps):
        least[per] = (pl.col(per) <= 0, "expected more than 0")
        least[increment] = (pl.col(increment) <= 0, "expected more than 0")
        if number == 0:
            least[start] = (pl.col(start) != 0, "expected 0: the first step starts from 0")
            continue
        before = steps[number - 1]
        least[start] = (
            pl.col(price).is_not_null()
            & (pl.col(start).fill_null(0) <= pl.col(before[0]).fill_null(0)),
            f"expected more than the {before[0]} of the step before",
        )
        least[price] = (
            (pl.col(start).is_not_null() & pl.col(price).is_null())
            | (pl.col(price).is_not_null() & pl.col(before[1]).is_null()),
            "expected a price in each step up to the last one",
        )
    for name, (wrong, message) in least.items():
        for line in typed.filter(wrong)["line"].head(MOST):
            yield line, name, message


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


def _invalid(path: Path, field: str, message: str) -> CatalogInvalid:
    return CatalogInvalid([Problem(str(path), 1, field, message)])
