"""No day of a price is charged twice, whatever moves, changes and is billed in which order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from billing.world import rows
from hypothesis import example, given
from hypothesis import strategies as st
from properties.play import played, random_stories

from meterline.billing import services as billing

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

FIRST = datetime(2026, 1, 3, tzinfo=UTC)
DAY = timedelta(days=1)
Body = dict[str, Any]
days = st.integers(1, 31)


@st.composite
def prices(draw: st.DrawFn) -> Body:
    """A flat price, whose amount tells how much of it was charged."""
    return {
        "kind": "recurring", "model": "flat", "amount": "100.00",
        "interval": draw(st.sampled_from(["month", "month", "week", "10 days", "quarter"])),
        "timing": draw(st.sampled_from(["advance", "arrears", "arrears"])),
        "prorate": draw(st.sampled_from([True, True, True, False])),
    }  # fmt: skip


@st.composite
def contracts(draw: st.DrawFn) -> Body:
    """A catalogue of two plans, and an account whose billing day, plan and state change between
    bills that reach ahead."""
    policy = {
        "credit": draw(st.sampled_from(["none", "none", "prorated"])),
        "day_count": draw(st.sampled_from(["actual", "actual", "30_360", "seconds"])),
        "align": draw(st.sampled_from(["subscription", "calendar"])),
        "change_day": draw(st.sampled_from(["new", "old"])),
        "anchor": draw(st.sampled_from(["keep", "reset"])),
    }
    catalog = {
        "currency": "EUR", "timezone": draw(st.sampled_from(["UTC", "Europe/Rome"])),
        "policy": policy,
        "plans": {code: {"prices": {"base": draw(prices())}} for code in ("p", "q")},
    }  # fmt: skip
    account = {"billing_day": draw(st.one_of(days, days, st.just("anniversary")))}
    begin = {"do": "subscribe", "account": "A", "plan": "p", "as": "s", "at": FIRST.isoformat()}
    steps: list[Body] = [begin]
    at = FIRST
    for _ in range(draw(st.integers(3, 10))):
        at += draw(st.integers(0, 20)) * DAY
        steps.append(draw(_step(at)))
    steps.append({"do": "bill", "at": (at + 40 * DAY).isoformat()})
    return {"scenario": "days", "catalog": catalog, "accounts": {"A": account}, "steps": steps}


@st.composite
def _step(draw: st.DrawFn, at: datetime) -> Body:
    words = [*["bill"] * 5, *["set_billing_day"] * 3, "change", "pause", "resume", "cancel"]
    do = draw(st.sampled_from([*words, "uncancel"]))
    told = at - draw(st.sampled_from([0, 0, 0, 5, 20])) * DAY
    step: Body = {"do": do, "at": max(told, FIRST).isoformat()}
    match do:
        case "bill":
            ahead = draw(st.sampled_from([0, 0, 1, 9, 17, 31, 45]))
            return {"do": "bill", "at": at.isoformat(), "until": (at + ahead * DAY).isoformat()}
        case "set_billing_day":
            return step | {"account": "A", "day": draw(days)}
        case "change":
            return step | {"subscription": "s", "plan": draw(st.sampled_from("pq"))}
    return step | {"subscription": "s"}


def check_days(*_: Any) -> None:
    """Each moment of a price is charged at most once, and what comes back was charged; that another
    amount of the same days is due is no charge of its own."""
    found = rows(
        "SELECT track, start_at, end_at, sign(amount)::int FROM invoices_line"
        " WHERE kind = 'recurring' AND NOT inputs ? 'before' ORDER BY id"
    )
    for track in {row[0] for row in found}:
        lines = [row[1:] for row in found if row[0] == track]
        for moment in {row[0] for row in lines}:
            times = sum(sign for start, end, sign in lines if start <= moment < end)
            assert 0 <= times <= 1, (track, moment, lines)


def _moved_behind_what_was_billed_ahead() -> Body:
    price = {"kind": "recurring", "model": "flat", "amount": "30.00", "timing": "arrears"}
    days = ("2026-03-16", "2026-04-01", "2026-04-10", "2026-04-15")
    return {
        "scenario": "days",
        "catalog": {"currency": "EUR", "policy": {"credit": "none"},
                    "plans": {"p": {"prices": {"base": price}}}},
        "accounts": {"A": {"billing_day": 1}},
        "steps": [
            {"do": "subscribe", "account": "A", "plan": "p", "as": "s", "at": "2026-02-01"},
            {"do": "bill", "at": "2026-02-10", "until": "2026-04-01"},
            {"do": "set_billing_day", "account": "A", "day": 15, "at": "2026-02-20"},
            *({"do": "bill", "at": day} for day in days),
        ],
    }  # fmt: skip


@random_stories
@example(document=_moved_behind_what_was_billed_ahead())
@given(document=contracts())
def test_no_day_of_a_price_is_charged_twice(home: Path, document: Body) -> None:
    with played(document, after=check_days):
        billing.run(workers=1)
        check_days()
