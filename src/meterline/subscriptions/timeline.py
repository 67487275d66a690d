"""From the log of changes to phases: stretches in which nothing changes. Pure.

Plan, quantity and state are three step functions of time, each set by its own kinds of change;
of several changes at one instant the one recorded last counts. Phases lie between their steps.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from meterline.kernel.cycle import first_charged
from meterline.subscriptions.log import Change, end_of, in_force, taken
from meterline.subscriptions.terms import Terms, after, moment_after

State = Literal["pending", "trial", "active", "paused", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch `[start_at, end_at)` of a subscription; see the table of the same name."""

    start_at: datetime
    end_at: datetime | None
    plan_version_id: int
    quantity: Decimal
    state: Literal["active", "paused"]
    trial_end: date | None
    charge_start: date
    anchor: date | None
    day_start: time | None = None
    early_until: date | None = None
    early_version_id: int | None = None


Value = TypeVar("Value")


@dataclass(frozen=True)
class _Steps(Generic[Value]):
    """A step function: its value at an instant is that of the last step before or at it."""

    at: tuple[datetime, ...]
    values: tuple[Value, ...]

    def __call__(self, instant: datetime) -> Value:
        return self.values[bisect_right(self.at, instant) - 1]


@dataclass(frozen=True)
class _Plan:
    plan_version_id: int
    trial_end: date | None
    anchor: date | None
    day_start: time | None


def phases(changes: Iterable[Change], zone: ZoneInfo) -> list[Phase]:
    """The phases that follow from a subscription's log, in order; none overlap.

    `changes` begin with a `subscribe`, in the order of their numbers.
    """
    log = in_force(changes)
    end = end_of(log, zone)
    plan = _plans(log, zone)
    quantity = _steps(log, lambda change: change.quantity)
    state = _steps(log, _state_after)
    begin = log[0].effective_at
    cuts = sorted({*plan.at, *quantity.at, *state.at})
    cuts = [cut for cut in cuts if cut >= begin and (end.at is None or cut < end.at)]
    made = [
        Phase(
            start_at=start,
            end_at=stop,
            plan_version_id=plan(start).plan_version_id,
            quantity=quantity(start),
            state=state(start),
            trial_end=plan(start).trial_end,
            charge_start=date.min,
            anchor=plan(start).anchor,
            day_start=plan(start).day_start,
        )
        for start, stop in zip(cuts, [*cuts[1:], end.at], strict=True)
    ] if cuts else []  # fmt: skip
    made = [
        replace(
            phase, charge_start=charged, day_start=phase.day_start if phase.anchor else day_start
        )
        for phase, (charged, day_start) in zip(made, _charge_starts(made, zone), strict=True)
    ]  # fmt: skip
    if made:
        early = {"early_until": end.early_until, "early_version_id": end.early_version_id}
        made[-1] = replace(made[-1], **early)  # type: ignore[arg-type]
    return _joined(made)


def followed(
    own: Sequence[Phase],
    base: Sequence[Phase],
    terms_at: Callable[[datetime], Terms],
    plans: Mapping[int, str],
) -> list[Phase]:
    """The phases of an add-on, given its `own` and those of its base.

    It pauses with its base, and is over when its base is, or has a plan to which it does not
    belong. `terms_at`: the add-on's terms at an instant; `plans`: plan code by version id.
    """
    made: list[Phase] = []
    for phase in own:
        terms = terms_at(phase.start_at)
        at: datetime | None = phase.start_at
        for under in base:
            if at is None or (phase.end_at is not None and under.start_at >= phase.end_at):
                break
            if under.end_at is not None and under.end_at <= at:
                continue
            if under.start_at > at or plans[under.plan_version_id] not in terms.addon_to:
                return _cut_off(made)
            stop = _earliest(phase.end_at, under.end_at)
            paused = "paused" in (phase.state, under.state)
            made.append(
                replace(
                    phase, start_at=at, end_at=stop, state="paused" if paused else "active",
                    quantity=under.quantity if terms.base_quantity else phase.quantity,
                )
            )  # fmt: skip
            at = stop
        if at is not None and at != phase.end_at:
            return _cut_off(made)
    return _joined(made)


def _cut_off(made: Sequence[Phase]) -> list[Phase]:
    """Phases that end with the base break no term of their own."""
    kept = [replace(one, early_until=None, early_version_id=None) for one in made]
    return _joined(kept)


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)


def phase_at(timeline: Sequence[Phase], instant: datetime) -> Phase | None:
    """The phase that contains an instant."""
    for phase in timeline:
        if phase.start_at <= instant and (phase.end_at is None or instant < phase.end_at):
            return phase
    return None


