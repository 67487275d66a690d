"""Intervals of prices: day to multi-year, in whole days or whole months."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from meterline.kernel.errors import MeterlineError

Unit = Literal["day", "week", "month", "year"]

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}
_PATTERN = re.compile(r"(?:(\d{1,4}) )?(day|week|month|quarter|year)s?")


class InvalidInterval(MeterlineError):
    """unknown interval {text!r}: expected day, week, month, quarter, year, or e.g. `3 months`"""

    code = "invalid_interval"


@dataclass(frozen=True, order=True)
class Interval:
    """A length of time in whole months or in whole days; exactly one of them is above 0."""

    months: int = 0
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> Interval:
        """`month`, `quarter`, `year`, `week`, `day`, "3 months", "28 days" ..."""
        match = _PATTERN.fullmatch(text.strip())
        count = int(match[1] or 1) if match else 0
        if match is None or count == 0:
            raise InvalidInterval(text=text)
        unit = match[2]
        if unit in _MONTHS:
            return cls(months=count * _MONTHS[unit])
        return cls(days=count * _DAYS[unit])

    @property
    def average_days(self) -> tuple[int, int]:
        """Its mean length in days as a fraction (numerator, denominator); a year has 365."""
        return (self.days, 1) if self.days else (self.months * 365, 12)

    @property
    def longest(self) -> timedelta:
        """The longest that it lasts, at most: a day more for the change of clocks."""
        return timedelta(days=self.days + 31 * self.months + 1)

    def __str__(self) -> str:
        if self.months:
            for name, size in (("year", 12), ("quarter", 3), ("month", 1)):
                if self.months == size:
                    return name
            return f"{self.months} months"
        return {1: "day", 7: "week"}.get(self.days, f"{self.days} days")
