"""package: an amount for each started package."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
from pydantic import Field

from meterline.kernel.explain import Explanation, number
from meterline.kernel.money import from_scaled, to_scaled
from meterline.pricing.columns import one_row_a_line, only_row, worked_out
from meterline.pricing.model import Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Exact, NotNegative, Parameters, Positive
from meterline.pricing.price import Price


class PackageParameters(Parameters):
    """Packages of a size."""

    size: Positive = Field(description="Units in a package.")
    amount: Exact = Field(description="Price of a package, due once it is started.")
    free_units: NotNegative = Field(Decimal(0), description="Units before the first package.")


class Package(PriceModel):
    """amount x started packages, after the free units."""

    name = "package"
    parameters = PackageParameters

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        free = pl.lit(int(price.parameter("free_units").scaleb(10)), pl.Int128)
        size = pl.lit(int(price.parameter("size").scaleb(10)), pl.Int128)
        beyond = pl.max_horizontal(to_scaled(pl.col("quantity"), 10) - free, pl.lit(0, pl.Int128))
        packages = (beyond + size - 1) // size
        amount = pl.lit(int(price.parameter("amount").scaleb(20)), pl.Int128)
        return one_row_a_line(rows, from_scaled(packages * amount, 20))

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        size, amount = price.parameter("size"), price.parameter("amount")
        free, used = price.parameter("free_units"), number(Decimal(only_row(inputs)["quantity"]))
        beyond = f"max({used} - {number(free)}, 0)"
        return worked_out(
            f"{price.name}: {number(amount)} for each started {number(size)} units",
            f"ceil({beyond} / {number(size)}) * {number(amount)}",
        )


MODEL = Package()