def ends_at(timeline: Sequence[Phase], begun: datetime) -> datetime | None:
    """When the last phase ends; None while it is open. A contract that was ended before it began
    has no phases, and ends when it would have `begun`."""
    return timeline[-1].end_at if timeline else begun


def state_at(timeline: Sequence[Phase], instant: datetime, zone: ZoneInfo) -> State:
    """What a subscription is at an instant."""
    if timeline and instant < timeline[0].start_at:
        return "pending"
    phase = phase_at(timeline, instant)
    if phase is None:
        return "cancelled"
    today = instant.astimezone(zone).date()
    if phase.state == "active" and phase.trial_end is not None and today < phase.trial_end:
        return "trial"
    return phase.state


def _state_after(change: Change) -> Literal["active", "paused"] | None:
    match change.kind:
        case "subscribe" | "resume":
            return "active"
        case "pause":
            return "paused"
    return None


def _steps(log: Sequence[Change], value: Callable[[Change], Any]) -> _Steps[Any]:
    """The steps of what some changes set (those for which `value` is not None)."""
    found = {
        change.effective_at: value(change)
        for change in sorted(log, key=lambda one: one.number)
        if value(change) is not None
    }
    order = sorted(found)
    return _Steps(tuple(order), tuple(found[at] for at in order))


def _plans(log: Sequence[Change], zone: ZoneInfo) -> _Steps[_Plan]:
    """The steps of the plan: its changes, and the stages of each plan in between."""
    first_day = log[0].effective_at.astimezone(zone).date()
    anchor: date | None = None
    day_start: time | None = None
    found: dict[datetime, _Plan] = {}
    for one in taken(log):
        for i, (at, terms) in enumerate(one.terms):
            stop = one.terms[i + 1][0] if i + 1 < len(one.terms) else one.stop
            trial_end = after(first_day, terms.trial) if terms.trial else None
            if i == 0 and one.change.anchor is not None:
                anchor = first_charged(one.change.anchor, trial_end)
                at_once = anchor == one.change.anchor
                day_start = _time(one.change.effective_at, zone) if at_once else None
            for start, version in _stages(terms, one.change.effective_at, trial_end, zone, at):
                if stop is None or start < stop:
                    found[start] = _Plan(version, trial_end, anchor, day_start)
    order = sorted(found)
    return _Steps(tuple(order), tuple(found[at] for at in order))


def _stages(
    terms: Terms, origin: datetime, trial_end: date | None, zone: ZoneInfo, since: datetime
) -> list[tuple[datetime, int]]:
    """When each plan version begins, from `since` on. Stages count from `origin`: the first holds
    at once, and lasts from the trial's end on."""
    local = origin.astimezone(zone)
    if trial_end is not None and trial_end > local.date():
        local = datetime.combine(trial_end, local.min.time(), zone)
    begun: list[datetime] = []
    start, months, days = origin, 0, 0
    for stage in terms.stages:
        begun.append(start)
        if stage.length is not None:
            months, days = months + stage.length.months, days + stage.length.days
            start = moment_after(local, months, days).astimezone(UTC)
    raised = [
        datetime.combine(one.since, time(0), zone).astimezone(UTC) for one in terms.raises
    ]  # fmt: skip
    found = {}
    for at in sorted({since, *(at for at in (*begun, *raised) if at > since)}):
        stage_number = bisect_right(begun, at) - 1
        found[at] = terms.version(stage_number, at.astimezone(zone).date())
    return list(found.items())


def _charge_starts(made: Sequence[Phase], zone: ZoneInfo) -> Iterator[tuple[date, time | None]]:
    """Of each phase the first local day with recurring charges and the time at which it begins;
    before that was reached, the day on which it would be, were there no later phases: what comes
    later does not cut anew what went before."""
    day, begins, charged = date.min, None, False
    for phase in made:
        if not charged:
            start = phase.start_at.astimezone(zone).date()
            day = first_charged(start, phase.trial_end)
            begins = _time(phase.start_at, zone) if day == start else None
            reached = phase.end_at is None or day < phase.end_at.astimezone(zone).date()
            charged = phase.state == "active" and (reached or day == start)
        yield day, begins


def _time(at: datetime, zone: ZoneInfo) -> time | None:
    """The local time of an instant; None at midnight."""
    local = at.astimezone(zone).time()
    return None if local == time(0) else local


def _joined(made: Sequence[Phase]) -> list[Phase]:
    """Neighbours that differ in nothing become one."""
    joined: list[Phase] = []
    for phase in made:
        last = joined[-1] if joined else None
        same = last is not None and phase == replace(
            last, start_at=phase.start_at, end_at=phase.end_at,
            early_until=phase.early_until, early_version_id=phase.early_version_id,
        )  # fmt: skip
        if last is not None and same:
            joined[-1] = replace(phase, start_at=last.start_at)
        else:
            joined.append(phase)
    return joined
