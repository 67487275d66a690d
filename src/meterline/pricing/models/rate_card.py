"""rate_card: each event by key, band and time steps of a card; the line sums them (see rating)."""

from __future__ import annotations

from typing import Literal

import polars as pl
from pydantic import Field

from meterline.kernel.explain import Explanation, number
from meterline.pricing.columns import line_sum, sum_by_line
from meterline.pricing.model import Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Parameters
from meterline.pricing.price import Price


class RateCardParameters(Parameters):
    """Which card, and how the line is split."""

    card: str = Field(description="The rate card.")
    split: Literal["band"] | None = Field(None, description="band: a line for each band.")
    key: tuple[str, ...] | str | None = Field(
        None, description="Names of the event's key fields, where they differ from the card's."
    )


class RateCard(PriceModel):
    """Connection fee + increments by step, band and key, event by event."""

    name = "rate_card"
    parameters = RateCardParameters
    kinds = ("usage",)
    prices_events = True

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        if price.parameter("split") == "band":
            return sum_by_line(rows, "band")
        return sum_by_line(rows)

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        card = price.parameter("card")
        return line_sum(f"{price.name}: events rated by the card {card}", inputs, number)


MODEL = RateCard()
