"""Events of deliveries: lines of JSON as records, and what is wrong with them. Pure."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from meterline.rating import properties
from meterline.usage.formats import REJECTS, Decoded, cloudevents
from meterline.usage.json_lines import decode_block
from meterline.usage.normalise import CANONICAL, normalise

FORMATS = ("jsonl", cloudevents.NAME)


def decoded(text: bytes, format: str) -> Decoded:
    """The events of some lines; `line` is the number of each, from 1."""
    chunk = decode_block(text, 1)
    return cloudevents.as_records(chunk) if format == cloudevents.NAME else chunk


def faults(chunk: Decoded, *, source: str, now: datetime) -> pl.DataFrame:
    """What no catalogue and no contract could make usage of: REJECTS without the record."""
    told = chunk.rejects.drop("record")
    if chunk.records.is_empty():
        return told
    named = properties.as_properties(chunk.records, ("line", *CANONICAL))
    _, malformed = normalise(named, source=source, now=now)
    order = [name for name in REJECTS if name != "record"]
    return pl.concat([told.select(order), malformed.select(order)]).sort("line")
