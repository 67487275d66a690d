"""From the log of changes to phases: stretches in which nothing changes. Pure.

Plan, quantity and state are three step functions of time, each set by its own kinds of change;
of several changes at one instant the one recorded last counts. Phases lie between their steps.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from meterline.kernel.cycle import first_charged
from meterline.subscriptions.terms import Terms, after, moment_after

Kind = Literal["subscribe", "change", "set_quantity", "cancel", "uncancel", "pause", "resume"]
State = Literal["pending", "trial", "active", "paused", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One entry of the log. `effective_at` is where the timeline steps, already adjusted to the
    policy; `requested_at` is when it was asked for; `deferred` ones wait for the period's end."""

    number: int
    kind: Kind
    effective_at: datetime
    requested_at: datetime
    deferred: bool = False
    terms: Terms | None = None
    quantity: Decimal | None = None
    anchor: date | None = None
    """The day at which cycles are reset; None keeps them."""


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


def phases(changes: Iterable[Change], zone: ZoneInfo) -> list[Phase]:
    """The phases that follow from a subscription's log, in order; none overlap.

    `changes` begin with a `subscribe`, in the order of their numbers.
    """
    log = in_force(changes)
    end = end_of(log)
    plan = _plans(log, zone)
    quantity = _steps(log, lambda change: change.quantity)
    state = _steps(log, _state_after)
    begin = log[0].effective_at
    cuts = sorted({*plan.at, *quantity.at, *state.at})
    cuts = [cut for cut in cuts if cut >= begin and (end is None or cut < end)]
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
        )
        for start, stop in zip(cuts, [*cuts[1:], end], strict=True)
    ] if cuts else []  # fmt: skip
    charged = _charge_start(made, zone)
    return _joined([replace(phase, charge_start=charged) for phase in made])


def in_force(changes: Iterable[Change]) -> list[Change]:
    """The log without what was taken back: cancellations by `uncancel` or a later cancellation,
    and deferred changes that a newer change of the same kind overtook before they came."""
    kept: list[Change] = []
    for change in changes:
        match change.kind:
            case "uncancel" | "cancel":
                kept = [one for one in kept if one.kind != "cancel"]
            case _:
                kept = [one for one in kept if not _overtaken(one, change)]
        if change.kind != "uncancel":
            kept.append(change)
    return kept


def end_of(log: Sequence[Change]) -> datetime | None:
    """When the subscription ends; None while nothing ends it. `log` as `in_force` gives it."""
    return next((one.effective_at for one in reversed(log) if one.kind == "cancel"), None)


def phase_at(timeline: Sequence[Phase], instant: datetime) -> Phase | None:
    """The phase that contains an instant."""
    for phase in timeline:
        if phase.start_at <= instant and (phase.end_at is None or instant < phase.end_at):
            return phase
    return None


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


def _overtaken(one: Change, newer: Change) -> bool:
    family = _FAMILY[newer.kind]
    return (
        one.deferred
        and one.effective_at > newer.requested_at
        and family is not None
        and _FAMILY[one.kind] == family
    )


_FAMILY: dict[Kind, str | None] = {
    "subscribe": None,
    "change": "plan",
    "set_quantity": "quantity",
    "pause": "state",
    "resume": "state",
    "cancel": None,
    "uncancel": None,
}


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
    taken = _steps(log, lambda change: change if change.terms is not None else None)
    first_day = log[0].effective_at.astimezone(zone).date()
    anchor: date | None = None
    found: dict[datetime, _Plan] = {}
    for i, (at, change) in enumerate(zip(taken.at, taken.values, strict=True)):
        terms: Terms = change.terms
        stop = taken.at[i + 1] if i + 1 < len(taken.at) else None
        trial_end = after(first_day, terms.trial) if terms.trial else None
        if change.anchor is not None:
            anchor = first_charged(change.anchor, trial_end)
        for start, version in _stages(terms, at, trial_end, zone):
            if stop is None or start < stop:
                found[start] = _Plan(version, trial_end, anchor)
    order = sorted(found)
    return _Steps(tuple(order), tuple(found[at] for at in order))


def _stages(
    terms: Terms, at: datetime, trial_end: date | None, zone: ZoneInfo
) -> list[tuple[datetime, int]]:
    """When each stage of a plan begins: the first at once, and lasts from the trial's end on."""
    local = at.astimezone(zone)
    if trial_end is not None and trial_end > local.date():
        local = datetime.combine(trial_end, local.min.time(), zone)
    begun: list[tuple[datetime, int]] = []
    start, months, days = at, 0, 0
    for stage in terms.stages:
        begun.append((start, stage.plan_version_id))
        if stage.length is not None:
            months, days = months + stage.length.months, days + stage.length.days
            start = moment_after(local, months, days).astimezone(UTC)
    return begun


def _charge_start(made: Sequence[Phase], zone: ZoneInfo) -> date:
    """The first local day with recurring charges; of a contract that never got there, the day on
    which it would have begun to be charged."""
    day = date.min
    for phase in made:
        start = phase.start_at.astimezone(zone).date()
        day = first_charged(start, phase.trial_end)
        reached = phase.end_at is None or day < phase.end_at.astimezone(zone).date()
        if phase.state == "active" and (reached or day == start):
            return day
    return day


def _joined(made: Sequence[Phase]) -> list[Phase]:
    """Neighbours that differ in nothing become one."""
    joined: list[Phase] = []
    for phase in made:
        if joined and replace(joined[-1], start_at=phase.start_at, end_at=phase.end_at) == phase:
            joined[-1] = replace(joined[-1], end_at=phase.end_at)
        else:
            joined.append(phase)
    return joined
