"""Mapping files: how a file that is not canonical becomes usage records (YAML)."""

from __future__ import annotations

import csv
from collections.abc import Mapping as AnyMapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import polars as pl
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from meterline.catalog.errors import CatalogInvalid
from meterline.catalog.yaml import load_all, read_text
from meterline.usage import units
from meterline.usage.errors import UsageFileError

ISO, UNIX, UNIX_MS = "iso", "unix", "unix_ms"
_EXAMPLE = datetime(2026, 11, 25, 13, 45, 50, tzinfo=UTC)
_ENCODINGS = Literal["utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "windows-1250", "cp437",
                     "cp850", "koi8-r"]  # fmt: skip


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Names = Annotated[list[str], BeforeValidator(_as_list)]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, populate_by_name=True
    )


class Stamp(_Part):
    """Where an instant comes from, and how it is written."""

    of: Names = Field(
        default_factory=list, alias="from", description="Source columns, joined by a blank."
    )
    format: str = Field(ISO, description="iso, unix, unix_ms, or a pattern such as %d/%m/%Y %H:%M.")

    @field_validator("format")
    @classmethod
    def _works(cls, pattern: str) -> str:
        if pattern in (ISO, UNIX, UNIX_MS):
            return pattern
        shown = _EXAMPLE.strftime(pattern.replace("%.f", ".5"))
        try:
            read = pl.Series([shown]).str.to_datetime(pattern, time_unit="us", strict=False)
        except pl.exceptions.PolarsError as error:
            why = str(error).splitlines()[0]
            raise ValueError(f"expected iso, unix, unix_ms or a pattern: {why}") from error
        if "%" not in pattern or read.null_count():
            raise ValueError(f"expected iso, unix, unix_ms or a pattern, not {pattern}")
        return pattern


class Unit(_Part):
    """What a number is given in, and what the meter counts in."""

    old: str = Field(alias="from")
    new: str = Field(alias="to")

    @model_validator(mode="after")
    def _alike(self) -> Unit:
        if units.ratio(self.old, self.new) is None:
            known = ", ".join(units.names())
            raise ValueError(f"{self.old} does not become {self.new}; known units: {known}")
        return self


class Lookup(_Part):
    """A field by a table; what the table does not have stays as it is, unless `otherwise`."""

    of: str | None = Field(None, alias="from", description="Source column; default: the field.")
    table: dict[str, str] = Field(default_factory=dict)
    file: str | None = Field(None, description="CSV file of two columns, beside the mapping.")
    otherwise: str | None = None


class Condition(_Part):
    """What a column must hold; all that is said must be true. A missing value is an empty text for
    `is` and `not`, and passes the others."""

    column: str
    one_of: Annotated[list[str], BeforeValidator(_as_list)] | None = Field(None, alias="is")
    none_of: Annotated[list[str], BeforeValidator(_as_list)] | None = Field(None, alias="not")
    matches: str | None = Field(None, description="Regular expression, found anywhere in it.")
    at_least: Decimal | None = None
    at_most: Decimal | None = None

    @field_validator("matches")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            pl.Series([""]).str.contains(pattern or "")
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"no regular expression: {str(error).splitlines()[0]}") from error
        return pattern


class ControlLine(_Part):
    """A first or last line that tells what the file holds. Places of fields count from 1."""

    begins: str = Field(min_length=1, description="How the line begins, such as TRL.")
    records: int | None = Field(None, ge=1, description="Place of the number of data lines.")
    total: int | None = Field(None, ge=1, description="Place of the sum of the column `of`.")
    of: str | None = Field(None, description="The column that `total` is the sum of.")
    sequence: int | None = Field(None, ge=1, description="Place of the file's number.")

    @model_validator(mode="after")
    def _whole(self) -> ControlLine:
        if (self.total is None) != (self.of is None):
            raise ValueError("total and of go together")
        return self


