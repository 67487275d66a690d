"""Meter data of the electricity retailer: half-hours as NEM12, daily reads as canonical CSV."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from meterline.demo.contracts import active, days
from meterline.demo.size import Size

INTERVALS = 48
_HOUR = np.arange(INTERVALS) / 2
_SHAPE = (
    0.28 + 0.55 * np.exp(-((_HOUR - 7.5) ** 2) / 3.0) + 1.15 * np.exp(-((_HOUR - 18.5) ** 2) / 7.0)
)
"""A home's load over the day, kW before its own factor."""


def smart(contracts: pl.DataFrame) -> pl.DataFrame:
    """Contracts whose meter reports half-hours; the others are read once a day."""
    return contracts.filter(pl.col("plan") == "power-time")


def half_hours(
    size: Size, contracts: pl.DataFrame, first: date, after: date
) -> tuple[list[str], list[date], np.ndarray]:
    """Meters, days, and watt-hours [meter, day, half-hour] of the month (0 while not living).

    The homes keep their own factor from month to month; Australian summers need cooling.
    """
    living = active(smart(contracts), first, after)
    calendar = days(first, after)
    chance = size.chance("energy", first.isoformat())
    number = living["identifier"].str.extract(r"(\d+)$").cast(pl.Int64).to_numpy()
    factor = 0.55 + (number * 2_654_435_761 % 1000) / 800
    season = 1.0 + 0.35 * np.cos((first.month - 1) / 6 * np.pi)
    noise = chance.gamma(6.0, 1 / 6.0, (living.height, len(calendar), INTERVALS))
    hours = np.round(noise * _SHAPE * factor[:, None, None] * season * 500).astype(np.int64)
    day = np.array(calendar, dtype="datetime64[D]")[None, :]
    begin, until = (
        living[name].to_numpy().astype("datetime64[D]")[:, None] for name in ("begin", "until")
    )
    hours[~((day >= begin) & (day < until))] = 0
    return living["identifier"].to_list(), calendar, hours


def daily(size: Size, contracts: pl.DataFrame, first: date, after: date) -> pl.DataFrame:
    """Daily reads: id, meter, identifier, start (local midnight), quantity in kWh."""
    chance = size.chance("reads", first.isoformat())
    read = contracts.filter(pl.col("plan") != "power-time")
    living = active(read, first, after).select(
        "identifier", day=pl.date_ranges("begin", "until", closed="left")
    )
    rows = living.explode("day").drop_nulls("day")
    season = 1.0 + 0.3 * np.cos((first.month - 1) / 6 * np.pi)
    kwh = np.round(chance.gamma(5.0, 2.6, rows.height) * season, 2)
    return rows.select(
        id=pl.format("r-{}-{}", "identifier", pl.col("day").dt.strftime("%Y%m%d")),
        meter=pl.lit("energy"),
        identifier="identifier",
        start=pl.col("day").dt.strftime("%Y-%m-%dT00:00:00"),
        quantity=pl.Series(kwh).round(2).cast(pl.String),
    )


def nem12(meters: list[str], calendar: list[date], hours: np.ndarray) -> str:
    """The half-hours as a NEM12 file (AEMO Meter Data File Format, records 100 to 900)."""
    lines = [f"100,NEM12,{calendar[-1]:%Y%m%d}0400,DEMOMDP,BANKSIA"]
    names = [f"{day:%Y%m%d}" for day in calendar]
    for meter, table in zip(meters, hours, strict=True):
        alive = [index for index in range(len(names)) if table[index].any()]
        if not alive:
            continue
        lines.append(f"200,{meter},E1,001,E1,N1,{meter[-6:]},KWH,30,")
        for index in alive:
            values = ",".join(f"{n // 1000}.{n % 1000:03d}" for n in table[index].tolist())
            lines.append(f"300,{names[index]},{values},A,,,{names[index]}040000,")
    return "\n".join([*lines, "900", ""])
