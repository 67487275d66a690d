"""CSV files of master data: reading them with line numbers, and writing what was refused."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from meterline.customers.errors import InvalidField, InvalidImport
from meterline.customers.validate import Check

REJECT_SCHEMA = {"line": pl.Int64, "reason": pl.String, "detail": pl.String}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of one kind of file."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Required ones first."""
        return self.required + self.optional


@dataclass(kw_only=True)
class Sheet:
    """A file's rows: `rows` has a String for each column (null = empty) and `line`, where the row
    begins in the file. `rejects` (REJECT_SCHEMA) grows as rows are found wanting."""

    path: Path
    header: list[str]
    rows: pl.DataFrame
    rejects: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECT_SCHEMA))

    def reject(self, wrong: pl.DataFrame, reason: str, detail: str | pl.Expr) -> None:
        """Take rows out (by their `line`), with a reason and a detail for people."""
        if wrong.is_empty():
            return
        text = pl.lit(detail) if isinstance(detail, str) else detail
        found = wrong.select(
            pl.col("line").cast(pl.Int64),
            pl.lit(reason).alias("reason"),
            text.alias("detail"),
        ).unique("line", keep="first", maintain_order=True)
        self.rejects = pl.concat([self.rejects, found])
        self.rows = self.rows.join(found, on="line", how="anti", maintain_order="left")


def read_sheet(path: Path, columns: Columns) -> Sheet:
    """Read a CSV file (RFC 4180, UTF-8, header required).

    Raises InvalidImport for a file or header that cannot be read; rows with a wrong number of
    fields or an empty required one become rejects.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, found, ragged = _read(csv.reader(file, strict=True), path, columns)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidImport(file=path, problem=f"cannot be read: {error}") from error
    schema = {"line": pl.Int64, **dict.fromkeys(header, pl.String)}
    rows = pl.DataFrame(found, schema=schema, orient="row").with_columns(
        pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in header
    )
    missing = [name for name in columns.all if name not in header]
    sheet = Sheet(
        path=path,
        header=header,
        rows=rows.with_columns(pl.lit(None, pl.String).alias(name) for name in missing),
    )
    broken = pl.DataFrame(ragged, schema={"line": pl.Int64, "detail": pl.String}, orient="row")
    sheet.reject(broken, "malformed", pl.col("detail"))
    nul = {name: pl.col(name).str.contains("\0", literal=True) for name in header}
    _reject_each(sheet, nul, "malformed", "{} has a NUL character")
    empty = {name: pl.col(name).is_null() for name in columns.required}
    _reject_each(sheet, empty, "missing_field", "{} is empty")
    return sheet


def _reject_each(sheet: Sheet, conditions: Mapping[str, pl.Expr], reason: str, detail: str) -> None:
    """Reject rows by a condition for each column; `detail` with the column's name."""
    met = sheet.rows.select(where.any().alias(name) for name, where in conditions.items())
    for name in met.columns:
        if met[name][0]:
            sheet.reject(sheet.rows.filter(conditions[name]), reason, detail.format(name))


def check_values(sheet: Sheet, checks: Mapping[str, Check]) -> None:
    """Reject rows with a value that a check refuses; each distinct value is looked at once."""
    for name, check in checks.items():
        wrong: dict[str, str] = {}
        for value in sheet.rows[name].drop_nulls().unique().to_list():
            try:
                check(value)
            except InvalidField as error:
                wrong[value] = error.message
        if wrong:
            bad = sheet.rows.filter(pl.col(name).is_in(list(wrong)))
            detail = pl.col(name).replace_strict(wrong, return_dtype=pl.String)
            sheet.reject(bad, "invalid_field", detail)


def check_lengths(sheet: Sheet, limits: Mapping[str, int]) -> None:
    """Reject rows with a text longer than its column may be."""
    for limit in sorted(set(limits.values())):
        long = {
            name: pl.col(name).str.len_chars() > limit for name, most in limits.items()
            if most == limit
        }  # fmt: skip
        _reject_each(sheet, long, "invalid_field", f"{{}} is longer than {limit} characters")


def check_unique(sheet: Sheet, name: str, taken: Collection[str], what: str) -> None:
    """Reject rows whose code another row of the file, or the database, has already."""
    detail = pl.format(f"{what} {{}} exists already", name)
    sheet.reject(sheet.rows.filter(pl.col(name).is_in(list(taken))), "code_taken", detail)
    again = sheet.rows.filter(~pl.col(name).is_first_distinct())
    sheet.reject(again, "code_taken", pl.format("{} is in the file twice", name))


def check_known(sheet: Sheet, name: str, known: Mapping[str, int], what: str) -> None:
    """Reject rows that name an unknown code."""
    bad = sheet.rows.filter(pl.col(name).is_not_null(), ~pl.col(name).is_in(list(known)))
    sheet.reject(bad, f"unknown_{what}", pl.format(f"there is no {what} {{}}", name))


def write_rejects(sheet: Sheet, path: Path) -> None:
    """The refused rows as they were, led by line, reason and detail: mend and import again.

    The import leaves those three columns out, so the file itself can be given to it.
    """
    wanted = {row["line"]: row for row in sheet.rejects.iter_rows(named=True)}
    with (
        sheet.path.open(newline="", encoding="utf-8-sig") as source,
        path.open("w", newline="", encoding="utf-8") as target,
    ):
        writer = csv.writer(target)
        reader = csv.reader(source)
        header = next(reader)
        kept = [i for i, name in enumerate(header) if name not in REJECT_SCHEMA]
        writer.writerow([*REJECT_SCHEMA, *(header[i] for i in kept)])
        line = reader.line_num
        for row in reader:
            if line + 1 in wanted:
                why = wanted[line + 1]
                cells = [row[i] for i in kept if i < len(row)] + row[len(header) :]
                writer.writerow([why["line"], why["reason"], why["detail"], *cells])
            line = reader.line_num


def _read(
    reader: Any, path: Path, columns: Columns
) -> tuple[list[str], list[list[str | int]], list[tuple[int, str]]]:
    first = next(reader, None)
    if first is None:
        raise InvalidImport(file=path, problem="is empty: a header is required")
    kept = [i for i, name in enumerate(first) if name not in REJECT_SCHEMA]
    header = [first[i] for i in kept]
    _check_header(header, path, columns)
    rows: list[list[str | int]] = []
    ragged: list[tuple[int, str]] = []
    line = reader.line_num
    for row in reader:
        if len(row) == len(first):
            rows.append([line + 1, *(row[i] for i in kept)])
        elif row:
            ragged.append((line + 1, f"{len(row)} fields, the header has {len(first)}"))
        line = reader.line_num
    return header, rows, ragged


def _check_header(header: Sequence[str], path: Path, columns: Columns) -> None:
    missing = [name for name in columns.required if name not in header]
    unknown = [name for name in header if name not in columns.all]
    twice = {name for name in header if header.count(name) > 1}
    problems = [
        f"{what} {', '.join(sorted(names))}"
        for what, names in (
            ("the header lacks", missing), ("unknown columns:", unknown), ("twice:", twice)
        )
        if names
    ]  # fmt: skip
    if problems:
        text = f"{'; '.join(problems)}. Columns are {', '.join(columns.all)}"
        raise InvalidImport(file=path, problem=text)
