"""Tiers: how much of a quantity falls into each of them, exactly.

On columns; one by one where a limit per unit of demand has more decimals than quantities have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from meterline.kernel.explain import number
from meterline.kernel.money import from_scaled, to_scaled
from meterline.pricing.columns import (
    charged_row,
    check_range,
    divisor,
    one_row_a_line,
    quantity_of,
    scaled,
    started,
    units,
)
from meterline.pricing.model import CHARGED
from meterline.pricing.parameters import PercentTier, Tier, UpTo

Tiers = Sequence[Tier | PercentTier]
_UNIT = 10**10  # quantities and prices are held in units of 10^-10


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


def graduated(what: str, tiers: Tiers, rows: pl.DataFrame) -> pl.DataFrame:
    """CHARGED of `rows` (quantity, divisor, days, demand): each unit at its own tier's price.
    `what` names the price in errors."""
    return _charged(what, tiers, rows, _graduated_column, graduated_amount)


def volume(what: str, tiers: Sequence[Tier], rows: pl.DataFrame) -> pl.DataFrame:
    """CHARGED of `rows`: all units at the price of the tier that the quantity reaches."""
    return _charged(what, tiers, rows, _volume_column, _volume_amount)


def _charged(
    what: str,
    tiers: Any,
    rows: pl.DataFrame,
    column: Callable[[str, Any, pl.DataFrame], pl.Expr],
    amount: Callable[[Any, Mapping[str, Any]], Fraction],
) -> pl.DataFrame:
    fine = _has_fine_limit(what, tiers, rows)
    plain = rows.filter(~fine)
    charged = one_row_a_line(plain, column(what, tiers, plain), parts=_parts(tiers))
    if plain.height == rows.height:
        return charged
    single = [charged_row(what, row, amount(tiers, row)) for row in rows.filter(fine).to_dicts()]
    return pl.concat([charged, pl.DataFrame(single, schema=CHARGED)])


def _has_fine_limit(what: str, tiers: Tiers, rows: pl.DataFrame) -> pl.Series:
    """Which rows have a limit that is no whole number of 10^-10."""
    fine = pl.repeat(False, rows.height, eager=True)
    for tier in tiers:
        if tier.up_to is not None and tier.up_to.per == "demand":
            limit = _demand_limit(what, tier.up_to, rows)
            fine |= rows.select((limit % _UNIT != 0).alias("fine"))["fine"]
    return fine


def _parts(tiers: Tiers) -> int:
    """What a tier's rate must be divided by: percentages by 100."""
    return 100 if isinstance(tiers[0], PercentTier) else 1


def _graduated_column(what: str, tiers: Tiers, rows: pl.DataFrame) -> pl.Expr:
    """Decimal(38, 20), `divisor` x _parts(tiers) times the amount."""
    _check(what, tiers, rows)
    quantity = units()
    low: pl.Expr | None = None
    total = pl.lit(0, pl.Int128)
    for tier in tiers:
        high = None if tier.up_to is None else _limit_column(what, tier.up_to, rows)
        inside = quantity if high is None else pl.min_horizontal(quantity, high)
        if low is not None:
            inside = pl.max_horizontal(inside - low, pl.lit(0, pl.Int128))
        reached = quantity > (0 if low is None else low)
        if low is None and _always_due(tier):
            reached = pl.lit(True)
        flat = pl.when(reached).then(_flat(tier)).otherwise(pl.lit(0, pl.Int128))
        total = total + _tier_amount(tier, inside) + flat
        low = high
    return from_scaled(total, 20)


def _volume_column(what: str, tiers: Sequence[Tier], rows: pl.DataFrame) -> pl.Expr:
    """Decimal(38, 20), `divisor` times the amount."""
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
    flats = [tier.flat_amount * _parts(tiers) for tier in tiers]
    check_range(what, rows, rates + per_block, flats + blocks)


def _tier_amount(tier: Tier | PercentTier, inside: pl.Expr) -> pl.Expr:
    price = scaled(_rate(tier))
    if isinstance(tier, Tier) and tier.size is not None:
        blocks = started(inside, scaled(tier.size) * divisor())
        return blocks * price * _UNIT * divisor()
    return inside * price


def _always_due(tier: Tier | PercentTier) -> bool:
    """Whether the flat amount of a first tier is due without use: not that of percentages."""
    return isinstance(tier, Tier)


def _flat(tier: Tier | PercentTier) -> pl.Expr:
    return scaled(tier.flat_amount * _parts([tier]), 20) * divisor()


def _limit_column(what: str, up_to: UpTo, rows: pl.DataFrame) -> pl.Expr:
    """The upper end of a tier, in the units of the quantity."""
    limit = scaled(up_to.amount)
    match up_to.per:
        case "day":
            per_day = rows.with_columns(quantity=pl.col("days") * pl.col("divisor"))
            check_range(what, per_day, [up_to.amount], scale=10)
            return limit * pl.col("days").cast(pl.Int128) * divisor()
        case "demand":
            return _demand_limit(what, up_to, rows) // _UNIT * divisor()
        case None:
            check_range(what, rows, [], [up_to.amount], scale=10)
            return limit * divisor()


def _demand_limit(what: str, up_to: UpTo, rows: pl.DataFrame) -> pl.Expr:
    """The upper end of a tier per unit of demand, in units of 10^-20."""
    demand = pl.col("demand").fill_null(0)
    check_range(what, rows.with_columns(quantity=demand), [up_to.amount])
    return scaled(up_to.amount) * to_scaled(demand, 10)


def _shares(
    tiers: Tiers, row: Mapping[str, Any]
) -> Iterator[tuple[Tier | PercentTier, Fraction, Fraction]]:
    """Each tier that a row (quantity, days, demand) reaches, how much falls into it, and its flat
    amount that is due."""
    quantity = quantity_of(row)
    low: Fraction | None = None
    for tier in tiers:
        high = None if tier.up_to is None else limit_of(tier.up_to, row["days"], row["demand"])
        inside = quantity if high is None else min(quantity, high)
        flat = Fraction(tier.flat_amount)
        if low is None:
            yield tier, inside, flat if quantity > 0 or _always_due(tier) else Fraction(0)
        elif quantity > low:
            yield tier, max(inside - low, Fraction(0)), flat
        low = high


def graduated_amount(tiers: Tiers, row: Mapping[str, Any]) -> Fraction:
    """What graduated tiers come to for one row."""
    return sum(
        (_amount_in(tier, inside) + flat for tier, inside, flat in _shares(tiers, row)),
        Fraction(0),
    )


def _volume_amount(tiers: Sequence[Tier], row: Mapping[str, Any]) -> Fraction:
    tier = volume_tier(tiers, row)
    return _amount_in(tier, quantity_of(row)) + Fraction(tier.flat_amount)


def _amount_in(tier: Tier | PercentTier, inside: Fraction) -> Fraction:
    if isinstance(tier, Tier) and tier.size is not None:
        return math.ceil(inside / Fraction(tier.size)) * unit_price(tier)
    return inside * unit_price(tier)


def graduated_terms(tiers: Tiers, row: Mapping[str, Any]) -> list[str]:
    """The arithmetic of graduated tiers for one row, term by term."""
    terms = []
    for tier, inside, flat in _shares(tiers, row):
        if inside:
            terms.append(tier_term(tier, inside))
        if flat:
            terms.append(number(flat))
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
