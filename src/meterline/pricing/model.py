"""What a price model is: the protocol of the files in `models/`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import polars as pl

from meterline.kernel.calendar import CalendarSpec
from meterline.kernel.explain import Explanation
from meterline.pricing.parameters import Parameters
from meterline.pricing.price import Price

Calendars = Mapping[str, CalendarSpec]
Inputs = Mapping[str, Any]

CHARGE_KEY = ("line", "season", "band", "by_value")
CHARGED: dict[str, Any] = {
    "line": pl.UInt32,
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "quantity": pl.Decimal(38, 10),
    "amount": pl.Decimal(38, 20),
    "denominator": pl.Int64,
}


class PriceModel(ABC):
    """A way to price a period's usage, or a subscription's quantity.

    `charge` is given one row a line, season, band and value (see pricing.charge) and returns
    CHARGED: one row for each line of the invoice, exact and unrounded. A row's quantity is
    `quantity / divisor`, so that an average or a share of a month is exact.
    """

    name: ClassVar[str]
    parameters: ClassVar[type[Parameters]]
    kinds: ClassVar[tuple[str, ...]] = ("recurring", "one_time", "usage")
    prices_events: ClassVar[bool] = False  # whether each record has an amount of its own

    def looks_at_events(self, price: Price) -> bool:
        """Whether the price needs each record of a period, because totals do not tell enough."""
        return False

    @abstractmethod
    def charge(self, price: Price, rows: pl.DataFrame, calendars: Calendars) -> pl.DataFrame:
        """CHARGED rows for `rows`."""

    @abstractmethod
    def explain(self, price: Price, inputs: Inputs) -> Explanation:
        """How the exact amount of one line came about, before proration and rounding."""
