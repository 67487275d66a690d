"""Billing policies: the choices in which operators differ, each with a name (docs: catalogue)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from meterline.kernel.money import RoundingMode

DayCount = Literal["actual", "fixed_30", "30_360", "mean_month", "seconds"]
Boundary = Literal["new", "old"]
When = Literal["now", "end_of_period"]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How time is counted, when changes take effect, how amounts are rounded."""

    day_count: DayCount = "actual"
    change_day: Boundary = "new"
    cancel_day: Boundary = "new"
    upgrade: When = "now"
    downgrade: When = "now"
    credit: Literal["prorated", "none"] = "prorated"
    anchor: Literal["keep", "reset"] = "keep"
    align: Literal["subscription", "calendar"] = "subscription"
    rounding: RoundingMode = "half_up"
    tax_rounding: Literal["document", "line"] = "document"


DEFAULT_POLICY = Policy()
