"""Tiers on columns: how much of a quantity falls into each tier, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from meterline.kernel.explain import number
from meterline.kernel.money import EXACT, from_scaled, to_scaled
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


def graduated_column(tiers: Tiers, rows: pl.DataFrame) -> pl.Expr:
    """Each unit at its own tier's price: Decimal(38, 20) for columns quantity, days, demand."""
    quantity = to_scaled(pl.col("quantity"), 10)
    low: pl.Expr | None = None
    total = pl.lit(0, pl.Int128)
    for tier in tiers:
        high = None if tier.up_to is None else _limit_column(tier.up_to, rows)
        inside = quantity if high is None else pl.min_horizontal(quantity, high)
        if low is not None:
            inside = pl.max_horizontal(inside - low, pl.lit(0, pl.Int128))
        total = total + _tier_amount(tier, inside)
        reached = pl.lit(True) if low is None else quantity > low
        total = total + pl.when(reached).then(_money(tier.flat_amount)).otherwise(
            _money(Decimal(0))
        )
        low = high
    return from_scaled(total, 20)


def volume_column(tiers: Sequence[Tier], rows: pl.DataFrame) -> pl.Expr:
    """All units at the price of the tier that the quantity reaches: Decimal(38, 20)."""
    quantity = to_scaled(pl.col("quantity"), 10)
    chosen: Any = pl
    for tier in tiers[:-1]:
        assert tier.up_to is not None
        amount = _tier_amount(tier, quantity) + _money(tier.flat_amount)
        chosen = chosen.when(quantity <= _limit_column(tier.up_to, rows)).then(amount)
    last = _tier_amount(tiers[-1], quantity) + _money(tiers[-1].flat_amount)
    return from_scaled(last if chosen is pl else chosen.otherwise(last), 20)


def _tier_amount(tier: Tier | PercentTier, inside: pl.Expr) -> pl.Expr:
    price = unit_price(tier) * _UNIT
    if isinstance(tier, Tier) and tier.size is not None:
        size = pl.lit(int(tier.size * _UNIT), pl.Int128)
        blocks = (inside + size - 1) // size
        return blocks * pl.lit(int(price) * _UNIT, pl.Int128)
    return inside * pl.lit(int(price), pl.Int128)


def _money(amount: Decimal) -> pl.Expr:
    return pl.lit(int(amount.scaleb(20)), pl.Int128)


def _limit_column(up_to: UpTo, rows: pl.DataFrame) -> pl.Expr:
    scaled = pl.lit(int(up_to.amount * _UNIT), pl.Int128)
    match up_to.per:
        case "day":
            return scaled * pl.col("days").cast(pl.Int128)
        case "demand":
            fine = scaled * to_scaled(pl.col("demand").fill_null(0), 10)
            if rows.select((fine % _UNIT != 0).any()).item():
                raise LimitTooFine(f"{up_to} of {rows['demand'].to_list()[:5]}")
            return fine // _UNIT
        case None:
            return scaled


def graduated_terms(tiers: Tiers, row: Mapping[str, Any]) -> list[str]:
    """The arithmetic of graduated tiers for one row (quantity, days, demand), term by term."""
    quantity = Fraction(row["quantity"])
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
        if Fraction(row["quantity"]) <= limit_of(tier.up_to, row["days"], row["demand"]):
            return tier
    raise AssertionError("the last tier is open")


__all__ = ["EXACT", "graduated_column", "graduated_terms", "volume_column", "volume_tier"]
