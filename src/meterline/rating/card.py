"""Rate cards as data: rows on columns, so that a deck of 170,000 prefixes is one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import polars as pl

from meterline.kernel.money import RoundingMode

Match = Literal["prefix", "exact"]
ANY = "*"

ROW_SCHEMA: dict[str, Any] = {
    "band": pl.String,  # null: any band
    "connection_fee": pl.Decimal(38, 10),
    "max_charge": pl.Decimal(38, 10),  # null: none
    "effective": pl.Date,  # null: always
    "steps": pl.Int32,  # index into RateCard.steps
}  # and key0, key1 ...: String, one column a key field


@dataclass(frozen=True, kw_only=True)
class Step:
    """From `start` on: `price` for `per` units, charged by started `increment`s."""

    start: Decimal
    price: Decimal
    per: Decimal
    increment: Decimal


@dataclass(frozen=True, kw_only=True)
class KeyField:
    """A property of the event by which rows are found."""

    field: str
    match: Match = "prefix"


@dataclass(frozen=True, kw_only=True)
class RateCard:
    """One version of a rate card, in force from `valid_from` until the next one."""

    code: str
    keys: tuple[KeyField, ...]
    rows: pl.DataFrame  # ROW_SCHEMA and the key columns
    steps: tuple[tuple[Step, ...], ...]
    calendar: str | None = None
    timezone: str = "UTC"  # in which days become effective
    quantity_field: str | None = None  # None: the meter's quantity
    quantity_unit: str | None = None
    split_increments: bool = False  # increments over a band's edge are priced pro rata
    rounding: RoundingMode | None = None  # of an event's amount; None: exact
    places: int = 0
    valid_from: Any = None  # date; None: always


def intern_steps(rows: Sequence[Sequence[Step]]) -> tuple[list[int], tuple[tuple[Step, ...], ...]]:
    """Distinct lists of steps, and for each row the index of its list."""
    known: dict[tuple[Step, ...], int] = {}
    indexes = [known.setdefault(tuple(steps), len(known)) for steps in rows]
    return indexes, tuple(known)
