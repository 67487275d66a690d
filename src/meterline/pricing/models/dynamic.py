"""dynamic: each event brings its amount."""

from __future__ import annotations

import polars as pl
from pydantic import Field

from meterline.kernel.explain import Explanation, number
from meterline.pricing.columns import line_sum, sum_by_line
from meterline.pricing.model import Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Parameters
from meterline.pricing.price import Price


class DynamicParameters(Parameters):
    """Where the amount stands in the event."""

    value: str = Field(description="The property that holds the event's amount.")


class Dynamic(PriceModel):
    """The sum of the amounts that the events carry."""

    name = "dynamic"
    parameters = DynamicParameters
    kinds = ("usage",)
    prices_events = True

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        return sum_by_line(rows)

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        return line_sum(f"{price.name}: the sum of the events' amounts", inputs, number)


MODEL = Dynamic()
