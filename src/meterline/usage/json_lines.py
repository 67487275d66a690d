"""Lines of JSON objects as frames: by Polars where a block allows it, else line by line.

Numbers keep their value: what a binary floating point number would change is read as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from meterline.usage.blocks import blocks
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS, Decoded
from meterline.usage.texts import as_texts, flat, from_rows

_BLOCK = 32 << 20
_LINE_MOST = 1_000_000
_DEPTH_MOST = 16
_SHOWN = 1000
_BOM = b"\xef\xbb\xbf"
_LONG = 17  # digits and a point: what a binary floating point number may not hold
_INEXACT = re.compile(rb"[:\[,]\s*-?(?:(?=[0-9.]{17,})[0-9]+\.|[0-9]{30,})")


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def _number(text: str) -> Number:
    return Number(text.removesuffix(".0"))


READER = json.JSONDecoder(parse_float=_number, parse_int=Number, parse_constant=_constant)


def as_json(value: Any) -> str:
    """What READER read, as JSON again."""
    match value:
        case Number():
            return value
        case dict():
            inner = (f"{json.dumps(name)}:{as_json(field)}" for name, field in value.items())
            return f"{{{','.join(inner)}}}"
        case list():
            return f"[{','.join(map(as_json, value))}]"
    return json.dumps(value)


def flattened(found: Any) -> dict[str, str | None] | str:
    """The fields of an object as texts.as_texts has them, or what is wrong with it."""
    if not isinstance(found, dict):
        return "no JSON object"
    try:
        return flat(found, as_json)
    except RecursionError:
        return "nested too deep"


def decode_lines(path: Path) -> Iterator[Decoded]:
    """The file's objects as flattened fields, in chunks. Raises UsageFileError."""
    line, is_empty = 1, True
    for block in blocks(path, _BLOCK):
        data = block.removeprefix(_BOM) if line == 1 else block
        yield decode_block(data, line)
        line += data.count(b"\n")
        is_empty = False
    if is_empty:
        raise UsageFileError(file=path.name, why="is empty")


def decode_block(data: bytes, first_line: int) -> Decoded:
    """The objects of some lines as flattened fields."""
    return _by_polars(data, first_line) or _line_by_line(data, first_line)


def _object(raw: bytes) -> dict[str, str | None] | str:
    """The fields of a line, or what is wrong with it."""
    if len(raw) > _LINE_MOST:
        return f"a line of {len(raw):,} bytes; {_LINE_MOST:,} are the most"
    try:
        found = READER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return "not UTF-8"
    except ValueError as error:
        return f"no JSON ({error})"
    except RecursionError:
        return "no JSON (nested too deep)"
    return flattened(found)


def _by_polars(data: bytes, first_line: int) -> Decoded | None:
    """The block if nothing about it is odd: an object a line, nothing deep, no long numbers."""
    count = data.count(b"\n") + (not data.endswith(b"\n"))
    objects = data.count(b"\n{") + data.startswith(b"{")
    if objects != count or not _is_shallow(data) or _is_inexact(data):
        return None
    try:
        rows = pl.read_ndjson(data, infer_schema_length=1000)
        if not _has_all(rows, data):
            rows = pl.read_ndjson(data, infer_schema_length=None)
        if rows.height != count or _has_lists(rows.schema):
            return None
        texts = as_texts(rows)
    except pl.exceptions.PolarsError:
        return None
    lines = pl.int_range(first_line, first_line + count, dtype=pl.UInt32, eager=True)
    return Decoded(
        records=texts.insert_column(0, lines.alias("line")), rejects=pl.DataFrame(schema=REJECTS)
    )


def _is_shallow(data: bytes) -> bool:
    """Whether brackets stand no deeper than _DEPTH_MOST (within texts, too)."""
    characters = np.frombuffer(data, np.uint8)
    opens = (characters == ord("{")) | (characters == ord("["))
    closes = (characters == ord("}")) | (characters == ord("]"))
    at = np.flatnonzero(opens | closes)
    depth = np.cumsum(np.where(opens[at], 1, -1))
    return bool(len(at) == 0 or (depth.max() <= _DEPTH_MOST and depth.min() >= 0))


def _is_inexact(data: bytes) -> bool:
    """Whether a number has more digits than a binary floating point number holds. Most blocks have
    no run of digits that is long enough, which one place in four tells."""
    places = np.frombuffer(data, np.uint8)[::4]
    digits = ((places >= ord("0")) & (places <= ord("9"))) | (places == ord("."))
    runs = digits[:-3] & digits[1:-2] & digits[2:-1] & digits[3:]
    return bool(runs.any()) and _INEXACT.search(data) is not None


def _has_all(rows: pl.DataFrame, data: bytes) -> bool:
    """Whether no field of the block is missing in the rows: as many values as there are keys."""
    nulls = data.count(b'":null') + data.count(b'": null')
    return data.count(b'":') == nulls + sum(_values(column) for column in rows)


def _has_lists(schema: pl.Schema | pl.Struct) -> bool:
    """Whether there are lists, whose text Polars would make another one."""
    kinds = schema.to_schema().values() if isinstance(schema, pl.Struct) else schema.values()
    return any(
        isinstance(kind, pl.List) or (isinstance(kind, pl.Struct) and _has_lists(kind))
        for kind in kinds
    )


def _values(column: pl.Series) -> int:
    found = len(column) - column.null_count()
    if column.dtype == pl.Struct:
        found += sum(_values(field) for field in column.struct.unnest())
    return found


def _line_by_line(data: bytes, first_line: int) -> Decoded:
    rows: list[dict[str, str | None]] = []
    numbers: list[int] = []
    rejects: list[tuple[int, str, str, str]] = []
    for number, raw in enumerate(data.split(b"\n"), start=first_line):
        if not raw.strip():
            continue
        found = _object(raw)
        if isinstance(found, str):
            text = raw[:_SHOWN].decode("utf-8", "replace")
            rejects.append((number, "malformed", found, text))
        else:
            rows.append(found)
            numbers.append(number)
    return Decoded(
        records=from_rows(rows, numbers),
        rejects=pl.DataFrame(rejects, schema=REJECTS, orient="row"),
    )
