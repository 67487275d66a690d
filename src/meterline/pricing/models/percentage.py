"""percentage: a share of each event's value, and an amount for each event."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
from pydantic import Field, model_validator

from meterline.kernel.explain import Explanation, number
from meterline.kernel.money import EXACT, from_scaled
from meterline.pricing.columns import (
    check_range,
    divisor,
    line_sum,
    one_row_a_line,
    only_row,
    quantity_of,
    scaled,
    sum_by_line,
    units,
    worked_out,
)
from meterline.pricing.model import Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Exact, NotNegative, Parameters
from meterline.pricing.price import Price

PARTS = 100  # amounts are worked out in hundredths, so that any percent is exact


class PercentageParameters(Parameters):
    """A share of the value, what is free, and the bounds of one event's amount."""

    percent: Exact = Field(description="Percent of the event's value.")
    fixed_amount: Exact = Field(Decimal(0), description="Due for each event that is not free.")
    free_events: int | None = Field(
        None, ge=0, description="So many events of a period cost nothing, in their order."
    )
    free_amount: NotNegative | None = Field(
        None, description="So much value of a period costs nothing; the event that passes it is"
        " charged for what lies beyond."
    )  # fmt: skip
    min_per_event: NotNegative | None = Field(
        None, description="An event that is not free costs at least this."
    )
    max_per_event: NotNegative | None = Field(None, description="An event costs at most this.")

    @model_validator(mode="after")
    def _in_order(self) -> PercentageParameters:
        least, most = self.min_per_event, self.max_per_event
        if least is not None and most is not None and least > most:
            raise ValueError(f"min_per_event {least} is more than max_per_event {most}")
        return self

    @property
    def event_by_event(self) -> bool:
        """Whether the period's totals do not tell the amount."""
        bounds = (self.free_events, self.free_amount, self.min_per_event, self.max_per_event)
        return any(bound is not None for bound in bounds)


class Percentage(PriceModel):
    """percent of each event's value + a fixed amount, after the free ones and within bounds."""

    name = "percentage"
    parameters = PercentageParameters
    kinds = ("usage",)

    def looks_at_events(self, price: Price) -> bool:
        return bool(price.parameters.event_by_event)  # type: ignore[attr-defined]

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        if self.looks_at_events(price):
            return sum_by_line(rows)
        percent, fixed = price.parameter("percent"), price.parameter("fixed_amount") * PARTS
        each = rows.with_columns(quantity=pl.col("events"))
        most = int(rows.select(pl.col("divisor").max().fill_null(1)).item()) if rows.height else 1
        check_range(price.name, rows, [percent * 2])  # half of the range each
        check_range(price.name, each, [fixed * most * 2])
        amount = units() * scaled(percent)
        amount += pl.col("events").cast(pl.Int128) * scaled(fixed, 20) * divisor()
        return one_row_a_line(rows, from_scaled(amount, 20), parts=PARTS)

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        percent, fixed = price.parameter("percent"), price.parameter("fixed_amount")
        rule = f"{price.name}: {number(percent)} % of each event"
        if self.looks_at_events(price):
            return line_sum(f"{rule}, after the free ones and within its bounds", inputs)
        row = only_row(inputs)
        expression = f"{number(quantity_of(row))} * {number(percent)} / 100"
        if fixed:
            expression += f" + {int(row['events'])} * {number(fixed)}"
        return worked_out(rule, expression)


def amounts(price: Price, records: pl.DataFrame) -> pl.DataFrame:
    """`records` (line, by_value, start, id, quantity >= 0) with each one's amount: Decimal(38, 20)
    of hundredths.

    Events count in order of start, then id. Where both frees are given, the first reached ends
    both. An event of which nothing is charged costs nothing, not even the fixed amount.
    """
    ordered = records.sort("line", "by_value", "start", "id", nulls_last=True)
    key = ["line", "by_value"]
    bare = ordered.with_columns(divisor=pl.lit(1, pl.Int64))
    percent, fixed = price.parameter("percent"), price.parameter("fixed_amount") * PARTS
    check_range(price.name, bare, [percent], [fixed])
    value = units()
    earlier = value.cum_sum().over(key) - value
    paid = value - _free(price, value, earlier, pl.int_range(pl.len()).over(key))
    amount = paid * scaled(percent) + scaled(fixed, 20)
    if price.parameter("min_per_event") is not None:
        least = scaled(price.parameter("min_per_event") * PARTS, 20)
        amount = pl.max_horizontal(amount, least)
    if price.parameter("max_per_event") is not None:
        most = scaled(price.parameter("max_per_event") * PARTS, 20)
        amount = pl.min_horizontal(amount, most)
    free = (paid == 0) & _within(price, earlier, value, pl.int_range(pl.len()).over(key))
    charged = pl.when(free).then(pl.lit(0, pl.Int128)).otherwise(amount)
    return bare.with_columns(amount=from_scaled(charged, 20).cast(EXACT)).drop("divisor")


def _free(price: Price, value: pl.Expr, earlier: pl.Expr, place: pl.Expr) -> pl.Expr:
    """How much of an event's value is free."""
    events, amount = price.parameter("free_events"), price.parameter("free_amount")
    if events is None and amount is None:
        return pl.lit(0, pl.Int128)
    part = value
    if amount is not None:
        left = pl.max_horizontal(scaled(amount) - earlier, pl.lit(0, pl.Int128))
        part = pl.min_horizontal(value, left)
    if events is None:
        return part
    return pl.when(place < events).then(part).otherwise(pl.lit(0, pl.Int128))


def _within(price: Price, earlier: pl.Expr, value: pl.Expr, place: pl.Expr) -> pl.Expr:
    """Whether an event lies before the end of what is free; tells events of value 0 apart."""
    events, amount = price.parameter("free_events"), price.parameter("free_amount")
    found = pl.lit(events is not None or amount is not None)
    if events is not None:
        found = found & (place < events)
    if amount is not None:
        found = found & ((earlier < scaled(amount)) | (value > 0))
    return found


MODEL = Percentage()
