"""The terms of a plan version that decide how a contract runs over time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from meterline.kernel.cycle import clamped
from meterline.kernel.interval import Interval

Renewal = Literal["automatic", "open", "none"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """For how long which plan version holds; the last stage of a plan has no length."""

    plan_version_id: int
    length: Interval | None


@dataclass(frozen=True, kw_only=True)
class Raise:
    """From a local day on, other plan versions hold: one for each stage (indexation)."""

    since: date
    plan_version_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Term:
    """A minimum duration, and what follows it. `plan_version_id` is the version that was taken:
    its early fee holds."""

    length: Interval
    renewal: Renewal
    renew_for: Interval
    notice: Interval | None
    plan_version_id: int

    def end(self, origin: date, on: date) -> date | None:
        """The end, on `on` or after it, of the term in which `on` lies; None where there is none
        any more. Terms count from `origin`, the day on which the plan was taken."""
        k, end = 0, after(origin, self.length)
        while end < on:
            if self.renewal != "automatic":
                return None
            k += 1
            end = _later(origin, self.length, self.renew_for, k)
        return end

    def end_by_notice(self, origin: date, asked: date) -> date | None:
        """The end of the term for who gives notice on `asked`: of the next one if it is too late
        for this one; None where no term runs."""
        end = self.end(origin, asked + timedelta(days=1))
        if end is None or self.notice is None or self.renewal != "automatic":
            return end
        late = asked > before(end, self.notice)
        return self.end(origin, end + timedelta(days=1)) if late else end

    def dump(self) -> dict[str, Any]:
        """As JSON, what `load` reads."""
        return {
            "for": str(self.length),
            "renewal": self.renewal,
            "renew_for": str(self.renew_for),
            "notice": self.notice and str(self.notice),
            "plan_version_id": self.plan_version_id,
        }

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> Term:
        """From the JSON of `dump`."""
        return cls(
            length=Interval.parse(document["for"]),
            renewal=document["renewal"],
            renew_for=Interval.parse(document["renew_for"]),
            notice=document["notice"] and Interval.parse(document["notice"]),
            plan_version_id=document["plan_version_id"],
        )


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a subscription agreed to when it took a plan: kept in the log with the change."""

    stages: tuple[Stage, ...]
    trial: Interval | None = None
    by_seconds: bool = False
    raises: tuple[Raise, ...] = ()
    term: Term | None = None
    addon_to: tuple[str, ...] = ()
    """Plans of which it is an add-on."""
    base_quantity: bool = False
    """Of an add-on: it has as many units as its base."""

    def __post_init__(self) -> None:
        assert self.stages, "a plan has at least its own stage"
        assert all(stage.length is not None for stage in self.stages[:-1])
        assert self.stages[-1].length is None
        assert all(len(one.plan_version_ids) == len(self.stages) for one in self.raises)

    def version(self, stage: int, on: date) -> int:
        """The plan version of a stage on a local day."""
        reached = [one for one in self.raises if one.since <= on]
        if reached:
            return reached[-1].plan_version_ids[stage]
        return self.stages[stage].plan_version_id

    def dump(self) -> dict[str, Any]:
        """As JSON, what `load` reads; what is not said is left out."""
        found: dict[str, Any] = {
            "stages": [
                [stage.plan_version_id, stage.length and str(stage.length)] for stage in self.stages
            ],
            "trial": self.trial and str(self.trial),
            "by_seconds": self.by_seconds,
        }
        if self.raises:
            found["raises"] = [
                [one.since.isoformat(), list(one.plan_version_ids)] for one in self.raises
            ]
        if self.term is not None:
            found["term"] = self.term.dump()
        if self.addon_to:
            found |= {"addon_to": list(self.addon_to), "base_quantity": self.base_quantity}
        return found

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> Terms:
        """From the JSON of `dump`."""
        term = document.get("term")
        return cls(
            stages=tuple(
                Stage(plan_version_id=version, length=length and Interval.parse(length))
                for version, length in document["stages"]
            ),
            trial=document["trial"] and Interval.parse(document["trial"]),
            by_seconds=document["by_seconds"],
            raises=tuple(
                Raise(since=date.fromisoformat(since), plan_version_ids=tuple(versions))
                for since, versions in document.get("raises", ())
            ),
            term=None if term is None else Term.load(term),
            addon_to=tuple(document.get("addon_to", ())),
            base_quantity=document.get("base_quantity", False),
        )


def after(day: date, length: Interval) -> date:
    """The day a length of time later; the last day of a shorter month."""
    if length.days:
        return day + timedelta(days=length.days)
    return clamped(day.year, day.month + length.months, day.day)


def before(day: date, length: Interval) -> date:
    """The day a length of time earlier; the last day of a shorter month."""
    return after(day, Interval(months=-length.months, days=-length.days))


def moment_after(local: datetime, months: int, days: int) -> datetime:
    """So many months and then days later on the wall clock, at the same time of the day."""
    day = clamped(local.year, local.month + months, local.day) + timedelta(days=days)
    return datetime.combine(day, local.timetz())


def _later(origin: date, length: Interval, again: Interval, times: int) -> date:
    months, days = length.months + times * again.months, length.days + times * again.days
    return clamped(origin.year, origin.month + months, origin.day) + timedelta(days=days)
