"""per_unit: each unit after the free ones at one price."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import cast

import polars as pl
from pydantic import Field

from meterline.kernel.explain import Explanation, number
from meterline.kernel.money import from_scaled, to_scaled
from meterline.pricing.columns import (
    beyond,
    check_range,
    one_row_a_line,
    only_row,
    quantity_of,
    scaled,
    worked_out,
)
from meterline.pricing.model import Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Exact, NotNegative, Parameters
from meterline.pricing.price import Price


class PerUnitParameters(Parameters):
    """A price a unit; the quantity is the subscription's, or the meter's."""

    unit_amount: Exact = Field(description="Price of a unit; may be negative (export, credit).")
    free_units: NotNegative = Field(Decimal(0), description="Units that cost nothing.")


class PerUnit(PriceModel):
    """(quantity - free units) x unit amount."""

    name = "per_unit"
    parameters = PerUnitParameters

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        unit = price.parameter("unit_amount")
        check_range(price.name, rows, [unit * cast(int, rows["denominator"].max() or 1)])
        amount = beyond(price.parameter("free_units")) * scaled(unit)
        # an allowance of money has an amount of its own, below 0
        parts = pl.col("denominator")
        relief = to_scaled(pl.col("amount")) * pl.col("divisor")
        exact = amount * parts.cast(pl.Int128) + relief
        return one_row_a_line(rows, from_scaled(exact, 20), parts=parts)

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        row = only_row(inputs)
        quantity = quantity_of(row)
        relief = Fraction(row["amount"]) / int(row["denominator"])
        unit, free = price.parameter("unit_amount"), price.parameter("free_units")
        if free:
            expression = f"max({number(quantity)} - {number(free)}, 0) * {number(unit)}"
            rule = f"{price.name}: {number(unit)} a unit, the first {number(free)} free"
        else:
            expression = f"{number(quantity)} * {number(unit)}"
            rule = f"{price.name}: {number(unit)} a unit"
        if relief:
            expression = f"{expression} - {number(-relief)}"
            rule = f"{rule}, less {number(-relief)} of an allowance of money"
        return worked_out(rule, expression)


MODEL = PerUnit()
