"""Buckets, percentiles, segments and periods: the pure parts of a simulation."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.catalog.candidate import rebased
from meterline.insight.compare import BILLS, extremes, labels, spread
from meterline.insight.errors import UnknownPeriod, UnknownSegment
from meterline.insight.segment import conditions
from meterline.insight.window import Window, months

CENTS = st.integers(-20_000, 20_000).map(lambda cents: Decimal(cents).scaleb(-2))


def compared(*pairs: tuple[Decimal | str, Decimal | str], currency: str = "EUR") -> pl.DataFrame:
    rows = [
        {
            "account_id": number, "account": f"a{number:03}", "currency": currency,
            **{f"{name}_{side}": Decimal(0) for name in ("net", "tax") for side in ("now", "then")},
            "total_now": Decimal(now), "total_then": Decimal(then),
            "difference": Decimal(then) - Decimal(now),
        }
        for number, (now, then) in enumerate(pairs)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=BILLS)


@pytest.mark.parametrize(
    ("now", "then", "bucket"),
    [
        ("100", "49.99", "below -50 %"), ("100", "50", "-50 to -20 %"),
        ("100", "79.99", "-50 to -20 %"),
        ("100", "80", "-20 to -10 %"), ("100", "94.99", "-10 to -5 %"), ("100", "95", "-5 to 0 %"),
        ("100", "99.99", "-5 to 0 %"), ("100", "100", "same"), ("100", "100.01", "0 to 5 %"),
        ("100", "105", "0 to 5 %"), ("100", "105.01", "5 to 10 %"), ("100", "150", "20 to 50 %"),
        ("100", "150.01", "above 50 %"), ("0", "1", "new"), ("0", "-1", "new"), ("0", "0", "same"),
        ("-100", "-95", "0 to 5 %"), ("-100", "-160", "below -50 %"),
    ],
)  # fmt: skip
def test_buckets_by_percent_of_the_bill_of_today(now: str, then: str, bucket: str) -> None:
    found = spread(compared((now, then)))["EUR"]["buckets"]
    assert [one["change"] for one in found if one["accounts"]] == [bucket]


@given(st.lists(st.tuples(CENTS, CENTS), min_size=1, max_size=60))
def test_everybody_is_counted_once(pairs: list[tuple[Decimal, Decimal]]) -> None:
    found = spread(compared(*pairs))["EUR"]
    changes = sorted(then - now for now, then in pairs)
    groups = (found["winners"], found["losers"], found["unchanged"])
    assert sum(group["accounts"] for group in groups) == len(pairs) == found["accounts"]
    assert sum(one["accounts"] for one in found["buckets"]) == len(pairs)
    assert [one["change"] for one in found["buckets"]] == labels()
    assert found["winners"]["amount"] == sum(one for one in changes if one < 0)
    assert found["losers"]["amount"] == sum(one for one in changes if one > 0)
    named = found["percentiles"]
    assert (named["least"], named["most"]) == (changes[0], changes[-1])
    # by nearest rank: the least change that at least so many percent do not exceed
    for percent in (1, 25, 50, 99):
        enough = percent * len(changes)
        reached = [one for one in changes if 100 * sum(x <= one for x in changes) >= enough]
        assert named[f"p{percent}"] == reached[0]


def test_currencies_are_told_apart() -> None:
    both = pl.concat([compared(("1", "2")), compared(("5", "4"), currency="USD")])
    found = spread(both)
    assert [found[c]["losers"]["accounts"] for c in ("EUR", "USD")] == [1, 0]


def test_extremes() -> None:
    rises, falls = extremes(compared(("1", "3"), ("1", "1"), ("9", "2"), ("1", "8"), ("4", "3")), 1)
    assert (rises["account"].to_list(), falls["account"].to_list()) == (["a003"], ["a002"])


def test_periods() -> None:
    assert Window.before(date(2026, 7, 15), months("last-month")) == Window(
        since=date(2026, 6, 1), until=date(2026, 7, 1)
    )
    assert Window.before(date(2026, 1, 31), months("3-months")).since == date(2025, 10, 1)
    assert Window.before(date(2026, 1, 1), months("12-months")).since == date(2025, 1, 1)
    for text in ("", "0-months", "25-months", "-1-months", "3-weeks", "three-months", "²-months"):
        with pytest.raises(UnknownPeriod, match="expected last-month"):
            months(text)


def test_segments_must_be_known() -> None:
    found = conditions(["region=IT", "plan=a=b", "region=DE"])
    assert {one.key: one.values for one in found} == {"region": ("IT", "DE"), "plan": ("a=b",)}
    for text in ("region", "colour=red", "=x", ""):
        with pytest.raises(UnknownSegment, match="country, currency"):
            conditions([text])


@pytest.mark.parametrize(
    ("overrides", "carried"),
    [
        ({"base": {"amount": "5"}}, {"base": {"amount": "6"}}),  # the plan's phase
        ({"base": {"amount": "4"}}, {"base": {"amount": "4"}}),  # the subscription's own
        ({"base": {"amount": "5", "tax": "x"}, "fee": {"amount": "1"}},
         {"base": {"amount": "6", "tax": "x"}, "fee": {"amount": "1"}}),
        ({"base": {"amount": "8"}}, {}),  # a phase that is no more
    ],
)  # fmt: skip
def test_phases_follow_the_file_and_own_overrides_stay(
    overrides: dict[str, dict[str, str]], carried: dict[str, dict[str, str]]
) -> None:
    prices = {"base": {"kind": "recurring"}, "fee": {"kind": "recurring"}}
    before = {"prices": prices, "phases": [{"prices": {"base": {"amount": "5"}}},
                                           {"prices": {"base": {"amount": "8"}}}]}  # fmt: skip
    after = {"prices": prices, "phases": [{"prices": {"base": {"amount": "6"}}}]}
    assert rebased(overrides, before, after) == carried


@pytest.mark.parametrize(
    ("overrides", "carried"),
    [
        ({}, {}),
        ({"base": {"amount": "10.5"}}, {"base": {"amount": "21"}}),  # raised once
        ({"base": {"amount": "11.55"}}, {"base": {"amount": "23.1"}}),  # and again
        ({"base": {"amount": "10.5", "tax": "x"}}, {"base": {"amount": "21", "tax": "x"}}),
        ({"base": {"amount": "7"}}, {"base": {"amount": "7"}}),
    ],
)
def test_indexation_follows_the_file(
    overrides: dict[str, dict[str, str]], carried: dict[str, dict[str, str]]
) -> None:
    steps = [{"from": "2026-01-01", "percent": 5}, {"from": "2027-01-01", "percent": 10}]

    def plan(amount: str) -> dict[str, Any]:
        base = {"kind": "recurring", "model": "flat", "amount": amount}
        return {"prices": {"base": base}, "indexation": steps}

    assert rebased(overrides, plan("10"), plan("20")) == carried
