"""Usage of the mobile operator: calls, messages and a data record a day."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from meterline.demo.contracts import active
from meterline.demo.deck import destinations
from meterline.demo.size import Size

CALLS_A_MONTH, MESSAGES_A_MONTH = 26.0, 7.0
MEGABYTES_A_DAY = {"mobile-start": 120.0, "mobile-plus": 550.0, "mobile-max": 2400.0}
_HOURS = np.array([1, 1, 0, 0, 0, 1, 3, 8, 14, 16, 17, 17, 19, 17, 15, 16, 18, 22, 24, 22, 18,
                   13, 7, 3], dtype=float)  # fmt: skip
"""How busy each hour of the day is."""


def calls(size: Size, contracts: pl.DataFrame, first: date, after: date) -> pl.DataFrame:
    """Calls of the month: canonical usage columns id, meter, identifier, start, duration, to."""
    chance = size.chance("calls", first.isoformat())
    who, moment = _events(chance, active(contracts, first, after), CALLS_A_MONTH)
    seconds = np.minimum(chance.lognormal(4.2, 1.2, len(who)), 7200).astype(int)
    return _frame("v", "voice", who, moment).with_columns(
        duration=pl.Series(seconds).cast(pl.String),
        to=pl.Series(destinations(chance, len(who))),
    )


def messages(size: Size, contracts: pl.DataFrame, first: date, after: date) -> pl.DataFrame:
    """Messages of the month: id, meter, identifier, start, to."""
    chance = size.chance("messages", first.isoformat())
    with_messages = contracts.filter(pl.col("plan") != "mobile-max")
    who, moment = _events(chance, active(with_messages, first, after), MESSAGES_A_MONTH)
    return _frame("s", "sms", who, moment).with_columns(
        to=pl.Series(destinations(chance, len(who)))
    )


def data(size: Size, contracts: pl.DataFrame, first: date, after: date) -> pl.DataFrame:
    """A record a day and SIM: id, meter, identifier, start, megabytes."""
    chance = size.chance("data", first.isoformat())
    living = active(contracts, first, after).select(
        "identifier", "plan", day=pl.date_ranges("begin", "until", closed="left")
    )
    days = living.explode("day").drop_nulls("day")
    mean = days["plan"].replace_strict(MEGABYTES_A_DAY, return_dtype=pl.Float64).to_numpy()
    volume = np.round(mean * chance.gamma(1.4, 1 / 1.4, len(mean)), 3)
    return days.select(
        id=pl.format("d-{}-{}", "identifier", pl.col("day").dt.strftime("%Y%m%d")),
        meter=pl.lit("data"),
        identifier="identifier",
        start=pl.col("day").dt.strftime("%Y-%m-%dT20:00:00Z"),
        megabytes=pl.Series(volume).round(3).cast(pl.String),
    )


def _events(
    chance: np.random.Generator, living: pl.DataFrame, monthly: float
) -> tuple[np.ndarray, np.ndarray]:
    """Identifier and UTC instant (datetime64[ms]) of events at busy hours of living contracts."""
    begin = living["begin"].to_numpy().astype("datetime64[D]")
    length = (living["until"].to_numpy().astype("datetime64[D]") - begin).astype(int)
    counts = chance.poisson(monthly * chance.gamma(2.0, 0.5, len(begin)) * length / 30)
    row = np.repeat(np.arange(len(begin)), counts)
    day = begin[row] + (chance.random(len(row)) * length[row]).astype("timedelta64[D]")
    hour = chance.choice(24, len(row), p=_HOURS / _HOURS.sum())
    # Local hours as UTC would leave the day at its edges: calls keep two hours' distance.
    second = np.clip(hour, 2, 21) * 3600 + chance.integers(0, 3600, len(row))
    moment = day.astype("datetime64[ms]") + second.astype("timedelta64[s]")
    order = np.argsort(moment, kind="stable")
    return living["identifier"].to_numpy()[row][order], moment[order]


def _frame(letter: str, meter: str, who: np.ndarray, moment: np.ndarray) -> pl.DataFrame:
    frame = pl.DataFrame({"identifier": who, "moment": moment}).with_row_index("row")
    return frame.select(
        id=pl.format("{}-{}-{}", pl.lit(letter), pl.col("moment").dt.strftime("%Y%m"), "row"),
        meter=pl.lit(meter),
        identifier="identifier",
        start=pl.col("moment").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
