"""Frames of any types as usage formats hand them over: String columns, nothing nested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

_OPENED = ("properties", "data")  # objects whose fields count as the record's own
_INSTANT = "%Y-%m-%dT%H:%M:%S%.fZ"


def as_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Columns as String: `a: {b: 1}` is a column `a.b`, lists are JSON, instants ISO 8601 in UTC,
    empty texts null. A column `line` is called `line_`."""
    flat = frame
    while nested := [name for name, kind in flat.schema.items() if kind == pl.Struct]:
        flat = _opened(flat, nested[0])
    made = flat.select(_text(name, kind).alias(name) for name, kind in flat.schema.items())
    return made.rename({name: field_name(name, ()) for name in made.columns})


def field_name(name: str, taken: Iterable[str]) -> str:
    """The column of a flattened field; `taken`: names that are columns already."""
    head, dot, rest = name.partition(".")
    if dot and rest and head in _OPENED and rest not in taken:
        name = rest
    return "line_" if name == "line" else name


def from_rows(rows: Sequence[Mapping[str, Any]], lines: Sequence[int]) -> pl.DataFrame:
    """Rows of flattened fields (flat) as a frame of String columns, with `line`."""
    names = sorted({name for row in rows for name in row})
    made = {
        name: pl.Series([row.get(name) for row in rows], dtype=pl.String, strict=False)
        for name in names
    }
    return pl.DataFrame({"line": pl.Series(lines, dtype=pl.UInt32), **made})


def flat(value: Mapping[str, Any], encode: Any) -> dict[str, str | None]:
    """An object of JSON as as_texts has it. `encode`: lists as JSON."""
    found: dict[str, str | None] = {}
    waiting = list(value.items())[::-1]
    while waiting:
        name, inner = waiting.pop()
        if isinstance(inner, dict):
            waiting += [(f"{name}.{key}", field) for key, field in list(inner.items())[::-1]]
        else:
            found[name] = _shown(inner, encode)
    return {_whole(field_name(name, found)): text for name, text in found.items()}


def _shown(value: Any, encode: Any) -> str | None:
    match value:
        case None | "":
            return None
        case bool():
            return "true" if value else "false"
        case str():
            return _whole(value)
    return _whole(encode(value))


def _whole(text: str) -> str:
    """A text without halves of surrogate pairs, which UTF-8 has not."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _opened(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """A struct column as a column a field, in its place."""
    fields = frame[name].struct.unnest()
    taken = [other for other in frame.columns if other != name]
    names: list[str] = []
    for field in fields.columns:
        wanted = f"{name}.{field}" if name not in _OPENED or field in taken else field
        names.append(wanted if wanted not in [*taken, *names] else f"{wanted}_")
    fields.columns = names
    at = frame.columns.index(name)
    return pl.concat([frame[:, :at], fields, frame[:, at + 1 :]], how="horizontal")


def _text(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if kind == pl.String:
        return pl.when(column != "").then(column)
    if kind.is_float():
        return column.cast(pl.String).str.strip_suffix(".0")
    if isinstance(kind, pl.Datetime):
        if kind.time_zone is None:
            return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
        return column.dt.convert_time_zone("UTC").dt.strftime(_INSTANT)
    if kind == pl.Duration:
        return (column.dt.total_microseconds().cast(pl.Decimal(38, 6)) / 1_000_000).cast(pl.String)
    if kind == pl.Binary:
        return column.bin.encode("hex")
    if isinstance(kind, pl.List | pl.Array):
        return pl.when(column.is_not_null()).then(
            pl.struct(column.alias("x"))
            .struct.json_encode()
            .str.strip_prefix('{"x":')
            .str.strip_suffix("}")
        )
    return column.cast(pl.String)
