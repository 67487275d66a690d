"""time_of_use: each interval record in the band in which it starts; a line a band."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

import polars as pl
from pydantic import Field, model_validator

from meterline.kernel.errors import MeterlineError
from meterline.kernel.explain import Explanation, number
from meterline.kernel.money import EXACT
from meterline.pricing.columns import charged_row, worked_out
from meterline.pricing.model import CHARGED, Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Parameters, Rate, Tier
from meterline.pricing.price import Price
from meterline.pricing.tiers import graduated_column, graduated_terms, limit_of


class NoRate(MeterlineError):
    """price {price}: no rate for band {band} in season {season}: add it to `rates`"""

    code = "no_rate"


class TimeOfUseParameters(Parameters):
    """Rates by band, or by season.band."""

    calendar: str = Field(description="The calendar that tells the bands.")
    rates: dict[str, Rate] = Field(description="Rates by band or season.band.")
    tiers_across_bands: Literal["pro_rata", "per_band"] = Field(
        "per_band",
        description="pro_rata: limits are on the period's total, shared over the bands in"
        " proportion to their use; per_band: on each band's own total.",
    )
    demand: str | None = Field(None, description="The demand price that `/demand` refers to.")

    @model_validator(mode="after")
    def _has_rates(self) -> TimeOfUseParameters:
        if not self.rates:
            raise ValueError("expected at least one rate")
        return self

    def rate_key(self, season: str | None, band: str | None) -> str | None:
        """The key of the rate for a band in a season."""
        special = f"{season}.{band}"
        if season is not None and special in self.rates:
            return special
        return band if band in self.rates else None


class TimeOfUse(PriceModel):
    """Units at the rate of their band; bands of one rate in several seasons are one line."""

    name = "time_of_use"
    parameters = TimeOfUseParameters
    kinds = ("usage",)

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        bands = _bands(price, rows)
        if price.parameter("tiers_across_bands") == "pro_rata" and _tiered(price):
            return _pro_rata(price, bands)
        parts = [
            part.with_columns(
                graduated_column(price.parameter("rates")[key[0]].as_tiers, part).alias("amount")
            )
            for key, part in bands.partition_by("rate", as_dict=True).items()
        ]
        charged = pl.concat(parts) if parts else bands.with_columns(pl.lit(0).alias("amount"))
        return charged.with_columns(
            pl.col("amount").cast(EXACT), denominator=pl.lit(1, pl.Int64)
        ).select(CHARGED.keys())

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        rows = _line_rows(price, inputs)
        quantity = sum((Fraction(row["quantity"]) for row in rows), Fraction(0))
        key = price.parameters.rate_key(rows[0]["season"], rows[0]["band"])  # type: ignore[attr-defined]
        tiers = price.parameter("rates")[key].as_tiers
        rule = f"{price.name}: use in band {inputs['band']}"
        if price.parameter("tiers_across_bands") == "pro_rata" and _tiered(price):
            total = sum((Fraction(row["quantity"]) for row in inputs["rows"]), Fraction(0))
            whole = {**rows[0], "quantity": total}
            terms = " + ".join(graduated_terms(tiers, whole))
            share = f"{number(quantity)} / {number(total)}"
            return worked_out(
                f"{rule}; the tiers of the whole period, in proportion to its use",
                f"({terms}) * {share}",
            )
        terms = " + ".join(graduated_terms(tiers, {**rows[0], "quantity": quantity}))
        return worked_out(rule, terms)


def _tiered(price: Price) -> bool:
    return any(rate.tiers for rate in price.parameter("rates").values())


def _bands(price: Price, rows: pl.DataFrame) -> pl.DataFrame:
    """One row a line, band and rate; the season stands where it makes the rate another one."""
    parameters: Any = price.parameters
    used = rows.filter(pl.col("band").is_not_null())
    keys = used.select("season", "band").unique()
    found = []
    for season, band in keys.iter_rows():
        key = parameters.rate_key(season, band)
        if key is None:
            raise NoRate(price=price.code, band=band, season=season)
        found.append((season, band, key, season if key != band else None))
    table = pl.DataFrame(
        found,
        schema={"season": pl.String, "band": pl.String, "rate": pl.String, "shown": pl.String},
        orient="row",
    )
    return (
        used.join(table, on=["season", "band"], nulls_equal=True)
        .group_by("line", "band", "rate", "shown", "by_value", maintain_order=True)
        .agg(pl.col("quantity").sum(), pl.col("days").first(), pl.col("demand").first())
        .rename({"shown": "season"})
    )


def _pro_rata(price: Price, bands: pl.DataFrame) -> pl.DataFrame:
    """Tiers on the period's total, shared over its bands; few rows, worked out one by one."""
    charged: list[dict[str, Any]] = []
    for _, group in bands.group_by("line", "by_value", maintain_order=True):
        rows = group.to_dicts()
        total = sum((Fraction(row["quantity"]) for row in rows), Fraction(0))
        for row in rows:
            tiers = price.parameter("rates")[row["rate"]].as_tiers
            share = Fraction(row["quantity"]) / total if total else Fraction(0)
            charged.append(charged_row(row, _graduated(tiers, total, row) * share))
    return pl.DataFrame(charged, schema=CHARGED)


def _graduated(tiers: tuple[Tier, ...], quantity: Fraction, row: Mapping[str, Any]) -> Fraction:
    total, low = Fraction(0), Fraction(0)
    for number_, tier in enumerate(tiers):
        high = quantity if tier.up_to is None else limit_of(tier.up_to, row["days"], row["demand"])
        inside = max(min(quantity, high) - low, Fraction(0))
        total += inside * Fraction(tier.unit_amount)
        if number_ == 0 or quantity > low:
            total += Fraction(tier.flat_amount)
        low = high
    return total


def _line_rows(price: Price, inputs: Inputs) -> list[Mapping[str, Any]]:
    """The rows of the period that went into the line of one band."""
    season = inputs.get("season")
    return [
        row
        for row in inputs["rows"]
        if row["band"] == inputs["band"]
        and row["by_value"] == inputs.get("by_value")
        and (season is None or row["season"] == season)
    ]


MODEL = TimeOfUse()
