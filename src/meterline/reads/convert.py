"""From units of a register to the quantity that is billed; from volume of gas to energy. Pure.

    quantity = units / 10^decimals x multiplier x (unit to the meter's unit)
    energy   = volume in m3 x correction factor x calorific value in MJ/m3 / 3.6

The calorific value and correction factor of a stretch are the means over its time of those in
force, rounded half up to 4 and 6 decimals, and the energy is rounded half up to the decimals of the
gas's zone: what gas bills print, worked out the way they print it. All other quantities are exact
to 10 decimals.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

import polars as pl

from meterline.reads.frames import FACTORS, QUANTITY
from meterline.usage.units import ratio

_VALUE, _FACTOR = 10**4, 10**6  # decimals of calorific value and correction factor
_JOULE = Fraction(1000, 3600)  # kWh of a MJ
_MOST = 1 << 126
_FACTORLESS = ("calorific_value", "correction_factor")


def with_factors(pieces: pl.DataFrame, factors: pl.DataFrame) -> pl.DataFrame:
    """`pieces` (zone, start_at, end_at, ...) with calorific_value, correction_factor (null: no gas,
    or not known for all the time) and energy_decimals. `factors`: FACTORS."""
    numbered = pieces.with_row_index("piece")
    spans = (
        factors.rename({"decimals": "energy_decimals"})
        .sort("zone", "since_at")
        .with_columns(over_at=pl.col("since_at").shift(-1).over("zone"))
    )
    about = numbered.select("piece", "zone", "start_at", "end_at").drop_nulls("zone")
    parts = (
        about.join(spans, on="zone")
        .with_columns(
            begin=pl.max_horizontal("start_at", "since_at"),
            finish=pl.min_horizontal("end_at", "over_at"),
        )
        .filter(pl.col("begin") < pl.col("finish"))
    )
    seconds = (pl.col("finish") - pl.col("begin")).dt.total_seconds().cast(pl.Int128)
    means = parts.with_columns(seconds=seconds).group_by("piece").agg(
        _mean("calorific_value", _VALUE), _mean("correction_factor", _FACTOR),
        pl.col("energy_decimals").last(), pl.col("seconds").sum(),
    )  # fmt: skip
    whole = (pl.col("end_at") - pl.col("start_at")).dt.total_seconds()
    covered = pl.col("seconds") == whole
    return (
        numbered.join(means, on="piece", how="left", maintain_order="left")
        .with_columns(
            pl.when(covered).then(name).alias(name) for name in (*_FACTORLESS, "energy_decimals")
        )
        .drop("piece", "seconds")
    )


def _mean(name: str, scale: int) -> pl.Expr:
    """The mean of a factor over the seconds, as a whole number of its last decimal."""
    weighed = ((pl.col(name) * scale).cast(pl.Int128) * pl.col("seconds")).sum()
    seconds = pl.col("seconds").sum()
    return ((2 * weighed + seconds) // (2 * seconds)).cast(pl.Int64).alias(name)


def quantities(pieces: pl.DataFrame) -> pl.DataFrame:
    """`pieces` (units, decimals, multiplier, unit, usage_unit, zone, calorific_value,
    correction_factor, energy_decimals) with `quantity`; null where a factor is not known."""
    kinds = pieces.select("decimals", "multiplier", "unit", "usage_unit", "zone",
                          "energy_decimals").unique()  # fmt: skip
    ratios = [_ratio(row) for row in kinds.iter_rows(named=True)]
    known = kinds.with_columns(
        pl.Series("up", [r.numerator for r in ratios], dtype=pl.Int128),
        pl.Series("down", [r.denominator for r in ratios], dtype=pl.Int128),
        pl.Series("places", [_places(row) for row in kinds.iter_rows(named=True)], dtype=pl.Int64),
    )
    found = pieces.join(known, on=kinds.columns, nulls_equal=True, maintain_order="left")
    gas = pl.col("zone").is_not_null()
    units = pl.col("units").cast(pl.Int128)
    energy = units * pl.col("calorific_value") * pl.col("correction_factor")
    counted = pl.when(gas).then(energy).otherwise(units)
    scaled = counted * pl.col("up")
    _bounded(found.select(scaled.alias("n"))["n"], found["down"])
    fine = pl.col("places").replace_strict(
        range(11), [10 ** (10 - places) for places in range(11)], return_dtype=pl.Int64
    )
    rounded = (2 * scaled + pl.col("down")) // (2 * pl.col("down")) * fine.cast(pl.Int128)
    tiny = pl.lit("0.0000000001").cast(QUANTITY)
    return found.with_columns(
        quantity=(rounded.cast(pl.Decimal(38, 0)) * tiny).cast(QUANTITY),
        calorific_value=_decimal("calorific_value", 4),
        correction_factor=_decimal("correction_factor", 6),
    ).drop("up", "down", "places")


def _ratio(row: dict[str, Any]) -> Fraction:
    """What units are multiplied by to be whole numbers of the quantity's last decimal."""
    each = Fraction(row["multiplier"]) / 10 ** row["decimals"]
    if row["zone"] is not None:
        volume = ratio(row["unit"], "m3")
        energy = ratio("kWh", row["usage_unit"] or "kWh")
        assert volume is not None and energy is not None, row
        each *= volume * _JOULE * energy / (_VALUE * _FACTOR)
    elif row["usage_unit"] is not None:
        other = ratio(row["unit"], row["usage_unit"])
        each *= 1 if other is None else other
    return each * 10 ** _places(row)


def _places(row: dict[str, Any]) -> int:
    return 10 if row["zone"] is None else int(row["energy_decimals"] or 0)


def _bounded(numbers: pl.Series, divisors: pl.Series) -> None:
    """128 bits hold everything: registers have 12 digits at most."""
    sizes = (numbers.abs().max(), divisors.max())
    most = max(cast(int, size) for size in (*sizes, 0) if size is not None)
    assert 2 * most < _MOST, most


def _decimal(name: str, places: int) -> pl.Expr:
    kind = FACTORS[name]
    unit = pl.lit(f"{10**-places:.{places}f}").cast(kind)
    return (pl.col(name).cast(pl.Decimal(18, 0)) * unit).cast(kind).alias(name)
