"""Half-open periods of dates, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, order=True)
class Period:
    """`[start, end)`: the end is the first day that no longer belongs to it."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a period ends before it starts: {self.start} > {self.end}")

    @property
    def days(self) -> int:
        """Calendar days in it."""
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        """The last day that belongs to it, as people name periods."""
        return self.end - timedelta(days=1)

    def overlap(self, other: Period) -> Period | None:
        """What both have in common, if anything."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None
