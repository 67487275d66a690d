"""The terms of a plan version that decide how a contract runs over time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from meterline.kernel.cycle import clamped
from meterline.kernel.interval import Interval


@dataclass(frozen=True, kw_only=True)
class Stage:
    """For how long which plan version holds; the last stage of a plan has no length."""

    plan_version_id: int
    length: Interval | None


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a subscription agreed to when it took a plan: kept in the log with the change."""

    stages: tuple[Stage, ...]
    trial: Interval | None = None
    by_seconds: bool = False

    def __post_init__(self) -> None:
        assert self.stages, "a plan has at least its own stage"
        assert all(stage.length is not None for stage in self.stages[:-1])
        assert self.stages[-1].length is None

    def dump(self) -> dict[str, Any]:
        """As JSON, what `load` reads."""
        return {
            "stages": [
                [stage.plan_version_id, stage.length and str(stage.length)] for stage in self.stages
            ],
            "trial": self.trial and str(self.trial),
            "by_seconds": self.by_seconds,
        }

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> Terms:
        """From the JSON of `dump`."""
        return cls(
            stages=tuple(
                Stage(plan_version_id=version, length=length and Interval.parse(length))
                for version, length in document["stages"]
            ),
            trial=document["trial"] and Interval.parse(document["trial"]),
            by_seconds=document["by_seconds"],
        )


def after(day: date, length: Interval) -> date:
    """The day a length of time later; the last day of a shorter month."""
    if length.days:
        return day + timedelta(days=length.days)
    return clamped(day.year, day.month + length.months, day.day)


def moment_after(local: datetime, months: int, days: int) -> datetime:
    """So many months and then days later on the wall clock, at the same time of the day."""
    day = clamped(local.year, local.month + months, local.day) + timedelta(days=days)
    return datetime.combine(day, local.timetz())
