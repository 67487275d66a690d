"""Allowances: free units or money of a period, and how usage draws on them. Pure, columnar.

A *lot* is what one period of one allowance grants. Events draw in the order of their start, each
on its lots in their order (priority, code, age). To go through the lots in that order, and through
the events within each, gives the same; so a lot is one pass over columns.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

import polars as pl

from meterline.kernel.interval import Interval
from meterline.pricing.price import Meter, Price

Shared = Literal["subscription", "account", "pool"]

BY_QUANTITY = (
    "rate_card", "per_unit", "graduated", "volume", "package", "time_of_use",
    "graduated_percentage", "matrix",
)  # fmt: skip
"""Price models of which an allowance of units can take quantity away."""

BY_AMOUNT = ("rate_card", "dynamic", "per_unit")
"""Price models whose events have an amount, from which an allowance of money can be taken."""

AGGREGATIONS = ("count", "sum")

USES: dict[str, Any] = {"row": pl.UInt32, "lot": pl.UInt32, "units": pl.Int128}


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """Free units, or money, as a plan grants them each interval (or once, for `valid`)."""

    code: str
    plan: str  # code of the plan; "" where it is shared: then it is the same from whatever plan
    amount: Decimal
    interval: Interval
    money: bool = False
    meters: tuple[str, ...] = ()  # empty: any
    prices: tuple[str, ...] = ()  # empty: any
    prorate: bool = False
    rollover: int = 0
    shared: Shared = "subscription"
    priority: int = 100
    bands: tuple[str, ...] = ()
    increment: Decimal | None = None
    valid: Interval | None = None
    align: str = "subscription"
    day_count: str = "actual"

    @cached_property
    def digest(self) -> str:
        """What tells it from others of the same code."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:16]

    def names(self, price: Price) -> bool:
        """Whether it is meant for a price."""
        return (
            price.kind == "usage"
            and (not self.meters or price.meter in self.meters)
            and (not self.prices or price.code in self.prices)
        )

    def unfit(self, price: Price, meter: Meter) -> str | None:
        """Why usage of a price that it is meant for cannot draw on it; None: it can."""
        return unfit(
            price.model, meter.aggregation, money=self.money, converted=meter.factor is not None,
            free_units=bool(price.parameter("free_units")), banded=bool(self.bands),
            calendar=True,
        )  # fmt: skip


def unfit(
    model: str, aggregation: str, *, money: bool, converted: bool, free_units: bool,
    banded: bool, calendar: bool,
) -> str | None:  # fmt: skip
    """Why usage of a price cannot draw on an allowance: what is expected; None: it can."""
    models = BY_AMOUNT if money else BY_QUANTITY
    if model not in models:
        what = "of money" if money else "of units"
        return f"an allowance {what} covers prices of model {', '.join(models)}, not {model}"
    if aggregation not in AGGREGATIONS:
        return f"an allowance covers meters that count or sum, not {aggregation}"
    if converted:
        return "an allowance covers no meter with a factor: its units are known at the period's end"
    if money and free_units:
        return "an allowance of money covers no price with free_units"
    if banded and not calendar:
        return "an allowance with bands covers prices with a calendar"
    return None


def allocate(demand: pl.Series, lots: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """USES: how many units of which lot cover which event; only those above 0.

    `demand`: Int128 >= 0 by row, the rows in the order in which they draw. `lots`: lot UInt32,
    left Int128, increment Int128 > 0 in the same units (only whole increments of an event are
    covered), level Int32 (the order in which an event draws; lots of one level share no event).
    `pairs`: row UInt32 ascending, lot UInt32: which events may draw on which lots.
    """
    found = [pl.DataFrame(schema=USES)]
    keyed = pairs.join(lots, on="lot", maintain_order="left")
    for level in lots["level"].unique().sort():
        part = keyed.filter(pl.col("level") == level)
        uses = _draw(part.with_columns(demand=demand.gather(part["row"])))
        if uses.height:
            taken = demand.gather(uses["row"]) - uses["units"]
            demand = demand.scatter(uses["row"], taken)
            found.append(uses)
    return pl.concat(found)


def _draw(part: pl.DataFrame) -> pl.DataFrame:
    """USES of events that draw on one lot each, in the order of the rows."""
    increment, zero = pl.col("increment"), pl.lit(0, pl.Int128)
    usable = pl.max_horizontal(pl.col("left"), zero) // increment * increment
    wanted = pl.min_horizontal(pl.col("demand") // increment * increment, usable)
    before = pl.col("wanted").cum_sum().over("lot") - pl.col("wanted")
    left = pl.max_horizontal(pl.col("usable") - before, zero)
    return (
        part.with_columns(usable=usable, wanted=wanted)
        .with_columns(units=pl.min_horizontal("wanted", left))
        .filter(pl.col("units") > 0)
        .select(USES.keys())
    )
