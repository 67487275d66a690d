"""flat: an amount, once an interval, whatever the quantity."""

from __future__ import annotations

import polars as pl
from pydantic import Field

from meterline.kernel.explain import Explanation, number
from meterline.pricing.columns import one_row_a_line
from meterline.pricing.model import Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Exact, Parameters
from meterline.pricing.price import Price


class FlatParameters(Parameters):
    """A fixed amount an interval."""

    amount: Exact = Field(description="The amount, once an interval.")


class Flat(PriceModel):
    """amount, once an interval."""

    name = "flat"
    parameters = FlatParameters

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        amount = price.parameter("amount")
        return one_row_a_line(rows, pl.lit(amount), quantity=pl.lit(1))

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        amount = price.parameter("amount")
        return Explanation(
            rule=f"{price.name}: a fixed amount", expression=number(amount), amount=amount
        )


MODEL = Flat()