class Sequence(_Part):
    """How the files of a source are numbered."""

    name: str | None = Field(None, description="Expression whose group 1 is the number.")
    last: int | None = Field(None, ge=1, description="After it, numbers begin anew.")

    @field_validator("name")
    @classmethod
    def _one_group(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                found = pl.Series([""]).str.extract(pattern, 1)
            except pl.exceptions.PolarsError as error:
                raise ValueError(f"no regular expression: {str(error).splitlines()[0]}") from error
            if "(" not in pattern or found.len() != 1:
                raise ValueError("expected a group that is the number, such as cdr_([0-9]+)")
        return pattern


class Mapping(_Part):
    """A mapping file. Unknown keys are errors."""

    separator: str = Field(",", min_length=1, max_length=1, description="Between columns.")
    encoding: _ENCODINGS = Field("utf-8", description="Of a text file.")
    skip: int = Field(0, ge=0, description="Lines before the header, or before the first row.")
    header: list[str] | None = Field(
        None, min_length=1, description="The columns of a file without header."
    )
    leader: ControlLine | None = None
    trailer: ControlLine | None = None
    sequence: Sequence | None = None
    mismatch: Literal["refuse", "flag"] = Field(
        "refuse", description="What becomes of a file that does not hold what it says it does."
    )
    filters: list[Condition] = Field(
        default_factory=list, description="Rows that do not hold them (source columns) are left out"
    )
    columns: dict[str, Names] = Field(
        default_factory=dict,
        description="Source column -> id, meter, identifier, subscription, start, end, duration,"
        " quantity, or the name of a property; or several. Columns not named here are left out.",
    )
    constants: dict[str, str] = Field(
        default_factory=dict, description="Fields that are the same for every row, such as meter."
    )
    joined: dict[str, Names] = Field(
        default_factory=dict, description="Field -> source columns, joined by a stroke (id)."
    )
    times: dict[Literal["start", "end"], Stamp] = Field(default_factory=dict)
    timezone: str | None = Field(
        None, description="Zone of stamps without an offset; default: the subscription's."
    )
    timezone_column: str | None = Field(None, description="Source column with the row's zone.")
    first: str | None = Field(None, description="Start of the first row, if rows have none.")
    every: int | None = Field(None, gt=0, description="Seconds from one row's start to the next.")
    lookups: dict[str, Lookup] = Field(default_factory=dict)
    decimal: Literal[".", ","] = Field(".", description="The decimal mark.")
    units: dict[Literal["quantity", "duration"], Unit] = Field(default_factory=dict)
    factor: str | None = Field(None, description="What quantities are multiplied by.")
    empty: Literal["reject", "skip"] = Field(
        "reject", description="What becomes of rows whose quantity is empty or NaN."
    )
    checks: list[Condition] = Field(
        default_factory=list, description="Records that do not hold them (fields) are rejects."
    )
    meters: dict[str, str] = Field(
        default_factory=dict, description="What the format names -> meter (NEM: the suffix)."
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in zones():
            raise ValueError(f"expected a time zone such as Europe/London, not {zone}")
        return zone

    @field_validator("header")
    @classmethod
    def _usable(cls, names: list[str] | None) -> list[str] | None:
        if names is not None and ("line" in names or "" in names or len(set(names)) < len(names)):
            raise ValueError("expected names, each once, none of them `line`")
        return names

    @field_validator("first")
    @classmethod
    def _moment(cls, text: str | None) -> str | None:
        if text is not None:
            datetime.fromisoformat(text)
        return text

    @field_validator("factor")
    @classmethod
    def _number(cls, factor: str | None) -> str | None:
        if factor is not None:
            try:
                fits = Decimal(factor).is_finite() and abs(Decimal(factor)) < 10**9
            except ArithmeticError:
                fits = False
            if not fits:
                raise ValueError(f"expected a number below 1,000,000,000, not {factor}")
        return factor


@cache
def zones() -> frozenset[str]:
    """The names of all time zones."""
    return frozenset(available_timezones())


def read_mapping(path: Path) -> Mapping:
    """The mapping of a file. Raises UsageFileError that tells all that is wrong with it."""
    path = Path(path)
    try:
        documents = load_all(read_text(path), path.name)
    except CatalogInvalid as error:
        raise UsageFileError(file=path.name, why=error.message) from error
    if len(documents) != 1 or not isinstance(documents[0].data, dict):
        raise UsageFileError(file=path.name, why="expected one YAML document of keys and values")
    try:
        made = Mapping.model_validate(documents[0].data)
    except ValidationError as error:
        raise UsageFileError(
            file=path.name, why="; ".join(_faults(error, documents[0].lines))
        ) from error
    return made.model_copy(update={"lookups": _with_tables(made.lookups, path)})


def tables_of(path: Path) -> list[Path]:
    """The files in which a mapping looks up. Raises UsageFileError."""
    lookups = read_mapping(path).lookups.values()
    return [path.parent / lookup.file for lookup in lookups if lookup.file is not None]


def _faults(error: ValidationError, lines: AnyMapping[Any, int]) -> list[str]:
    return [
        f"line {lines.get(fault['loc'], lines.get(fault['loc'][:1], 1))}:"
        f" {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        for fault in error.errors()
    ]


def _with_tables(lookups: AnyMapping[str, Lookup], path: Path) -> dict[str, Lookup]:
    """The lookups, those of a file with its table."""
    made = {}
    for field, lookup in lookups.items():
        table = dict(lookup.table)
        if lookup.file is not None:
            table |= _table(path.parent / lookup.file)
        made[field] = lookup.model_copy(update={"table": table})
    return made


def _table(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file, strict=True) if row]
    except OSError as error:
        raise UsageFileError(file=path.name, why=error.strerror or str(error)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageFileError(file=path.name, why=f"no table of two columns: {error}") from error
    short = next((number for number, row in enumerate(rows, start=1) if len(row) < 2), None)
    if short is not None:
        raise UsageFileError(file=path.name, why=f"row {short} has no second column")
    return {row[0]: row[1] for row in rows}
