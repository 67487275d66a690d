"""matrix: a unit price by the values of some properties; a line for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from meterline.pricing.parameters import Exact, Parameters, Value
from meterline.pricing.price import Price


class Cell(Parameters):
    """A unit price where the event's properties have these values."""

    when: dict[str, Value] = Field(
        description="Properties, all of the price's `by`, and their values; one that is left out"
        " may have any.",
        min_length=1,
    )
    unit_amount: Exact = Field(description="Price of a unit; may be negative.")


class MatrixParameters(Parameters):
    """Cells; the first that matches wins."""

    cells: tuple[Cell, ...] = Field(description="Unit prices by values.", min_length=1)
    default: Exact | None = Field(
        None, description="Price of a unit where no cell matches; without it such an event is"
        " rejected (no_price)."
    )  # fmt: skip

    @field_validator("cells")
    @classmethod
    def _distinct(cls, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
        for number_, cell in enumerate(cells, start=1):
            if any(cell.when == other.when for other in cells[: number_ - 1]):
                raise ValueError(f"cell {number_} has the values of an earlier one")
        return cells


class Matrix(PriceModel):
    """quantity x the unit price of the first cell that matches."""

    name = "matrix"
    parameters = MatrixParameters
    kinds = ("usage",)

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        values = rows["by_value"].unique()
        parts = [self._none(rows)]
        for unit, part in unit_amounts(price, values).group_by("unit_amount"):
            inside = rows.join(part, on="by_value", how="semi", nulls_equal=True)
            rate = unit[0]
            check_range(price.name, inside, [rate])
            parts.append(one_row_a_line(inside, from_scaled(units() * scaled(rate), 20)))
        return pl.concat(parts)

    def _none(self, rows: pl.DataFrame) -> pl.DataFrame:
        return one_row_a_line(rows.clear(), pl.lit(0))

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        row = only_row(inputs)
        unit = unit_amounts(price, pl.Series([row["by_value"]], dtype=pl.String))["unit_amount"][0]
        values = ", ".join(f"{name} {value}" for name, value in _named(price, row["by_value"]))
        rule = f"{price.name}: {number(unit)} a unit for {values}"
        return worked_out(rule, f"{number(quantity_of(row))} * {number(unit)}")


def unit_amounts(price: Price, values: pl.Series) -> pl.DataFrame:
    """by_value, unit_amount of those distinct `values` (JSON arrays of the price's `by`) that have
    a price. Null, a period without events, costs 0."""
    found = []
    for value in values:
        if value is None:
            found.append((None, Decimal(0)))
            continue
        given = dict(_named(price, value))
        cells: Sequence[Cell] = price.parameter("cells")
        unit = next(
            (
                cell.unit_amount
                for cell in cells
                if all(given.get(name) in wanted for name, wanted in cell.when.items())
            ),
            price.parameter("default"),
        )
        if unit is not None:
            found.append((value, unit))
    return pl.DataFrame(
        found, schema={"by_value": pl.String, "unit_amount": pl.Decimal(38, 10)}, orient="row"
    )


def _named(price: Price, value: str | None) -> list[tuple[str, str | None]]:
    found: list[str | None] = json.loads(value) if value else [None] * len(price.by)
    return list(zip(price.by, found, strict=True))


MODEL = Matrix()
