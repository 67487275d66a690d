"""Lots: what contracts grant, when it can be used, and how much it is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from meterline.kernel.cycle import BillingDay
from meterline.kernel.interval import Interval
from meterline.rating.allowance import Allowance
from meterline.subscriptions.frames import PHASES
from meterline.usage.grants import lots

CARRIERS = pl.DataFrame(
    {"plan_version_id": [1], "definition": [0]},
    schema={"plan_version_id": pl.Int64, "definition": pl.Int32},
)
Phase = tuple[int, str, str | None, int, str]  # subscription, start, end, quantity, state


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def granted(
    phases: list[Phase], *, day: int | None = 1, window: tuple[str, str], **terms: Any
) -> list[tuple[int, str, str, Decimal]]:
    """Owner, first and last day (the day after it), and size of the lots of an allowance of 31."""
    first: dict[int, date] = {}
    for subscription, start, *_ in phases:
        first.setdefault(subscription, date.fromisoformat(start))
    frame = pl.DataFrame(
        [
            (subscription, 1, f"s{subscription}", "UTC", at(start), end and at(end), 1, quantity,
             state, None, first[subscription], None, None)
            for subscription, start, end, quantity, state in phases
        ],
        schema=PHASES, orient="row",
    )  # fmt: skip
    one = Allowance(
        **{"code": "x", "plan": "p", "amount": Decimal(31), "interval": Interval(months=1), **terms}
    )
    days = {1: (BillingDay(date(1, 1, 1), day),)}
    made = lots(frame, CARRIERS, [one], days, (at(window[0]), at(window[1])))
    return [
        (row["owner_id"], f"{row['lot_start']:%m-%d}", f"{row['lot_end']:%m-%d}", row["granted"])
        for row in made.sort("lot_start", "owner_id").iter_rows(named=True)
    ]


ALL = ("2026-05-01", "2026-07-31")
STORIES: dict[str, tuple[list[Phase], dict[str, Any], list[tuple[int, str, str, Any]]]] = {
    "a stub gets all, or its part": (
        [(7, "2026-05-17", "2026-06-16", 1, "active")], {},
        [(7, "05-17", "06-01", 31), (7, "06-01", "06-16", 31)],
    ),
    "prorated": (
        [(7, "2026-05-17", "2026-06-16", 1, "active")], {"prorate": True},
        [(7, "05-17", "06-01", 15), (7, "06-01", "06-16", "15.5")],
    ),
    "a pause brings nothing more": (
        [(7, "2026-05-01", "2026-05-11", 1, "active"), (7, "2026-05-11", "2026-05-21", 1, "paused"),
         (7, "2026-05-21", "2026-06-01", 1, "active")], {},
        [(7, "05-01", "06-01", 31)],
    ),
    "a pause takes its part": (
        [(7, "2026-05-01", "2026-05-11", 1, "active"), (7, "2026-05-11", "2026-05-21", 1, "paused"),
         (7, "2026-05-21", "2026-06-01", 1, "active")], {"prorate": True},
        [(7, "05-01", "06-01", 21)],
    ),
    "the highest quantity of a month counts": (
        [(7, "2026-05-01", "2026-05-11", 1, "active"),
         (7, "2026-05-11", "2026-06-01", 3, "active")],
        {}, [(7, "05-01", "06-01", 93)],
    ),
    "one for the account, on the cycles of the first that carries it": (
        [(7, "2026-05-05", "2026-05-25", 2, "active"),
         (8, "2026-05-20", "2026-07-05", 1, "active")],
        {"shared": "account", "plan": "", "day": None},
        [(0, "05-05", "06-05", 62), (0, "06-05", "07-05", 31)],
    ),
    "one for the account, for the days on which any carries it": (
        [(7, "2026-05-01", "2026-05-11", 1, "active"),
         (8, "2026-05-06", "2026-05-16", 2, "active")],
        {"shared": "account", "plan": "", "prorate": True},
        [(0, "05-01", "05-16", 25)],
    ),
    "a pool of all that carry it": (
        [(7, "2026-05-01", "2026-07-01", 2, "active"),
         (8, "2026-05-17", "2026-06-01", 1, "active")],
        {"shared": "pool", "plan": "", "prorate": True},
        [(0, "05-01", "06-01", 77), (0, "06-01", "07-01", 62)],
    ),
    "what rolls over ends with the plan": (
        [(7, "2026-05-01", "2026-07-11", 1, "active")], {"rollover": 1},
        [(7, "05-01", "07-01", 31), (7, "06-01", "07-11", 31), (7, "07-01", "07-11", 31)],
    ),
    "once, paused or not": (
        [(7, "2026-05-01", "2026-05-11", 1, "active"), (7, "2026-05-11", "2026-05-21", 1, "paused"),
         (7, "2026-05-21", None, 1, "active")], {"valid": Interval(days=30)},
        [(7, "05-01", "05-31", 31)],
    ),
    "once, but not after the plan": (
        [(7, "2026-05-01", "2026-05-11", 1, "active")], {"valid": Interval(days=30)},
        [(7, "05-01", "05-11", 31)],
    ),
    "each activation": (
        [(7, "2026-05-01", None, 1, "active"), (8, "2026-05-31", None, 1, "active")],
        {"valid": Interval(months=1), "shared": "account", "plan": ""},
        [(0, "05-01", "06-01", 31), (0, "05-31", "06-30", 31)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_lots(story: str) -> None:
    phases, terms, expected = STORIES[story]
    wanted = [(owner, start, end, Decimal(size)) for owner, start, end, size in expected]
    assert granted(phases, window=ALL, **terms) == wanted


def test_only_what_can_be_used_in_the_window() -> None:
    phases: list[Phase] = [(7, "2026-01-01", None, 1, "active")]
    assert [start for _, start, *_ in granted(phases, window=("2026-05-10", "2026-05-10"))] == [
        "05-01"
    ]
    with_rest = granted(phases, window=("2026-05-10", "2026-05-10"), rollover=2)
    assert [(start, end) for _, start, end, _ in with_rest] == [
        ("03-01", "06-01"), ("04-01", "07-01"), ("05-01", "08-01"),
    ]  # fmt: skip
    assert granted(phases, window=("2025-05-10", "2025-05-10")) == []
