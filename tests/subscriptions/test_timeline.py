"""Phases from logs of changes, as a table, and what holds for every log."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.kernel.interval import Interval
from meterline.subscriptions.log import Change, in_force
from meterline.subscriptions.terms import Stage, Terms, moment_after
from meterline.subscriptions.timeline import Phase, phase_at, phases, state_at

UTC_ZONE = ZoneInfo("UTC")


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def terms(version: int, trial: str | None = None, *stages: tuple[int, str]) -> Terms:
    return Terms(
        stages=(
            *(Stage(plan_version_id=v, length=Interval.parse(text)) for v, text in stages),
            Stage(plan_version_id=version, length=None),
        ),
        trial=Interval.parse(trial) if trial else None,
    )


def log(*entries: tuple[str, str, object] | tuple[str, str, object, str]) -> list[Change]:
    """(kind, effective day, terms | quantity | None[, day asked for: then it is deferred])."""
    made = []
    for number, (kind, at, value, *asked) in enumerate(entries, start=1):
        made.append(
            Change(
                number=number,
                kind=kind,
                effective_at=day(at),
                requested_at=day(asked[0] if asked else at),
                deferred=bool(asked),
                terms=value if isinstance(value, Terms) else None,
                quantity=Decimal(1) if kind == "subscribe" else
                value if isinstance(value, Decimal) else None,
            )
        )  # fmt: skip
    return made


def picture(changes: list[Change]) -> list[str]:
    return [
        f"{p.start_at:%m-%d} {p.end_at and p.end_at.strftime('%m-%d')} v{p.plan_version_id}"
        f" x{p.quantity} {p.state}"
        for p in phases(changes, UTC_ZONE)
    ]


START = ("subscribe", "2026-01-01", terms(1))
TABLE = {
    "as it began": ([START], ["01-01 None v1 x1 active"]),
    "a change of plan": (
        [START, ("change", "2026-01-10", terms(2))],
        ["01-01 01-10 v1 x1 active", "01-10 None v2 x1 active"],
    ),
    "the one recorded last counts at one instant": (
        [START, ("change", "2026-01-10", terms(2)), ("change", "2026-01-10", terms(3))],
        ["01-01 01-10 v1 x1 active", "01-10 None v3 x1 active"],
    ),
    "a back-dated change holds until the later one": (
        [START, ("change", "2026-02-01", terms(2)), ("change", "2026-01-10", terms(3))],
        ["01-01 01-10 v1 x1 active", "01-10 02-01 v3 x1 active", "02-01 None v2 x1 active"],
    ),
    "a newer change replaces one that waits": (
        [START, ("change", "2026-02-01", terms(2), "2026-01-05"),
         ("change", "2026-01-10", terms(3))],
        ["01-01 01-10 v1 x1 active", "01-10 None v3 x1 active"],
    ),
    "a change asked for after it came does not": (
        [START, ("change", "2026-02-01", terms(2), "2026-01-05"),
         ("change", "2026-02-10", terms(3))],
        ["01-01 02-01 v1 x1 active", "02-01 02-10 v2 x1 active", "02-10 None v3 x1 active"],
    ),
    "seats, and a pause over a change of plan": (
        [START, ("set_quantity", "2026-01-05", Decimal(3)), ("pause", "2026-01-08", None),
         ("change", "2026-01-10", terms(2)), ("resume", "2026-01-12", None)],
        ["01-01 01-05 v1 x1 active", "01-05 01-08 v1 x3 active", "01-08 01-10 v1 x3 paused",
         "01-10 01-12 v2 x3 paused", "01-12 None v2 x3 active"],
    ),
    "nothing follows the end": (
        [START, ("cancel", "2026-01-10", None), ("change", "2026-02-01", terms(2))],
        ["01-01 01-10 v1 x1 active"],
    ),
    "a cancellation taken back": (
        [START, ("cancel", "2026-02-01", None), ("uncancel", "2026-01-10", None)],
        ["01-01 None v1 x1 active"],
    ),
    "the last cancellation counts": (
        [START, ("cancel", "2026-02-01", None), ("cancel", "2026-01-10", None)],
        ["01-01 01-10 v1 x1 active"],
    ),
    "cancelled on the day of the start": ([START, ("cancel", "2026-01-01", None)], []),
    "a change to what is there already": (
        [START, ("set_quantity", "2026-01-05", Decimal(1))], ["01-01 None v1 x1 active"],
    ),
    "phases of a plan": (
        [("subscribe", "2026-01-31", terms(3, None, (1, "1 month"), (2, "1 month")))],
        ["01-31 02-28 v1 x1 active", "02-28 03-31 v2 x1 active", "03-31 None v3 x1 active"],
    ),
    "phases of a plan count from the trial's end": (
        [("subscribe", "2026-01-01", terms(2, "10 days", (1, "1 month")))],
        ["01-01 02-11 v1 x1 active", "02-11 None v2 x1 active"],
    ),
    "a change cuts the phases of the plan that is left": (
        [("subscribe", "2026-01-01", terms(2, None, (1, "3 months"))),
         ("change", "2026-02-01", terms(3))],
        ["01-01 02-01 v1 x1 active", "02-01 None v3 x1 active"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("entries", "expected"), TABLE.values(), ids=TABLE.keys())
def test_phases(entries: list, expected: list[str]) -> None:
    assert picture(log(*entries)) == expected


CHARGED = {
    "without a trial": ([START], ["01-01"]),
    "after the trial": ([("subscribe", "2026-01-01", terms(1, "1 month"))], ["02-01"]),
    "a change ends the trial": (
        [("subscribe", "2026-01-01", terms(1, "30 days")), ("change", "2026-01-10", terms(2))],
        ["01-31", "01-10"],
    ),
    "the new plan's trial counts from the start": (
        [("subscribe", "2026-01-01", terms(1, "30 days")),
         ("change", "2026-01-10", terms(2, "14 days"))],
        ["01-31", "01-15"],
    ),
    "a pause over the trial's end": (
        [("subscribe", "2026-01-01", terms(1, "10 days")), ("pause", "2026-01-05", None),
         ("resume", "2026-01-20", None)],
        ["01-11", "01-11", "01-20"],
    ),
    "cancelled in the trial": (
        [("subscribe", "2026-01-01", terms(1, "10 days")), ("cancel", "2026-01-05", None)],
        ["01-11"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("entries", "expected"), CHARGED.values(), ids=CHARGED.keys())
def test_first_day_charged(entries: list, expected: list[str]) -> None:
    """What comes later changes nothing of the phases before it."""
    made = phases(log(*entries), UTC_ZONE)
    assert [f"{phase.charge_start:%m-%d}" for phase in made] == expected
    for count in range(1, len(entries)):
        earlier = phases(log(*entries[:count]), UTC_ZONE)
        assert [one.charge_start for one in earlier] == [one.charge_start for one in made[:count]]


STATES = {
    "2025-12-31": "pending", "2026-01-01": "trial", "2026-01-10": "trial", "2026-01-11": "active",
    "2026-01-15": "paused", "2026-01-20": "active", "2026-02-01": "cancelled",
}  # fmt: skip


@pytest.mark.parametrize(("at", "state"), STATES.items())
def test_state(at: str, state: str) -> None:
    made = phases(
        log(
            ("subscribe", "2026-01-01", terms(1, "10 days")), ("pause", "2026-01-15", None),
            ("resume", "2026-01-20", None), ("cancel", "2026-02-01", None),
        ),
        UTC_ZONE,
    )  # fmt: skip
    assert state_at(made, day(at), UTC_ZONE) == state


def test_stages_keep_the_hour_over_a_change_of_clocks() -> None:
    local = datetime(2026, 2, 28, 9, 30, tzinfo=ZoneInfo("Europe/Rome"))
    assert moment_after(local, 1, 1).astimezone(UTC) == datetime(2026, 3, 29, 7, 30, tzinfo=UTC)


def test_terms_come_back_from_their_json() -> None:
    made = terms(3, "14 days", (1, "3 months"), (2, "1 week"))
    assert Terms.load(made.dump()) == made


KINDS = ("change", "set_quantity", "cancel", "uncancel", "pause", "resume")


@st.composite
def logs(draw: st.DrawFn) -> list[Change]:
    """Logs in any order of instants, deferred or not."""
    zero = datetime(2026, 1, 1, tzinfo=UTC)
    some_terms = st.builds(
        terms, st.integers(1, 3), st.sampled_from([None, "5 days", "1 month"]),
    ) | st.just(terms(4, None, (5, "10 days"), (6, "1 month")))  # fmt: skip
    made = [
        Change(number=1, kind="subscribe", effective_at=zero, requested_at=zero,
               terms=draw(some_terms), quantity=Decimal(1))
    ]  # fmt: skip
    for number in range(2, draw(st.integers(2, 9))):
        kind = draw(st.sampled_from(KINDS))
        asked = zero + timedelta(hours=draw(st.integers(0, 2000)))
        waits = timedelta(hours=draw(st.integers(0, 500)))
        made.append(
            Change(
                number=number, kind=kind, effective_at=asked + waits, requested_at=asked,
                deferred=waits > timedelta(0),
                terms=draw(some_terms) if kind == "change" else None,
                quantity=Decimal(draw(st.integers(1, 5))) if kind == "set_quantity" else None,
            )
        )  # fmt: skip
    return made


@given(logs(), st.sampled_from(["UTC", "Europe/Rome", "Pacific/Auckland"]))
def test_phases_follow_each_other_without_gap_or_overlap(made: list[Change], zone: str) -> None:
    timeline = phases(made, ZoneInfo(zone))
    for phase, following in itertools.pairwise(timeline):
        assert phase.end_at == following.start_at
    assert all(p.end_at is None or p.start_at < p.end_at for p in timeline)
    if timeline:
        assert timeline[0].start_at == made[0].effective_at

    def before_charges(phase: Phase) -> bool:
        ends = phase.end_at and phase.end_at.astimezone(ZoneInfo(zone)).date()
        begins = phase.start_at.astimezone(ZoneInfo(zone)).date()
        reached = ends is None or phase.charge_start < ends or phase.charge_start == begins
        return phase.state != "active" or not reached

    charged = itertools.dropwhile(before_charges, timeline)
    assert len({phase.charge_start for phase in charged}) <= 1


@given(logs(), st.integers(0, 3000))
def test_each_instant_has_what_the_last_change_before_it_set(made: list[Change], hour: int) -> None:
    at = made[0].effective_at + timedelta(hours=hour)
    phase = phase_at(phases(made, UTC_ZONE), at)
    log = in_force(made)
    ends = [change.effective_at for change in log if change.kind == "cancel"]
    assert (phase is None) == bool(ends and at >= ends[-1])
    if phase is not None:
        before = [c for c in log if c.quantity is not None and c.effective_at <= at]
        latest = max(before, key=lambda change: (change.effective_at, change.number))
        assert phase.quantity == latest.quantity
