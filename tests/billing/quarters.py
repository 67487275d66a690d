"""A quarter of the small operator at random: usage, changes, and how usage is delivered."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from billing.world import BILLED, FIRST, SUBSCRIPTIONS, Used, bill, load, set_up
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from meterline.subscriptions import services as subscriptions

MINUTES = 88 * 24 * 60
few = settings(
    max_examples=int(os.environ.get("METERLINE_EXAMPLES", "5")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def usage(draw: st.DrawFn) -> list[Used]:
    """Records of a quarter."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from(SUBSCRIPTIONS),
                st.integers(0, MINUTES),
                st.sampled_from(["calls", "data"]),
                st.integers(0, 60),
            ),
            min_size=1,
            max_size=25,
        )
    )
    return [
        Used(number=number, subscription=s, minute=minute, meter=meter, quantity=quantity)
        for number, (s, minute, meter, quantity) in enumerate(drawn)
    ]


@st.composite
def deliveries(draw: st.DrawFn, records: list[Used]) -> list[list[Used]]:
    """How the records arrive: in three deliveries at the months' ends, none before its time, some
    late, in any order, some of them several times."""
    parts: list[list[Used]] = [[], [], []]
    for record in records:
        earliest = next(i for i, day in enumerate(BILLED) if record.at.date() < day)
        for index in draw(st.lists(st.integers(earliest, 2), min_size=1, max_size=3)):
            parts[index].append(record)
    return [draw(st.permutations(part)) for part in parts]


class Changes:
    """Changes of plan and quantity: (day, subscription, what)."""

    @staticmethod
    @st.composite
    def drawn(draw: st.DrawFn) -> list[tuple[int, str, str]]:
        found = draw(
            st.lists(
                st.tuples(
                    st.integers(3, 85),
                    st.sampled_from(SUBSCRIPTIONS),
                    st.sampled_from(["small", "large", "quantity", "cancel"]),
                ),
                max_size=4,
                unique_by=lambda change: (change[1], change[2] == "cancel"),
            )
        )
        return sorted(found, key=lambda change: (change[0], change[2] == "cancel"))


def enter(change: tuple[int, str, str]) -> None:
    day, subscription, what = change
    at = FIRST + timedelta(days=day, hours=8)
    if subscriptions.state(subscription, at) == "cancelled":
        return
    match what:
        case "quantity":
            subscriptions.set_quantity(subscription, 5, at)
        case "cancel":
            subscriptions.cancel(subscription, at)
        case plan:
            subscriptions.change(subscription, plan, at, when="now")


def quarter(
    parts: list[list[Used]],
    changes: list[tuple[int, str, str]],
    after_month: Callable[[int], Any] = lambda month: None,
    begin: Callable[[], Any] = set_up,
) -> None:
    """Three months: the month's changes, its delivery, its bill."""
    begin()
    for month, (part, day) in enumerate(zip(parts, BILLED, strict=True)):
        since = datetime.combine(day, datetime.min.time()).date()
        for change in changes:
            at = (FIRST + timedelta(days=change[0])).date()
            if at < since and (month == 0 or at >= BILLED[month - 1]):
                enter(change)
        load(part, day)
        bill(day)
        after_month(month)
