"""The log of changes: what of it is in force, which terms hold when, and where it ends. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from meterline.subscriptions.terms import Terms

Kind = Literal[
    "subscribe", "change", "move", "set_quantity", "cancel", "uncancel", "pause", "resume",
    "unschedule",
]  # fmt: skip


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
    of: int | None = None
    """The entry that is taken back (unschedule), or whose plan gets a new version (move)."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A plan that was taken: from when which of its versions' terms hold, until `stop`."""

    change: Change
    terms: tuple[tuple[datetime, Terms], ...]
    stop: datetime | None


@dataclass(frozen=True, kw_only=True)
class End:
    """Where a subscription ends (None: nothing ends it), and the term that this breaks off: the
    day on which it would have ended, and the plan version whose early fee is due."""

    at: datetime | None
    early_until: date | None = None
    early_version_id: int | None = None


def in_force(changes: Iterable[Change]) -> list[Change]:
    """The log without what was taken back: by `unschedule`, cancellations by `uncancel` or a later
    cancellation, and deferred changes that a newer change of the same kind overtook before they
    came."""
    kept: list[Change] = []
    for change in changes:
        match change.kind:
            case "unschedule":
                kept = [one for one in kept if one.number != change.of]
            case "uncancel" | "cancel":
                kept = [one for one in kept if one.kind != "cancel"]
            case _:
                kept = [one for one in kept if not _overtaken(one, change)]
        if change.kind not in ("uncancel", "unschedule"):
            kept.append(change)
    return kept


def _overtaken(one: Change, newer: Change) -> bool:
    family = _FAMILY.get(newer.kind)
    return (
        one.deferred
        and one.effective_at > newer.requested_at
        and family is not None
        and _FAMILY.get(one.kind) == family
    )


_FAMILY: dict[Kind, str] = {
    "change": "plan",
    "set_quantity": "quantity",
    "pause": "state",
    "resume": "state",
}


def taken(log: Sequence[Change]) -> list[Taken]:
    """The plans in the order in which they hold. `log` as `in_force` gives it.

    A new version (`move`) holds from its day on, if the plan it is for still does.
    """
    starts = {
        one.effective_at: one
        for one in sorted(log, key=lambda one: one.number)
        if one.terms is not None and one.kind != "move"
    }
    order = sorted(starts)
    found = []
    for i, at in enumerate(order):
        stop = order[i + 1] if i + 1 < len(order) else None
        change = starts[at]
        assert change.terms is not None
        held = {at: change.terms}
        for one in sorted(log, key=lambda one: one.number):
            inside = at <= one.effective_at and (stop is None or one.effective_at < stop)
            if one.kind == "move" and one.of == change.number and inside and one.terms:
                held[one.effective_at] = one.terms
        found.append(Taken(change=change, terms=tuple(sorted_by_time(held)), stop=stop))
    return found


def sorted_by_time(held: dict[datetime, Terms]) -> list[tuple[datetime, Terms]]:
    """Terms in the order in which they begin to hold."""
    return [(at, held[at]) for at in sorted(held)]


def taken_at(log: Sequence[Change], at: datetime) -> Taken:
    """The plan that holds at an instant; before the first one, that."""
    found = taken(log)
    reached = [one for one in found if one.change.effective_at <= at]
    return reached[-1] if reached else found[0]


def terms_at(log: Sequence[Change], at: datetime) -> Terms:
    """The terms that hold at an instant; before the first ones, those."""
    held = taken_at(log, at).terms
    reached = [terms for since, terms in held if since <= at]
    return reached[-1] if reached else held[0][1]


def end_of(log: Sequence[Change], zone: ZoneInfo) -> End:
    """Where the subscription ends: cancelled, or at the end of a term that is not renewed.
    `log` as `in_force` gives it."""
    cancelled = next((one.effective_at for one in reversed(log) if one.kind == "cancel"), None)
    over = _expiry(log, zone)
    if over is not None and (cancelled is None or over <= cancelled):
        return End(at=over)
    if cancelled is None:
        return End(at=None)
    last = cancelled - timedelta(microseconds=1)
    term = terms_at(log, last).term
    if term is None or cancelled <= log[0].effective_at:
        return End(at=cancelled)
    until = term.end(_origin(log, last, zone), _day_reached(cancelled, zone))
    if until is None or midnight(until, zone) <= cancelled:
        return End(at=cancelled)
    return End(at=cancelled, early_until=until, early_version_id=term.plan_version_id)


def term_end(log: Sequence[Change], at: datetime, zone: ZoneInfo, *, notice: bool) -> date | None:
    """The day on which the term at an instant ends, None without a term; with `notice`, the one at
    which a cancellation asked for then can be."""
    term = terms_at(log, at).term
    if term is None:
        return None
    origin, asked = _origin(log, at, zone), at.astimezone(zone).date()
    if notice:
        return term.end_by_notice(origin, asked)
    return term.end(origin, asked + timedelta(days=1))


def renewal_after(
    log: Sequence[Change], after: datetime, end: datetime | None, zone: ZoneInfo
) -> datetime | None:
    """The first instant after another at which a term follows by itself, in a contract that ends
    at `end`. `log` as `in_force` gives it."""
    for one in taken(log):
        term = one.terms[-1][1].term
        if term is None or term.renewal != "automatic":
            continue
        origin = one.change.effective_at.astimezone(zone).date()
        day = max(after, one.change.effective_at).astimezone(zone).date()
        until = term.end(origin, day + timedelta(days=1))
        assert until is not None
        at = midnight(until, zone)
        if all(stop is None or at < stop for stop in (one.stop, end)):
            return at
    return None


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins."""
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _expiry(log: Sequence[Change], zone: ZoneInfo) -> datetime | None:
    for one in taken(log):
        for i, (_, terms) in enumerate(one.terms):
            stop = one.terms[i + 1][0] if i + 1 < len(one.terms) else one.stop
            if terms.term is None or terms.term.renewal != "none":
                continue
            origin = one.change.effective_at.astimezone(zone).date()
            end = terms.term.end(origin, origin)
            assert end is not None
            if stop is None or midnight(end, zone) <= stop:
                return midnight(end, zone)
    return None


def _origin(log: Sequence[Change], at: datetime, zone: ZoneInfo) -> date:
    return taken_at(log, at).change.effective_at.astimezone(zone).date()


def _day_reached(at: datetime, zone: ZoneInfo) -> date:
    """The first local day that begins at or after an instant."""
    day = at.astimezone(zone).date()
    return day if midnight(day, zone) >= at else day + timedelta(days=1)
