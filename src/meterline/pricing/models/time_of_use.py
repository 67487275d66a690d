"""time_of_use: each interval record in the band in which it starts; a line a band."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

import polars as pl
from pydantic import Field, model_validator

from meterline.kernel.errors import MeterlineError
from meterline.kernel.explain import Explanation, number
from meterline.pricing.columns import charged_row, quantity_of, worked_out
from meterline.pricing.model import CHARGED, Calendars, Inputs, PriceModel
from meterline.pricing.parameters import Parameters, Rate
from meterline.pricing.price import Price
from meterline.pricing.tiers import graduated, graduated_amount, graduated_terms


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

    def line_of(self, season: str | None, band: str | None) -> tuple[str, str | None] | None:
        """(key of the rate, season of the line) for a band in a season: null where its price is
        the same in all seasons, so that they are one line."""
        key = self.rate_key(season, band)
        if key is None:
            return None
        keys = [name for name in self.rates if name == band or name.endswith(f".{band}")]
        if all(self.rates[name] == self.rates[key] for name in keys):
            return keys[0], None
        return key, None if key == band else season


class TimeOfUse(PriceModel):
    """Units at the rate of their band; bands of one rate in several seasons are one line."""

    name = "time_of_use"
    parameters = TimeOfUseParameters
    kinds = ("usage",)

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        bands = _bands(price, rows)
        if price.parameter("tiers_across_bands") == "pro_rata" and _tiered(price):
            return _pro_rata(price, bands)
        parts = [pl.DataFrame(schema=CHARGED)]
        for (key,), part in bands.partition_by("rate", as_dict=True).items():
            tiers = price.parameter("rates")[key].as_tiers
            parts.append(graduated(price.name, tiers, part))
        return pl.concat(parts)

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        if inputs["band"] is None:  # a least amount of a period without use
            return worked_out(f"{price.name}: nothing was used in the period", "0")
        rows = _line_rows(price, inputs)
        quantity = sum(map(quantity_of, rows), Fraction(0))
        tiers = price.parameter("rates")[_line_of(price, rows[0])[0]].as_tiers
        rule = f"{price.name}: use in band {inputs['band']}"
        if price.parameter("tiers_across_bands") == "pro_rata" and _tiered(price):
            value = inputs.get("by_value")
            period = [row for row in inputs["rows"] if row["by_value"] == value and row["band"]]
            total = sum(map(quantity_of, period), Fraction(0))
            if not total:
                return worked_out(f"{rule}; nothing was used in the period", "0")
            whole = {**rows[0], "quantity": total, "divisor": 1}
            terms = " + ".join(graduated_terms(tiers, whole))
            share = f"{number(quantity)} / {number(total)}"
            return worked_out(
                f"{rule}; the tiers of the whole period, in proportion to its use",
                f"({terms}) * {share}",
            )
        terms = " + ".join(graduated_terms(tiers, {**rows[0], "quantity": quantity, "divisor": 1}))
        return worked_out(rule, terms)


def _line_of(price: Price, row: Mapping[str, Any]) -> tuple[str, str | None]:
    found = price.parameters.line_of(row["season"], row["band"])  # type: ignore[attr-defined]
    if found is None:
        raise NoRate(price=price.code, band=row["band"], season=row["season"])
    return found  # type: ignore[no-any-return]


def _tiered(price: Price) -> bool:
    return any(rate.tiers for rate in price.parameter("rates").values())


def _bands(price: Price, rows: pl.DataFrame) -> pl.DataFrame:
    """One row a line, band and rate; the season stands where it makes the rate another one."""
    used = rows.filter(pl.col("band").is_not_null())
    keys = used.select("season", "band").unique()
    found = [
        (key["season"], key["band"], *_line_of(price, key)) for key in keys.iter_rows(named=True)
    ]
    table = pl.DataFrame(
        found,
        schema={"season": pl.String, "band": pl.String, "rate": pl.String, "shown": pl.String},
        orient="row",
    )
    return (
        used.join(table, on=["season", "band"], nulls_equal=True)
        .group_by("line", "band", "rate", "shown", "by_value", maintain_order=True)
        .agg(pl.col("quantity").sum(), pl.col("divisor", "days", "demand").first())
        .rename({"shown": "season"})
    )


def _pro_rata(price: Price, bands: pl.DataFrame) -> pl.DataFrame:
    """Tiers on the period's total, shared over its bands; few rows, worked out one by one."""
    charged: list[dict[str, Any]] = []
    for _, group in bands.group_by("line", "by_value", maintain_order=True):
        rows = group.to_dicts()
        total = sum(map(quantity_of, rows), Fraction(0))
        for row in rows:
            tiers = price.parameter("rates")[row["rate"]].as_tiers
            share = quantity_of(row) / total if total else Fraction(0)
            whole = graduated_amount(tiers, {**row, "quantity": total, "divisor": 1})
            charged.append(charged_row(price.name, row, whole * share))
    return pl.DataFrame(charged, schema=CHARGED)


def _line_rows(price: Price, inputs: Inputs) -> list[Mapping[str, Any]]:
    """The rows of the period that went into the line of one band."""
    return [
        row
        for row in inputs["rows"]
        if row["band"] == inputs["band"]
        and row["by_value"] == inputs.get("by_value")
        and _line_of(price, row)[1] == inputs.get("season")
    ]


MODEL = TimeOfUse()
