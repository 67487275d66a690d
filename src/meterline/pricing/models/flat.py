"""flat: an amount, once an interval, whatever the quantity."""

from __future__ import annotations

import polars as pl
from pydantic import Field

from meterline.kernel.explain import Explanation, number
from meterline.kernel.money import from_scaled
from meterline.pricing.columns import check_range, divisor, one_row_a_line, scaled
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
        check_range(price.name, rows, [], [price.parameter("amount")])
        amount = scaled(price.parameter("amount"), 20) * divisor()
        return one_row_a_line(rows, from_scaled(amount, 20), quantity=pl.lit(1))

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        amount = price.parameter("amount")
        return Explanation(
            rule=f"{price.name}: a fixed amount", expression=number(amount), amount=amount
        )


MODEL = Flat()
