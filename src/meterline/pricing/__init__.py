"""Pricing: what quantities cost. See registry.py for the models, price.py for what they price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from meterline.kernel.explain import Explanation
from meterline.kernel.money import EXACT
from meterline.pricing import aggregate, factor
from meterline.pricing.explain import explain_line
from meterline.pricing.model import Calendars
from meterline.pricing.models import demand
from meterline.pricing.price import Meter, Price
from meterline.pricing.registry import model

__all__ = [
    "billed_quantity", "carries", "charge", "demand_reference", "explain", "looks_back", "measure",
    "needs_detail", "needs_order", "recurring_amount", "with_factor",
]  # fmt: skip

Meters = Mapping[str, Meter]


def charge(price: Price, rows: pl.DataFrame, *, calendars: Calendars) -> pl.DataFrame:
    """What one price makes of periods: model.CHARGED, exact, before proration and rounding.

    `rows`: line UInt32 (one subscription and period), season, band, by_value String or null,
    quantity Decimal(38, 10), events Int64, amount Decimal(38, 20) and denominator Int64 (sums of
    amounts of events; 0 and 1 for models that price the period), days Int32, demand Decimal(38,
    10) or null, and maybe divisor Int64: the quantity is quantity / divisor. One row a line at
    least: a quantity of 0 has a price too. Raises AmountTooLarge rather than counting wrong.
    """
    if "divisor" not in rows.columns:
        rows = rows.with_columns(divisor=pl.lit(1, pl.Int64))
    if price.model != "demand":  # there it is in what was measured
        rows = factor.with_factor(price, rows)
    return model(price.model).charge(price, rows, calendars)


def with_factor(price: Price, measured: pl.DataFrame) -> pl.DataFrame:
    """`measured` (quantity: a period's a row) x the factor of the price's meter, to ten
    decimals."""
    return factor.plain(price, measured)


def needs_detail(price: Price, meters: Meters) -> bool:
    """Whether the price looks at each record of a period, because its totals do not add up."""
    if price.kind != "usage" or price.meter is None:
        return False
    if model(price.model).looks_at_events(price):
        return True
    return not aggregate.adds_up(price, meters[price.meter])


def carries(price: Price, meters: Meters) -> bool:
    """Whether the price looks at all earlier records, because its meter's value stands over."""
    return needs_detail(price, meters) and meters[price.meter or ""].carry


def needs_order(price: Price, meters: Meters) -> bool:
    """Whether the order of the records tells: start, then id."""
    if price.model == "percentage":
        return True
    return meters[price.meter or ""].aggregation == "latest"


def looks_back(price: Price) -> bool:
    """Whether a period's charge depends on all earlier periods (a ratchet)."""
    return price.parameter("ratchet") is not None


def demand_reference(price: Price) -> str | None:
    """The code of the demand price that `/demand` tiers refer to; "": the plan's only one.

    None where the price has no such tiers.
    """
    tiers = list(price.parameter("tiers") or ())
    for rate in (price.parameter("rates") or {}).values():
        tiers += rate.tiers or ()
    limits = [tier.up_to for tier in tiers if tier.up_to is not None]
    if not any(limit.per == "demand" for limit in limits):
        return None
    return price.parameter("demand") or ""


def measure(
    price: Price, records: pl.DataFrame, lines: pl.DataFrame, *, meter: Meter, calendars: Calendars
) -> pl.DataFrame:
    """aggregate.MEASURED rows of each line; see aggregate.measured for the arguments, and for
    demand the records' end (null: a reading)."""
    if price.model != "demand":
        return aggregate.measured(price, records, lines, meter)
    found = factor.plain(price, demand.measured(price, records, lines, calendars))
    return found.with_columns(
        band=pl.lit(None, pl.String), divisor=pl.lit(1), events=pl.lit(1), amount=pl.lit(0),
        denominator=pl.lit(1),
    ).select(pl.col(name).cast(kind) for name, kind in aggregate.MEASURED.items())  # fmt: skip


def billed_quantity(price: Price, measured: pl.DataFrame) -> pl.DataFrame:
    """What is billed of what was measured (line, subscription_id, period_start, season, by_value,
    quantity): with a minimum and a ratchet it is more."""
    return demand.billed(price, measured) if price.model == "demand" else measured


def recurring_amount(price: Price, quantity: Fraction) -> Fraction:
    """What a recurring price comes to an interval for a quantity; plans are compared by it."""
    rows = pl.DataFrame(
        {
            "line": [0], "season": [None], "band": [None], "by_value": [None],
            "quantity": [_decimal(quantity)], "events": [1], "amount": [0], "denominator": [1],
            "days": [30], "demand": [None],
        },
        schema=_ROW_SCHEMA,
    )  # fmt: skip
    charged = charge(price, rows, calendars={})
    return sum(
        (Fraction(amount) / denominator
         for amount, denominator in charged.select("amount", "denominator").iter_rows()),
        Fraction(0),
    )  # fmt: skip


def explain(price: Price, inputs: Mapping[str, Any]) -> Explanation:
    """How a line came to its amount: the model's arithmetic, its share, its rounding."""
    if not factor.applies(price) or price.model == "demand":
        return explain_line(price, inputs)
    rows = factor.rows_with_factor(price, inputs["rows"])
    explained = explain_line(price, {**inputs, "rows": rows})
    return replace(explained, rule=f"{explained.rule}; {factor.told(price)}")


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


_ROW_SCHEMA: dict[str, Any] = {
    "line": pl.UInt32,
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "quantity": pl.Decimal(38, 10),
    "events": pl.Int64,
    "amount": EXACT,
    "denominator": pl.Int64,
    "days": pl.Int32,
    "demand": pl.Decimal(38, 10),
}
