"""Spreading what a bill charges for usage over the hours or days of its records. Pure.

A line's amount is split by what its records were rated at, or by their quantities where only the
period's total has a price; by largest remainder, so that the parts add up to the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import polars as pl

from meterline.kernel.money import split

Line = Mapping[str, Any]
Every = Literal["1d", "1h"]
PARTS = ("usage", "earlier", "fixed", "one_offs", "minimums", "credits", "tax")
"""What a bill is made of, for people."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What one line charges within one hour or day, which begins `at` (local; None: the line has
    no record by which it could be spread)."""

    price_code: str
    name: str
    at: datetime | None
    quantity: Decimal
    amount: Decimal


def spread(
    lines: Iterable[Line], records: pl.DataFrame, every: Every, zone: str, currency: str
) -> list[Piece]:
    """The usage of a bill by hour or day; the amounts add up to its lines of usage (`is_usage`).

    `lines`: price_code, name, kind, subscription_id, price_id, start_at, end_at, season, band,
    by_value, amount, inputs; `records`: those columns of usage.services.detail.
    """
    local = pl.col("start").dt.convert_time_zone(zone).dt.replace_time_zone(None)
    timed = records.with_columns(at=local.dt.truncate(every))
    return [
        piece for line in lines if is_usage(line)
        for piece in _of_line(line, _behind(line, timed), currency)
    ]  # fmt: skip


def is_usage(line: Line) -> bool:
    """Does a line charge for usage of its own period, and not correct what was billed before?"""
    return line["kind"] == "usage" and not _corrects(line)


def parts(lines: Iterable[Line], tax: Decimal) -> dict[str, Decimal]:
    """What a bill is made of (PARTS), those that are not nothing; they add up to its total."""
    found = dict.fromkeys(PARTS, Decimal(0))
    for line in lines:
        found[_part(line)] += line["amount"]
    found["tax"] += tax
    return {part: amount for part, amount in found.items() if amount}


def _part(line: Line) -> str:
    match line["kind"]:
        case "usage":
            return "earlier" if _corrects(line) else "usage"
        case "recurring":
            return "credits" if _corrects(line) else "fixed"
        case "minimum" | "commitment":
            return "minimums"
        case "discount" | "adjustment":
            return "credits"
    return "one_offs"


def _corrects(line: Line) -> bool:
    inputs = line["inputs"] or {}
    return "before" in inputs or "credit_of" in inputs or "part" in inputs


def _behind(line: Line, records: pl.DataFrame) -> pl.DataFrame:
    """The records that a line charges for."""
    wanted = (
        (pl.col("subscription_id") == line["subscription_id"])
        & (pl.col("price_id") == line["price_id"])
        & (pl.col("start") >= line["start_at"])
        & (pl.col("start") < line["end_at"])
        & pl.col("quantity").is_not_null()
    )
    for name in ("season", "band", "by_value"):
        if line[name] is not None:
            wanted &= pl.col(name) == line[name]
    return records.filter(wanted)


def _of_line(line: Line, records: pl.DataFrame, currency: str) -> Iterable[Piece]:
    common = {"price_code": line["price_code"], "name": line["name"]}
    if records.is_empty():
        nothing = Decimal(0)
        yield Piece(at=None, quantity=nothing, amount=line["amount"], **common)
        return
    sums = (
        records.group_by("at", "denominator")
        .agg(pl.col("amount").sum(), (pl.col("quantity") + pl.col("covered")).sum())
        .sort("at")
    )
    quantities: dict[datetime, Decimal] = {}
    rated: dict[datetime, Fraction] = {}
    for row in sums.iter_rows(named=True):
        at = row["at"]
        exact = Fraction(row["amount"] or 0) / (row["denominator"] or 1)
        rated[at] = rated.get(at, Fraction(0)) + exact
        quantities[at] = quantities.get(at, Decimal(0)) + (row["quantity"] or Decimal(0))
    weights = _weights(rated, quantities)
    for (at, quantity), amount in zip(
        quantities.items(), split(line["amount"], weights, currency), strict=True
    ):
        yield Piece(at=at, quantity=quantity, amount=amount, **common)


def _weights(
    rated: Mapping[datetime, Fraction], quantities: Mapping[datetime, Decimal]
) -> list[Fraction]:
    """What was rated; else how much; else, where that is nothing or less, each alike."""
    for weights in (list(rated.values()), [Fraction(one) for one in quantities.values()]):
        if min(weights) >= 0 and sum(weights) > 0:
            return weights
    return [Fraction(1)] * len(quantities)
