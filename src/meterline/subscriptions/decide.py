"""When a requested change takes effect. Pure: the policy of the plan that is left decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal
from zoneinfo import ZoneInfo

from meterline import pricing
from meterline.kernel.cycle import BillingDay, Schedule, period_end
from meterline.kernel.interval import Interval
from meterline.kernel.policy import Boundary, Policy
from meterline.pricing.price import Price
from meterline.subscriptions.errors import NoTerm
from meterline.subscriptions.log import Change, in_force, term_end
from meterline.subscriptions.timeline import Phase, phase_at

When = Literal["policy", "now", "end_of_period", "end_of_term"] | date
"""A date or an instant is when it shall be; a date is its local midnight."""

WORDS = ("policy", "now", "end_of_period", "end_of_term")


@dataclass(frozen=True, kw_only=True)
class PlanView:
    """A plan version as these decisions see it."""

    plan_version_id: int
    policy: Policy
    prices: tuple[Price, ...]

    @property
    def longest(self) -> Interval | None:
        """The longest interval of its recurring prices, else of its usage prices."""
        for kind in ("recurring", "usage"):
            intervals = [price.interval for price in self.prices if price.kind == kind]
            if intervals:
                return max(intervals, key=lambda interval: Fraction(*interval.average_days))
        return None

    def daily(self, quantity: Decimal) -> Fraction:
        """Its recurring amount a day."""
        return sum(
            (
                pricing.recurring_amount(price, Fraction(quantity))
                / Fraction(*price.interval.average_days)
                for price in self.prices
                if price.kind == "recurring"
            ),
            Fraction(0),
        )


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A subscription as it stands, with what places its days and cycles."""

    timeline: Sequence[Phase]
    zone: ZoneInfo
    billing_days: tuple[BillingDay, ...]
    log: tuple[Change, ...] = ()

    @property
    def in_force(self) -> list[Change]:
        """The log without what was taken back."""
        return in_force(self.log)

    def phase(self, at: datetime) -> Phase | None:
        """The phase at an instant."""
        return phase_at(self.timeline, at)


def start_instant(at: datetime, policy: Policy, zone: ZoneInfo) -> datetime:
    """When a subscription begins: its first day counts whole, unless seconds are counted."""
    return at if policy.day_count == "seconds" else _midnight(_day(at, zone), zone)


def change_when(when: When, left: PlanView, taken: PlanView, quantity: Decimal) -> When:
    """Whether a change of plan waits: an upgrade is one whose recurring amount a day is at least
    as high."""
    if when != "policy":
        return when
    upgrade = taken.daily(quantity) >= left.daily(quantity)
    return left.policy.upgrade if upgrade else left.policy.downgrade


def effective_now(at: datetime, boundary: Boundary, policy: Policy, zone: ZoneInfo) -> datetime:
    """The instant of a change at once: its day belongs to the new state or to the old one."""
    if policy.day_count == "seconds":
        return at
    day = _day(at, zone)
    return _midnight(day if boundary == "new" else day + timedelta(days=1), zone)


def effective_at(
    at: datetime, when: When, boundary: Boundary, contract: Contract, left: PlanView
) -> tuple[datetime, bool]:
    """When a change asked for at `at` takes effect, and whether it is deferred till then.

    It never takes effect before the subscription's start. `policy` means now here. What has a
    date is not deferred: it comes on that date, whatever else is asked for before.
    """
    begin = contract.timeline[0].start_at
    if isinstance(when, date):
        return max(_moment(when, contract.zone), begin), False
    if when == "end_of_term":
        return _term_end(at, contract, notice=False), True
    phase = contract.phase(at)
    if when == "end_of_period" and phase is not None and left.longest is not None:
        return max(end_of_period(at, contract, left.longest, left.policy), begin), True
    return max(effective_now(at, boundary, left.policy, contract.zone), begin), False


def cancel_at(
    at: datetime, when: When, contract: Contract, left: PlanView
) -> tuple[datetime, bool]:
    """When a cancellation asked for at `at` takes effect, and whether it is deferred till then.

    At the end of a term it is for the end of the next one if the term's notice has passed.
    """
    if when == "end_of_term":
        return _term_end(at, contract, notice=True), True
    end, deferred = effective_at(at, when, left.policy.cancel_day, contract, left)
    term = term_end(contract.in_force, at, contract.zone, notice=False)
    if when == "end_of_period" and term is not None and _midnight(term, contract.zone) == end:
        return _term_end(at, contract, notice=True), True
    return end, deferred


def _term_end(at: datetime, contract: Contract, *, notice: bool) -> datetime:
    end = term_end(contract.in_force, at, contract.zone, notice=notice)
    if end is None:
        raise NoTerm(at=f"{_day(at, contract.zone)}")
    return _midnight(end, contract.zone)


def end_of_period(at: datetime, contract: Contract, interval: Interval, policy: Policy) -> datetime:
    """The end of the charge period of an interval that contains `at`; in a trial, its end."""
    phase = contract.phase(at)
    assert phase is not None
    days, first = contract.billing_days, phase.charge_start
    if phase.anchor is not None:
        first = phase.anchor
        days = (BillingDay(date.min, None), *(day for day in days if day.since >= first))
    started = _run_start(contract, phase)
    offset = timedelta(0)
    if policy.day_count == "seconds" and days[-1].day is None:
        begins = phase.day_start or time(0)
        offset = datetime.combine(date.min, begins) - datetime.combine(date.min, time(0))
    start = max(_day(started, contract.zone, offset), phase.charge_start)
    schedule = Schedule(interval, days, first, policy.align)
    end = period_end(schedule, start, _day(at, contract.zone, offset))
    local_end = datetime.combine(end, time(0)) + offset
    return local_end.replace(tzinfo=contract.zone).astimezone(UTC)


def anchor(effective: datetime, left: PlanView, taken: PlanView, zone: ZoneInfo) -> date | None:
    """The day from which cycles count anew, if the new plan resets them: only where its interval
    is another one."""
    if taken.policy.anchor == "keep" or left.longest == taken.longest:
        return None
    return _day(effective, zone)


def renewal(at: datetime, contract: Contract, left: PlanView) -> datetime:
    """The first end of a period at or after an instant: when a new period begins anyway."""
    last = at - timedelta(microseconds=1)
    if left.longest is None or contract.phase(last) is None:
        return at
    return end_of_period(last, contract, left.longest, left.policy)


def _moment(when: date, zone: ZoneInfo) -> datetime:
    return when if isinstance(when, datetime) else _midnight(when, zone)


def _run_start(contract: Contract, phase: Phase) -> datetime:
    """Where charging of a phase's plan version began: consecutive active phases are one run."""
    start = phase.start_at
    for one in reversed(contract.timeline):
        if (
            one.end_at == start
            and one.plan_version_id == phase.plan_version_id
            and one.state == phase.state
        ):
            start = one.start_at
    return start


def _day(at: datetime, zone: ZoneInfo, offset: timedelta = timedelta(0)) -> date:
    return (at.astimezone(zone).replace(tzinfo=None) - offset).date()


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)
