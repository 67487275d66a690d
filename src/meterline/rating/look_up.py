"""Which rows of a card an event would find: to look at, before anything is rated. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import polars as pl

from meterline.rating.card import Step
from meterline.rating.compiled import CompiledCard
from meterline.rating.destination import UNKNOWN
from meterline.rating.taximeter import NO_ROW


@dataclass(frozen=True, kw_only=True)
class FoundRow:
    """A row of a card: the key that matched, for which band (None: any other), and its price."""

    key: tuple[str, ...]
    band: str | None
    connection_fee: Decimal
    max_charge: Decimal | None
    steps: tuple[Step, ...]


def look_up(compiled: CompiledCard, values: Sequence[str], at: datetime) -> list[FoundRow]:
    """The rows in force at an instant for the values of the key fields, one a band; the same
    look-up as rating does. Empty: no row matches."""
    while compiled.before is not None and at < compiled.since:
        compiled = compiled.before
    epoch = next(one for one in reversed(compiled.epochs) if one.since <= at)
    names = [f"key{number}" for number in range(len(compiled.card.keys))]
    schema = dict.fromkeys(names, pl.String)
    frame = pl.DataFrame([tuple(values)], schema=schema, orient="row")
    destination = int(epoch.destinations.find(frame, names)[0])
    if destination == UNKNOWN:
        return []
    key = next(key for key, code in compiled.keys.items() if code == destination)
    bands: list[str | None] = [*sorted(compiled.bands, key=compiled.bands.__getitem__), None]
    return list(_rows(compiled, key, zip(bands, epoch.rows[destination], strict=True)))


def _rows(
    compiled: CompiledCard, key: tuple[str, ...], found: zip[tuple[str | None, int]]
) -> Iterator[FoundRow]:
    rows = [(band, int(row)) for band, row in found if row != NO_ROW]
    rest = dict(rows).get(None)
    for band, row in rows:
        if band is not None and row == rest:  # the row of any band, told once
            continue
        yield FoundRow(
            key=key, band=band, connection_fee=compiled.fees[row], max_charge=compiled.caps[row],
            steps=compiled.steps[int(compiled.step_lists[row])],
        )  # fmt: skip
