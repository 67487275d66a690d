"""graduated_percentage: percent of each part of the amount by its own tier."""

from __future__ import annotations

import polars as pl
from pydantic import Field, field_validator

from meterline.kernel.explain import Explanation
from meterline.pricing.columns import only_row, worked_out
from meterline.pricing.model import Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Parameters, PercentTier, check_tiers
from meterline.pricing.price import Price
from meterline.pricing.tiers import graduated, graduated_terms


class GraduatedPercentageParameters(Parameters):
    """Tiers of percentages; the last one is open."""

    tiers: tuple[PercentTier, ...] = Field(description="Tiers, ascending, the last one open.")

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[PercentTier, ...]) -> tuple[PercentTier, ...]:
        check_tiers(tiers)
        return tiers


class GraduatedPercentage(PriceModel):
    """Percent of the period's amount, tier by tier, and each reached tier's flat amount."""

    name = "graduated_percentage"
    parameters = GraduatedPercentageParameters
    kinds = ("usage",)

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        return graduated(price.name, price.parameter("tiers"), rows)

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        terms = graduated_terms(price.parameter("tiers"), only_row(inputs))
        return worked_out(f"{price.name}: the percentage of each tier", " + ".join(terms))


MODEL = GraduatedPercentage()
