"""per_unit: each unit after the free ones at one price."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import polars as pl
from pydantic import Field

from meterline.kernel.explain import Explanation, number
from meterline.kernel.money import from_scaled, to_scaled
from meterline.pricing.columns import one_row_a_line, only_row, worked_out
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
        free = price.parameter("free_units")
        quantity = to_scaled(pl.col("quantity"), 10)
        if free:
            scaled = pl.lit(int(free.scaleb(10)), pl.Int128)
            quantity = pl.max_horizontal(quantity - scaled, pl.lit(0, pl.Int128))
        unit = pl.lit(int(price.parameter("unit_amount").scaleb(10)), pl.Int128)
        # an allowance of money has an amount of its own, below 0
        relief = to_scaled(pl.col("amount"))
        exact = quantity * unit * pl.col("denominator").cast(pl.Int128) + relief
        return one_row_a_line(rows, from_scaled(exact, 20), denominator=pl.col("denominator"))

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        row = only_row(inputs)
        quantity = Fraction(row["quantity"])
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
