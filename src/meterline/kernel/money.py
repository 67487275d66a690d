"""Money: decimals of a currency, rounding, splitting without losing a cent.

An exact amount is a pair `amount / denominator`, so that a third of a cent is a third of a cent.
It is rounded once, on the invoice line (or where a rate card says so).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

import polars as pl
from babel.core import get_global

from meterline.kernel.errors import MeterlineError

RoundingMode = Literal["half_up", "half_even", "up", "down"]
MONEY = pl.Decimal(38, 10)
EXACT = pl.Decimal(38, 20)
EXACT_SCALE = 10**20
_POWERS = pl.Series([10**n for n in range(21)], dtype=pl.Int128)
_WIDE = Context(prec=60)  # beyond all columns, so that nothing is rounded on the way

_CURRENCY_FRACTIONS = get_global("currency_fractions")
_CURRENCIES: frozenset[str] = frozenset(get_global("all_currencies"))


class UnknownCurrency(MeterlineError):
    """unknown currency {currency!r}: expected an ISO 4217 code such as EUR"""

    code = "unknown_currency"


def decimals(currency: str) -> int:
    """How many decimals amounts of `currency` have (CLDR: EUR 2, JPY 0, KWD 3)."""
    if currency not in _CURRENCIES:
        raise UnknownCurrency(currency=currency)
    places: int = _CURRENCY_FRACTIONS.get(currency, _CURRENCY_FRACTIONS["DEFAULT"])[0]
    return places


def decimals_column(currencies: pl.Series) -> pl.Expr:
    """`decimals` of the column `currency`, which holds some of `currencies`. Int64."""
    known = {currency: decimals(currency) for currency in currencies.unique()}
    if not known:  # by nothing, nothing is replaced
        return pl.lit(None, pl.Int64)
    return pl.col("currency").replace_strict(known, return_dtype=pl.Int64)


def round_fraction(value: Fraction, places: int, mode: RoundingMode = "half_up") -> Decimal:
    """`value` rounded to `places` decimals, exactly. `up` is away from zero, `down` to zero."""
    scaled = abs(value) * 10**places
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * rest
    match mode:
        case "up":
            whole += rest > 0
        case "down":
            pass
        case "half_up":
            whole += twice >= scaled.denominator
        case "half_even":
            half = twice == scaled.denominator
            whole += (whole % 2 == 1) if half else twice > scaled.denominator
    return Decimal(-whole if value < 0 else whole).scaleb(-places)


def round_amount(
    value: Decimal | Fraction, currency: str, mode: RoundingMode = "half_up"
) -> Decimal:
    """`value` in the decimals of `currency`."""
    return round_fraction(Fraction(value), decimals(currency), mode)


def split(
    amount: Decimal, weights: Sequence[Decimal | int | Fraction], currency: str
) -> list[Decimal]:
    """Split `amount` in proportion to `weights` by largest remainder; the parts add up to it.

    Equal remainders go to the earlier weight. Weights are >= 0, at least one of them > 0.
    """
    shares = [Fraction(weight) for weight in weights]
    whole = sum(shares)
    if whole <= 0 or min(shares) < 0:
        raise ValueError("split needs weights >= 0, at least one of them > 0")
    places = decimals(currency)
    exact = [abs(Fraction(amount)) * share / whole for share in shares]
    parts = [round_fraction(part, places, "down") for part in exact]
    missing = int((abs(amount) - sum(parts, Decimal(0))).scaleb(places).to_integral_value())
    by_remainder = sorted(range(len(parts)), key=lambda i: (Fraction(parts[i]) - exact[i], i))
    for i in by_remainder[:missing]:
        parts[i] += Decimal(1).scaleb(-places)
    return [-part if amount < 0 else part for part in parts]


def split_rows(
    frame: pl.DataFrame, *, amount: str, weight: str, group: list[str], order: list[str]
) -> pl.DataFrame:
    """`split` on columns: `frame` with `split`, the part of `amount` for each row of a `group`.

    `amount` (the same on all rows of a group) and `weight` (above 0) are amounts of money in the
    decimals of the column `places`. Of equal remainders the first row by `order` gets more.
    """
    unit = _power_of_ten(10 - pl.col("places"))
    units = to_scaled(pl.col(amount), 10) // unit
    weights = to_scaled(pl.col(weight), 10) // unit
    product = units * weights
    whole = pl.col("_whole")
    ranked = (
        frame.with_columns(_whole=weights.sum().over(group))
        .with_columns(_down=product // whole, _rest=product % whole)
        .with_columns(_missing=units - pl.col("_down").sum().over(group))
        .sort(*group, "_rest", *order, descending=[*(False for _ in group), True,
              *(False for _ in order)], nulls_last=True)
    )  # fmt: skip
    more = pl.int_range(pl.len()).over(group) < pl.col("_missing")
    parts = (pl.col("_down") + more.cast(pl.Int128)) * unit
    return ranked.with_columns(split=from_scaled(parts, 10)).drop(
        "_whole", "_down", "_rest", "_missing"
    )


def round_column(
    numerator: pl.Expr,
    denominator: pl.Expr,
    places: pl.Expr | int,
    mode: pl.Expr | str,
    scale: int = 20,
) -> pl.Expr:
    """Columns of exact amounts, rounded: Decimal(38, 10).

    `numerator`: Int128 in units of 10^-scale; `denominator`: Int128 > 0, their quotient being the
    amount; `places`: decimals of the currency, <= 10; `mode`: RoundingMode. Each may be a column.
    """
    unit = denominator * _power_of_ten(scale - places)
    magnitude = numerator.abs()
    whole = magnitude // unit
    rest = magnitude - whole * unit
    if isinstance(mode, str):
        bump = _bump(mode, rest, whole, unit)
    else:
        bump = (
            pl.when(mode == "up").then(_bump("up", rest, whole, unit))
            .when(mode == "down").then(_bump("down", rest, whole, unit))
            .when(mode == "half_up").then(_bump("half_up", rest, whole, unit))
            .otherwise(_bump("half_even", rest, whole, unit))
        )  # fmt: skip
    rounded = (whole + bump.cast(pl.Int128)) * numerator.sign() * _power_of_ten(10 - places)
    return from_scaled(rounded, 10)


def _bump(mode: str, rest: pl.Expr, whole: pl.Expr, unit: pl.Expr) -> pl.Expr:
    """Whether the whole part is rounded away from zero."""
    match mode:
        case "up":
            return rest > 0
        case "down":
            return pl.lit(False)
        case "half_up":
            return rest * 2 >= unit
    return (rest * 2 > unit) | ((rest * 2 == unit) & (whole % 2 == 1))


def sum_over(parts: Iterable[tuple[Decimal, int]]) -> tuple[int, int]:
    """The exact sum of amounts (of at most 20 decimals) / denominators, in lowest terms: whole
    units of 10^-20, and their denominator."""
    total = sum((Fraction(int(a.scaleb(20, _WIDE)), d) for a, d in parts), Fraction(0))
    return total.numerator, total.denominator


def from_scaled(units: pl.Expr, scale: int) -> pl.Expr:
    """Int128 in units of 10^-scale as Decimal(38, scale), exactly."""
    return units.reinterpret(dtype=pl.Decimal(38, scale))


def to_scaled(amount: pl.Expr, scale: int = 20) -> pl.Expr:
    """A Decimal column as Int128 in units of 10^-scale; overflow is an error."""
    return amount.cast(pl.Decimal(38, scale)).to_physical()


def _power_of_ten(exponent: pl.Expr | int) -> pl.Expr:
    """10^exponent (0 to 20) as Int128. Looked up: a chain of conditions costs ten times as much,
    as each expression that uses it computes it anew."""
    if isinstance(exponent, int):
        return pl.lit(10**exponent, pl.Int128)
    return pl.lit(_POWERS).gather(exponent)
