"""demand: the highest window of the period, at least a minimum and a share of earlier peaks."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Self

import polars as pl
from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from meterline.kernel.explain import Explanation
from meterline.pricing.columns import only_row, worked_out
from meterline.pricing.model import CHARGED, Calendars, Inputs, PriceModel
from meterline.pricing.parameters import (
    Exact,
    NotNegative,
    Parameters,
    Rate,
    Tier,
    check_tiers,
)
from meterline.pricing.price import Price
from meterline.pricing.tiers import graduated, graduated_terms


def _minutes(value: Any) -> int:
    match = re.fullmatch(r"(\d{1,4}) min", value) if isinstance(value, str) else None
    minutes = int(match[1]) if match else value
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 0 < minutes <= 1440:
        raise ValueError('expected minutes such as "15 min"')
    return minutes


Minutes = Annotated[
    int,
    BeforeValidator(_minutes),
    PlainSerializer(lambda minutes: f"{minutes} min", return_type=str),
    Field(json_schema_extra={"type": "string"}),
]


class Ratchet(Parameters):
    """Billed demand is at least a share of earlier measured peaks."""

    percent: NotNegative = Field(description="Percent of the highest earlier demand.")
    months: int | None = Field(None, gt=0, description="Of the last so many months.")
    in_: tuple[int, ...] | None = Field(
        None, alias="in", description="Of these months of the year, within the last twelve."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.months is None) == (self.in_ is None):
            raise ValueError("expected either months or in")
        if any(not 1 <= month <= 12 for month in self.in_ or ()):
            raise ValueError("months of the year are 1 to 12")
        return self


class DemandParameters(Parameters):
    """How demand is measured, what is billed at least, and its price."""

    unit_amount: Exact | None = Field(None, description="Price of a unit of billed demand.")
    tiers: tuple[Tier, ...] | None = Field(None, description="Tiers of billed demand.")
    rates: dict[str, Rate] | None = Field(None, description="Prices by season.")
    calendar: str | None = Field(None, description="The calendar of seasons and bands.")
    bands: tuple[str, ...] | None = Field(None, description="Only windows in these bands count.")
    window: Minutes = Field(15, description="Length of the window, aligned to the clock.")
    minimum_quantity: NotNegative | None = Field(None, description="Billed at least.")
    ratchet: Ratchet | None = Field(None, description="At least a share of earlier peaks.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = [p for p in (self.unit_amount, self.tiers, self.rates) if p is not None]
        if len(given) != 1:
            raise ValueError("expected one of unit_amount, tiers and rates")
        if self.tiers is not None:
            check_tiers(self.tiers)
        if (self.bands or self.rates) and self.calendar is None:
            raise ValueError("bands and rates by season need a calendar")
        return self

    def tiers_in(self, season: str | None) -> tuple[Tier, ...] | None:
        """The price in a season, as tiers."""
        if self.rates is not None:
            rate = self.rates.get(season or "")
            return rate.as_tiers if rate else None
        return self.tiers or (Tier(unit_amount=self.unit_amount or Decimal(0)),)


class Demand(PriceModel):
    """Billed demand x its price; of a period in two seasons, in that of its highest window."""

    name = "demand"
    parameters = DemandParameters
    kinds = ("usage",)

    def looks_at_events(self, price: Price) -> bool:
        return True

    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        parts = [pl.DataFrame(schema=CHARGED)]
        for (season,), part in rows.partition_by("season", as_dict=True).items():
            tiers = price.parameters.tiers_in(season)  # type: ignore[attr-defined]
            if tiers is None:  # a season that is not priced
                continue
            parts.append(graduated(price.name, tiers, part))
        return pl.concat(parts)

    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        season = inputs.get("season")
        same = (row for row in inputs["rows"] if row["by_value"] == inputs.get("by_value"))
        row = next((row for row in same if row["season"] == season), None) or only_row(inputs)
        tiers = price.parameters.tiers_in(season)  # type: ignore[attr-defined]
        if tiers is None:  # a least amount in a season that has no price
            return worked_out(f"{price.name}: the season has no price", "0")
        terms = graduated_terms(tiers, row)
        return worked_out(
            f"{price.name}: billed demand, measured over {price.parameter('window')} minutes",
            " + ".join(terms),
        )


def measured(
    price: Price, records: pl.DataFrame, lines: pl.DataFrame, calendars: Calendars
) -> pl.DataFrame:
    """The highest window of each line and value, with its season where prices differ by that:
    line, season, by_value, quantity. Windows in a season without a price count where the line has
    no others.

    `records`: line, by_value, start, end (instants; null end: a reading), quantity. On a `sum`
    meter a window's power is its energy / its hours, rounded to 10 decimals; on a `max` meter the
    readings are power already. `lines`: line, start_at; one without records measures 0.
    """
    windows = _readings(records) if price.aggregation == "max" else _powers(price, records)
    calendar = price.parameter("calendar")
    if calendar is None:
        placed = windows.with_columns(season=pl.lit(None, pl.String))
    else:
        at = calendars[calendar].calendar.place(windows["window"])
        placed = windows.with_columns(at["season"], at["band"])
        if price.parameter("bands"):
            placed = placed.filter(pl.col("band").is_in(list(price.parameter("bands"))))
        if price.parameter("rates") is None:
            placed = placed.with_columns(season=pl.lit(None, pl.String))
    priced = pl.col("season").is_in(list(price.parameter("rates") or {})).fill_null(False)
    highest = (
        placed.sort(priced, "power", "window", descending=[True, True, False])
        .group_by("line", "by_value", maintain_order=True)
        .agg(pl.col("season").first(), pl.col("power").first().alias("quantity"))
    )
    silent = lines.join(highest, on="line", how="anti").select("line", "start_at")
    seasons = (
        calendars[calendar].calendar.place(silent["start_at"])["season"]
        if calendar is not None and price.parameter("rates") is not None
        else pl.Series([None] * silent.height, dtype=pl.String)
    )
    zero = silent.select(
        "line", seasons.alias("season"), pl.lit(None, pl.String).alias("by_value"),
        pl.lit(0).cast(pl.Decimal(38, 10)).alias("quantity"),
    )  # fmt: skip
    return pl.concat([highest.select("line", "season", "by_value", "quantity"), zero])


def _readings(records: pl.DataFrame) -> pl.DataFrame:
    return records.select("line", "by_value", window="start", power="quantity")


def _powers(price: Price, records: pl.DataFrame) -> pl.DataFrame:
    """The power of each window: line, by_value, window (its start), power."""
    zone = price.timezone
    minutes = price.parameter("window")
    length = minutes * 60_000_000
    wall = pl.col("start").dt.convert_time_zone(zone).dt.replace_time_zone(None)
    offset = (wall - pl.col("start").dt.replace_time_zone(None)).dt.total_microseconds()
    local = pl.col("start").to_physical() + offset
    duration = (pl.col("end") - pl.col("start")).dt.total_microseconds().fill_null(0)
    spread = records.with_columns(
        offset=offset, at=local, duration=pl.when(duration > 0).then(duration).otherwise(1)
    ).with_columns(
        first=pl.col("at") // length, last=(pl.col("at") + pl.col("duration") - 1) // length
    )
    pieces = spread.with_columns(number=pl.int_ranges(pl.col("first"), pl.col("last") + 1)).explode(
        "number"
    )
    low = pl.max_horizontal(pl.col("at"), pl.col("number") * length)
    high = pl.min_horizontal(pl.col("at") + pl.col("duration"), (pl.col("number") + 1) * length)
    energy = pl.col("quantity").to_physical() * (high - low).cast(pl.Int128) * 60
    hours = pl.col("duration").cast(pl.Int128) * minutes
    power = (2 * pl.col("energy") + hours) // (2 * hours)  # half up
    return (
        pieces.with_columns(
            energy=energy,
            window=(pl.col("number") * length - pl.col("offset")).cast(pl.Datetime("us", "UTC")),
        )
        .group_by("line", "by_value", "window", "duration")
        .agg(pl.col("energy").sum())
        .with_columns(power=power.reinterpret(dtype=pl.Decimal(38, 10)))
        .group_by("line", "by_value", "window")
        .agg(pl.col("power").sum())
    )


_PERIOD = ["subscription_id", "by_value", "period_start"]


def billed(price: Price, measurements: pl.DataFrame) -> pl.DataFrame:
    """`measurements` (line, subscription_id, period_start, season, by_value, quantity: every
    period that the ratchet looks back to) with the billed quantity."""
    least = price.parameter("minimum_quantity")
    ratchet: Ratchet | None = price.parameter("ratchet")
    frame = measurements
    if ratchet is not None:
        floor = _ratchet_floor(ratchet, measurements)
        frame = frame.join(floor, on=_PERIOD, how="left", nulls_equal=True).with_columns(
            quantity=pl.max_horizontal("quantity", pl.col("floor").fill_null(0)).cast(
                pl.Decimal(38, 10)
            )
        ).drop("floor")  # fmt: skip
    if least is not None:
        frame = frame.with_columns(
            quantity=pl.max_horizontal("quantity", pl.lit(least)).cast(pl.Decimal(38, 10))
        )
    return frame


def _ratchet_floor(ratchet: Ratchet, measurements: pl.DataFrame) -> pl.DataFrame:
    """subscription_id, by_value, period_start, floor: percent of the highest of the earlier
    periods."""
    peaks = measurements.group_by(_PERIOD).agg(pl.col("quantity").max().alias("peak"))
    earlier = peaks.rename({"period_start": "earlier"})
    months = ratchet.months or 12
    pairs = peaks.select(_PERIOD).join(
        earlier, on=["subscription_id", "by_value"], nulls_equal=True
    )
    inside = pairs.filter(
        pl.col("earlier") < pl.col("period_start"),
        pl.col("earlier") >= pl.col("period_start").dt.offset_by(f"-{months}mo"),
    )
    if ratchet.in_ is not None:
        inside = inside.filter(pl.col("earlier").dt.month().is_in(list(ratchet.in_)))
    percent = Fraction(ratchet.percent) / 100
    return (
        inside.group_by(_PERIOD)
        .agg(pl.col("peak").max())
        .with_columns(
            floor=(
                pl.col("peak").to_physical() * percent.numerator // percent.denominator
            ).reinterpret(dtype=pl.Decimal(38, 10))
        )
        .drop("peak")
    )


MODEL = Demand()
