"""NEM13: accumulated reads of Australian meters (AEMO, Meter Data File Format Specification).

A record a 250 line: the consumption between two readings, in market time (UTC+10).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from meterline.usage.blocks import blocks
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS, Decoded
from meterline.usage.formats.nem12 import is_number, text_of
from meterline.usage.mapping import read_mapping

NAME = "nem13"
_FIELDS = ("id", "meter", "identifier", "start", "end", "quantity", "suffix", "serial", "unit",
           "quality")  # fmt: skip
_ABOUT = ("100", "550", "900")  # the file, transactions, the end
RECORDS: dict[str, Any] = {"line": pl.UInt32, **dict.fromkeys(_FIELDS, pl.String)}


def sniff(head: bytes) -> bool:
    """It begins with a header record 100."""
    return head.lstrip().startswith(b"100,NEM13")


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its reads. Raises UsageFileError for a file without an end."""
    meters = {} if mapping is None else read_mapping(mapping).meters
    rows: list[tuple[Any, ...]] = []
    rejects: list[tuple[int, str, str, str]] = []
    number, ended = 0, False
    for block in blocks(path, 8 << 20):
        for raw in block.splitlines():
            number += 1
            fields = [text.strip() for text in raw.decode("utf-8", "replace").split(",")]
            ended = ended or fields[0] == "900"
            if fields[0] in _ABOUT or fields == [""]:
                continue
            found = _read(fields)
            if isinstance(found, str):
                rejects.append((number, "malformed", found, text_of(raw)))
            else:
                found["meter"] = meters.get(found["suffix"], found["suffix"])
                rows.append((number, *(found[name] or None for name in _FIELDS)))
    if not ended:
        raise UsageFileError(
            file=path.name, why="has no end record 900: it is cut off, fetch it again"
        )
    yield Decoded(
        records=pl.DataFrame(rows, schema=RECORDS, orient="row"),
        rejects=pl.DataFrame(rejects, schema=REJECTS, orient="row"),
    )


def _read(fields: list[str]) -> dict[str, str] | str:
    """The record of a 250 line, or what is wrong with it."""
    if fields[0] != "250":
        return f"unknown record {fields[0][:20]}"
    if len(fields) < 20:
        return "a 250 record has 20 fields at least"
    try:
        start, end = (datetime.strptime(fields[i], "%Y%m%d%H%M%S") for i in (9, 14))  # noqa: DTZ007
    except ValueError:
        return "no times of reading (YYYYMMDDhhmmss)"
    if not is_number(fields[18]):
        return f"quantity {fields[18][:20] or '(nothing)'} is no number"
    nmi, suffix = fields[1], fields[4]
    if not nmi or not suffix:
        return "a 250 record names an NMI and a suffix"
    return {
        "id": f"{nmi}/{suffix}/{start.isoformat()}", "identifier": nmi, "suffix": suffix,
        "start": f"{start.isoformat()}+10:00", "end": f"{end.isoformat()}+10:00",
        "quantity": fields[18], "serial": fields[6], "unit": fields[19], "quality": fields[15],
    }  # fmt: skip
