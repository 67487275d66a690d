"""graduated: each unit at the price of its own tier."""

from __future__ import annotations

import polars as pl
from pydantic import Field, field_validator

from meterline.kernel.explain import Explanation
from meterline.pricing.columns import only_row, worked_out
from meterline.pricing.model import Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Parameters, Tier, check_tiers
from meterline.pricing.price import Price
from meterline.pricing.tiers import graduated, graduated_terms


class GraduatedParameters(Parameters):
    """Tiers; the last one is open."""

    tiers: tuple[Tier, ...] = Field(description="Tiers, ascending, the last one open.")
    demand: str | None = Field(None, description="The demand price that `/demand` refers to.")

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        check_tiers(tiers)
        return tiers


class Graduated(PriceModel):
    """Each unit at the price of its own tier, and each reached tier's flat amount."""

    name = "graduated"
    parameters = GraduatedParameters

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        return graduated(price.name, price.parameter("tiers"), rows)

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        terms = graduated_terms(price.parameter("tiers"), only_row(inputs))
        return worked_out(f"{price.name}: each unit at the price of its tier", " + ".join(terms))


MODEL = Graduated()
