"""percent_of: a rider, a share of what other lines of the period come to."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
from pydantic import Field, field_validator

from meterline.kernel.explain import Explanation, number
from meterline.kernel.money import from_scaled
from meterline.pricing.columns import (
    check_range,
    one_row_a_line,
    only_row,
    quantity_of,
    scaled,
    units,
    worked_out,
)
from meterline.pricing.model import Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Exact, Parameters
from meterline.pricing.price import Price


class PercentOfParameters(Parameters):
    """A share of other prices of the plan."""

    percent: Exact = Field(description="Percent of the rounded lines; may be negative.")
    of: tuple[str, ...] = Field(description="Codes of prices of the same plan.", min_length=1)

    @field_validator("of")
    @classmethod
    def _distinct(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(codes)) < len(codes):
            raise ValueError("expected each code once")
        return codes


class PercentOf(PriceModel):
    """percent of the rounded lines of other prices; the row's quantity is what they come to."""

    name = "percent_of"
    parameters = PercentOfParameters
    kinds = ("recurring", "usage")

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        percent: Decimal = price.parameter("percent")
        check_range(price.name, rows, [percent])
        amount = from_scaled(units() * scaled(percent), 20)
        return one_row_a_line(rows, amount, quantity=pl.lit(None), parts=100)

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        percent, counted = price.parameter("percent"), quantity_of(only_row(inputs))
        rule = f"{price.name}: {number(percent)} % of {', '.join(price.parameter('of'))}"
        return worked_out(rule, f"{number(counted)} * {number(percent)} / 100")


MODEL = PercentOf()
