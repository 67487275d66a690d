"""Tiers on columns: how much of a quantity falls into each tier, exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from meterline.kernel.explain import number
from meterline.kernel.money import from_scaled, to_scaled
from meterline.pricing.columns import check_range, divisor, quantity_of, scaled, started, units
from meterline.pricing.parameters import PercentTier, Tier, UpTo

Tiers = Sequence[Tier | PercentTier]
_UNIT = 10**10  # quantities and prices are held in units of 10^-10


class LimitTooFine(ArithmeticError):
    """A tier's limit per unit of demand has more decimals than quantities have."""


def unit_price(tier: Tier | PercentTier) -> Fraction:
    """What a unit costs in a tier."""
    return (
        Fraction(tier.percent) / 100
        if isinstance(tier, PercentTier)
        else Fraction(tier.unit_amount)
    )


def limit_of(up_to: UpTo, days: Any, demand: Any) -> Fraction:
    """The upper end of a tier for a period of so many days and so much billed demand."""
    factor = {"day": days, "demand": demand, None: 1}[up_to.per]
    return Fraction(up_to.amount) * Fraction(factor or 0)


def parts_of(tiers: Tiers) -> int:
    """What a tier's rate must be divided by: percentages by 100."""
    return 100 if isinstance(tiers[0], PercentTier) else 1


def graduated_column(what: str, tiers: Tiers, rows: pl.DataFrame) -> pl.Expr:
    """Each unit at its own tier's price: Decimal(38, 20), `divisor` x parts_of(tiers) times the
    amount, for columns quantity, divisor, days, demand. `what` names the price in errors."""
    _check(what, tiers, rows)
    quantity = units()
    low: pl.Expr | None = None
    total = pl.lit(0, pl.Int128)
    for tier in tiers:
        high = None if tier.up_to is None else _limit_column(what, tier.up_to, rows)
        inside = quantity if high is None else pl.min_horizontal(quantity, high)
        if low is not None:
            inside = pl.max_horizontal(inside - low, pl.lit(0, pl.Int128))
        reached = pl.lit(True) if low is None else quantity > low
        flat = pl.when(reached).then(_flat(tier)).otherwise(pl.lit(0, pl.Int128))
        total = total + _tier_amount(tier, inside) + flat
        low = high
    return from_scaled(total, 20)


def volume_column(what: str, tiers: Sequence[Tier], rows: pl.DataFrame) -> pl.Expr:
    """All units at the price of the tier that the quantity reaches: Decimal(38, 20), `divisor`
    times the amount."""
    _check(what, tiers, rows)
    quantity = units()
    chosen: Any = pl
    for tier in tiers[:-1]:
        assert tier.up_to is not None
        amount = _tier_amount(tier, quantity) + _flat(tier)
        chosen = chosen.when(quantity <= _limit_column(what, tier.up_to, rows)).then(amount)
    last = _tier_amount(tiers[-1], quantity) + _flat(tiers[-1])
    return from_scaled(last if chosen is pl else chosen.otherwise(last), 20)


def _rate(tier: Tier | PercentTier) -> Decimal:
    return tier.percent if isinstance(tier, PercentTier) else tier.unit_amount


def _check(what: str, tiers: Tiers, rows: pl.DataFrame) -> None:
    rates = [_rate(tier) for tier in tiers]
    blocks = [tier.unit_amount for tier in tiers if isinstance(tier, Tier) and tier.size]
    per_block = [
        Decimal(math.ceil(Fraction(tier.unit_amount) / Fraction(tier.size)))
        for tier in tiers
        if isinstance(tier, Tier) and tier.size
    ]
    flats = [tier.flat_amount * parts_of(tiers) for tier in tiers]
    check_range(what, rows, rates + per_block, flats + blocks)


def _tier_amount(tier: Tier | PercentTier, inside: pl.Expr) -> pl.Expr:
    price = scaled(_rate(tier))
    if isinstance(tier, Tier) and tier.size is not None:
        blocks = started(inside, scaled(tier.size) * divisor())
        return blocks * price * _UNIT * divisor()
    return inside * price


def _flat(tier: Tier | PercentTier) -> pl.Expr:
    return scaled(tier.flat_amount * parts_of([tier]), 20) * divisor()


def _limit_column(what: str, up_to: UpTo, rows: pl.DataFrame) -> pl.Expr:
    """The upper end of a tier, in the units of the quantity."""
    limit = scaled(up_to.amount)
    match up_to.per:
        case "day":
            per_day = rows.with_columns(quantity=pl.col("days") * pl.col("divisor"))
            check_range(what, per_day, [up_to.amount], scale=10)
            return limit * pl.col("days").cast(pl.Int128) * divisor()
        case "demand":
            per_unit = rows.with_columns(quantity=pl.col("demand").fill_null(0))
            check_range(what, per_unit, [up_to.amount])
            fine = limit * to_scaled(pl.col("demand").fill_null(0), 10)
            if rows.select((fine % _UNIT != 0).any()).item():
                raise LimitTooFine(f"{up_to} of {rows['demand'].to_list()[:5]}")
            return fine // _UNIT * divisor()
        case None:
            check_range(what, rows, [], [up_to.amount], scale=10)
            return limit * divisor()


def graduated_terms(tiers: Tiers, row: Mapping[str, Any]) -> list[str]:
    """The arithmetic of graduated tiers for one row (quantity, days, demand), term by term."""
    quantity = quantity_of(row)
    low: Fraction | None = None
    terms = []
    for tier in tiers:
        high = None if tier.up_to is None else limit_of(tier.up_to, row["days"], row["demand"])
        inside = quantity if high is None else min(quantity, high)
        if low is not None:
            inside = max(inside - low, Fraction(0))
        if inside:
            terms.append(tier_term(tier, inside))
        if tier.flat_amount and (low is None or quantity > low):
            terms.append(number(tier.flat_amount))
        low = high
    return terms or ["0"]


def tier_term(tier: Tier | PercentTier, inside: Fraction) -> str:
    """`quantity x price` of one tier."""
    price = number(unit_price(tier))
    if isinstance(tier, Tier) and tier.size is not None:
        return f"ceil({number(inside)} / {number(tier.size)}) * {price}"
    return f"{number(inside)} * {price}"


def volume_tier(tiers: Sequence[Tier], row: Mapping[str, Any]) -> Tier:
    """The tier that a quantity reaches."""
    for tier in tiers:
        if tier.up_to is None:
            return tier
        if quantity_of(row) <= limit_of(tier.up_to, row["days"], row["demand"]):
            return tier
    raise AssertionError("the last tier is open")
