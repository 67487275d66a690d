"""Contract terms: where they end, and what a notice means."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.kernel.interval import Interval
from meterline.subscriptions.terms import Raise, Stage, Term, Terms, after, before


def term(
    length: str, renewal: str = "automatic", renew: str = "month", notice: str | None = None
) -> Term:
    return Term(
        length=Interval.parse(length),
        renewal=renewal,  # type: ignore[arg-type]
        renew_for=Interval.parse(renew),
        notice=Interval.parse(notice) if notice else None,
        plan_version_id=7,
    )


@pytest.mark.parametrize(
    ("held", "origin", "on", "end"),
    [
        (term("12 months"), "2024-01-31", "2024-06-01", "2025-01-31"),
        (term("12 months"), "2024-01-31", "2025-01-31", "2025-01-31"),
        (term("12 months"), "2024-01-31", "2025-02-01", "2025-02-28"),  # the last of February
        (term("12 months"), "2024-01-31", "2025-03-01", "2025-03-31"),  # and no drift
        (term("12 months", renew="12 months"), "2024-02-29", "2025-03-01", "2026-02-28"),
        (term("30 days", renew="30 days"), "2024-01-01", "2024-02-01", "2024-03-01"),
        (term("12 months", "open"), "2024-01-01", "2025-01-01", "2025-01-01"),
        (term("12 months", "open"), "2024-01-01", "2025-01-02", None),
        (term("12 months", "none"), "2024-01-01", "2024-01-02", "2025-01-01"),
    ],
)
def test_a_term_ends(held: Term, origin: str, on: str, end: str | None) -> None:
    found = held.end(date.fromisoformat(origin), date.fromisoformat(on))
    assert found == (date.fromisoformat(end) if end else None)


@pytest.mark.parametrize(
    ("held", "asked", "end"),
    [
        (term("12 months", notice="30 days"), "2024-12-02", "2025-01-01"),  # the last day for it
        (term("12 months", notice="30 days"), "2024-12-03", "2025-02-01"),
        (term("12 months", notice="3 months", renew="12 months"), "2024-10-02", "2026-01-01"),
        (term("12 months", notice="1 month"), "2024-12-01", "2025-01-01"),
        (term("12 months", notice="1 month"), "2024-12-02", "2025-02-01"),
        (term("12 months"), "2024-12-31", "2025-01-01"),
        (term("12 months"), "2025-01-01", "2025-02-01"),  # the first day of the next one
        (term("12 months", "open"), "2025-01-01", None),
    ],
)
def test_a_notice_that_is_late_is_for_the_next_term(
    held: Term, asked: str, end: str | None
) -> None:
    found = held.end_by_notice(date(2024, 1, 1), date.fromisoformat(asked))
    assert found == (date.fromisoformat(end) if end else None)


days = st.dates(date(2020, 1, 1), date(2040, 1, 1))
lengths = st.sampled_from(["1 month", "12 months", "24 months", "30 days", "week"])


@given(origin=days, asked=st.integers(0, 3000), length=lengths, renew=lengths, notice=lengths)
def test_terms_follow_each_other(
    origin: date, asked: int, length: str, renew: str, notice: str
) -> None:
    held = term(length, renew=renew, notice=notice)
    on = origin + timedelta(days=asked)
    end = held.end(origin, on)
    assert end is not None and end >= on
    following = held.end(origin, end + timedelta(days=1))
    assert following is not None and following > end
    assert held.end(origin, end) == end
    given_notice = held.end_by_notice(origin, on)
    assert given_notice is not None and given_notice > on
    assert given_notice >= end


@given(days, lengths)
def test_before_is_not_later_than_it_was(day: date, length: str) -> None:
    interval = Interval.parse(length)
    assert before(day, interval) < day
    assert after(before(day, interval), interval) <= day


def test_terms_are_the_same_after_the_log() -> None:
    held = Terms(
        stages=(
            Stage(plan_version_id=1, length=Interval(months=2)),
            Stage(plan_version_id=2, length=None),
        ),
        trial=Interval(days=14),
        raises=(Raise(since=date(2026, 4, 1), plan_version_ids=(3, 4)),),
        term=term("12 months", notice="30 days"),
        addon_to=("a", "b"),
        base_quantity=True,
    )
    assert Terms.load(held.dump()) == held
    assert [held.version(1, day) for day in (date(2026, 3, 31), date(2026, 4, 1))] == [2, 4]


def test_logs_of_older_releases_are_read() -> None:
    found = Terms.load({"stages": [[5, None]], "trial": None, "by_seconds": False})
    assert (found.term, found.raises, found.addon_to) == (None, (), ())
