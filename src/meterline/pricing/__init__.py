"""Pricing: what quantities cost. See registry.py for the models, price.py for what they price."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from meterline.kernel.explain import Explanation
from meterline.kernel.money import EXACT, from_scaled, to_scaled
from meterline.pricing.explain import explain_line
from meterline.pricing.model import Calendars
from meterline.pricing.models import demand
from meterline.pricing.price import Meter, Price
from meterline.pricing.registry import model

__all__ = [
    "billed_quantity", "charge", "demand_reference", "explain", "looks_back", "measure",
    "needs_detail", "recurring_amount", "with_factor",
]  # fmt: skip

Meters = Mapping[str, Meter]


def charge(price: Price, rows: pl.DataFrame, *, calendars: Calendars) -> pl.DataFrame:
    """What one price makes of periods: model.CHARGED, exact, before proration and rounding.

    `rows`: line UInt32 (one subscription and period), season, band, by_value String or null,
    quantity Decimal(38, 10), events Int64, amount Decimal(38, 20) and denominator Int64 (sums of
    amounts of events; 0 and 1 for models that price the period), days Int32, demand Decimal(38,
    10) or null. One row a line at least: a quantity of 0 has a price too.
    """
    return model(price.model).charge(price, with_factor(price, rows), calendars)


def with_factor(price: Price, rows: pl.DataFrame) -> pl.DataFrame:
    """Quantities of the period x the meter's factor, rounded half up (cubic metres to kWh)."""
    if price.factor is None or price.kind != "usage":
        return rows
    factor = Fraction(price.factor)
    exact = to_scaled(pl.col("quantity"), 10) * factor.numerator
    step = 10 ** (10 - (10 if price.factor_places is None else price.factor_places))
    unit = factor.denominator * step
    rounded = (exact.abs() * 2 + unit) // (2 * unit) * exact.sign() * step
    return rows.with_columns(quantity=from_scaled(rounded, 10))


def needs_detail(price: Price, meters: Meters) -> bool:
    """Whether the price looks at each record of a period, because its totals do not add up."""
    if price.kind != "usage":
        return False
    return model(price.model).detail or meters[price.meter or ""].aggregation == "max"


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
    price: Price, records: pl.DataFrame, lines: pl.DataFrame, *, calendars: Calendars
) -> pl.DataFrame:
    """The measured quantity of each line: line, season, quantity Decimal(38, 10).

    `records`: line, start, end, quantity; `lines`: line, start_at.
    """
    if price.model == "demand":
        return demand.measured(price, records, lines, calendars)
    highest = records.group_by("line").agg(pl.col("quantity").max())
    return lines.join(highest, on="line", how="left").select(
        "line",
        pl.lit(None, pl.String).alias("season"),
        pl.col("quantity").fill_null(0).cast(pl.Decimal(38, 10)),
    )


def billed_quantity(price: Price, measured: pl.DataFrame) -> pl.DataFrame:
    """What is billed of what was measured (line, subscription_id, period_start, season,
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
    return explain_line(price, inputs)


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
