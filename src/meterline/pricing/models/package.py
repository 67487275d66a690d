"""package: an amount for each started package."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import polars as pl
from pydantic import Field

from meterline.kernel.explain import Explanation, number
from meterline.kernel.money import from_scaled
from meterline.pricing.columns import (
    beyond,
    check_range,
    divisor,
    one_row_a_line,
    only_row,
    quantity_of,
    scaled,
    started,
    worked_out,
)
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
        size, amount = price.parameter("size"), price.parameter("amount")
        each = Decimal(math.ceil(Fraction(amount) / Fraction(size)))
        check_range(price.name, rows, [each], [amount])
        packages = started(beyond(price.parameter("free_units")), scaled(size) * divisor())
        return one_row_a_line(rows, from_scaled(packages * scaled(amount, 20) * divisor(), 20))

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        size, amount = price.parameter("size"), price.parameter("amount")
        free, used = price.parameter("free_units"), number(quantity_of(only_row(inputs)))
        paid = f"max({used} - {number(free)}, 0)"
        return worked_out(
            f"{price.name}: {number(amount)} for each started {number(size)} units",
            f"ceil({paid} / {number(size)}) * {number(amount)}",
        )


MODEL = Package()
