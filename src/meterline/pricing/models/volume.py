"""volume: all units at the price of the tier that the total reaches."""

from __future__ import annotations

import polars as pl
from pydantic import Field, field_validator

from meterline.kernel.explain import Explanation, number
from meterline.pricing.columns import only_row, quantity_of, worked_out
from meterline.pricing.model import Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Parameters, Tier, check_tiers
from meterline.pricing.price import Price
from meterline.pricing.tiers import tier_term, volume, volume_tier


class VolumeParameters(Parameters):
    """Tiers; the last one is open."""

    tiers: tuple[Tier, ...] = Field(description="Tiers, ascending, the last one open.")
    demand: str | None = Field(None, description="The demand price that `/demand` refers to.")

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        check_tiers(tiers)
        return tiers


class Volume(PriceModel):
    """All units at the price of the tier that the total reaches, plus its flat amount."""

    name = "volume"
    parameters = VolumeParameters

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        return volume(price.name, price.parameter("tiers"), rows)

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        row = only_row(inputs)
        tier = volume_tier(price.parameter("tiers"), row)
        expression = tier_term(tier, quantity_of(row))
        if tier.flat_amount:
            expression += f" + {number(tier.flat_amount)}"
        reached = "beyond the last limit" if tier.up_to is None else f"up to {tier.up_to}"
        return worked_out(f"{price.name}: all units at the price {reached}", expression)


MODEL = Volume()
