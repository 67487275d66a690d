"""Contract events by the month in which they are entered: some are entered a month late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from meterline.demo.size import Size

LATE_EVERY = 8
"""Each so many contracts have their events entered a month late, that is back-dated."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happens to a subscription; `value` is the new plan or the new quantity."""

    kind: Literal["change", "set_quantity", "cancel"]
    account: str
    at: datetime
    value: str


def events(size: Size, contracts: pl.DataFrame, index: int) -> list[Event]:
    """Events entered in the month `index`, in the order in which they happened."""
    found: list[Event] = []
    for kind, day, value in (
        ("change", "change_on", "change_to"),
        ("set_quantity", "quantity_on", "quantity_to"),
        ("cancel", "end", "plan"),
    ):
        rows = contracts.with_row_index("row").filter(pl.col(day).is_not_null())
        for row in rows.iter_rows(named=True):
            late = row["row"] % LATE_EVERY == 0 and row["end"] is None
            if _month(size, row[day]) + late == index:
                at = _morning(row[day], row["timezone"])
                found.append(Event(kind=kind, account=row["account"], at=at, value=str(row[value])))  # type: ignore[arg-type]
    return sorted(found, key=lambda event: (event.at, event.account))


def _month(size: Size, day: date) -> int:
    return (day.year - size.first.year) * 12 + day.month - size.first.month


def _morning(day: date, zone: str) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)
