"""Aggregations and percentages of events: columns agree with a reference that goes record by
record, in whatever order the records come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline import pricing
from meterline.pricing.price import Meter, Price
from meterline.pricing.registry import model

START = datetime(2026, 4, 11, tzinfo=UTC)
END = datetime(2026, 5, 1, tzinfo=UTC)
CYCLE = (datetime(2026, 4, 1, tzinfo=UTC), END)
INSTANT = pl.Datetime("us", "UTC")
Record = tuple[int, str, Decimal]  # microseconds from START (below zero: carried), user, quantity
AGGREGATIONS = ("count", "sum", "max", "latest", "unique", "average", "weighted_sum")

moments = st.one_of(
    st.integers(0, 19).map(lambda day: day * 86_400_000_000),
    st.integers(0, 20 * 86_400_000_000 - 1),
)
records = st.lists(
    st.tuples(moments, st.sampled_from("abc"), st.decimals(0, 10**6, places=10)), max_size=8
)


def price_of(name: str, parameters: dict[str, Any], aggregation: Any = "sum") -> Price:
    return Price(
        id=1, plan_version_id=1, code="p", name="P", kind="usage", model=name, meter="m",
        parameters=model(name).parameters.model_validate(parameters), aggregation=aggregation,
    )  # fmt: skip


def frame(rows: list[Record], line: int = 0) -> pl.DataFrame:
    """Records of a line; ids ascend in the order of `rows`."""
    return pl.DataFrame(
        [
            {
                "line": line, "start": START + timedelta(microseconds=at), "end": None,
                "id": f"{number:03}", "quantity": quantity, "value": user, "season": None,
                "band": None, "by_value": None,
            }
            for number, (at, user, quantity) in enumerate(rows)
        ],
        schema={
            "line": pl.UInt32, "start": INSTANT, "end": INSTANT, "id": pl.String,
            "quantity": pl.Decimal(38, 10), "value": pl.String, "season": pl.String,
            "band": pl.String, "by_value": pl.String,
        },
    )  # fmt: skip


def lines(count: int = 1) -> pl.DataFrame:
    facts = {"start_at": START, "end_at": END, "cycle_from": CYCLE[0], "cycle_to": CYCLE[1]}
    return pl.DataFrame(
        [{"line": line, **facts} for line in range(count)],
        schema={"line": pl.UInt32, **dict.fromkeys(facts, INSTANT)},
    )


def measured(
    price: Price, found: pl.DataFrame, aggregation: Any, count: int = 1
) -> dict[int, dict[str, Any]]:
    meter = Meter(code="m", aggregation=aggregation, value="v")
    rows = pricing.measure(price, found, lines(count), meter=meter, calendars={})
    assert rows["line"].is_unique().all()
    return {row["line"]: row for row in rows.iter_rows(named=True)}


def reference(aggregation: str, rows: list[Record]) -> Fraction:
    ordered = sorted(enumerate(rows), key=lambda one: (one[1][0], one[0]))
    values = [Fraction(quantity) for _, (_, _, quantity) in ordered]
    match aggregation:
        case "count" | "sum":
            return sum(values, Fraction(0))
        case "max":
            return max(values, default=Fraction(0))
        case "latest":
            return values[-1] if values else Fraction(0)
        case "unique":
            return Fraction(len({user for _, user, _ in rows}))
        case "average":
            return sum(values, Fraction(0)) / max(len(values), 1)
    whole = (CYCLE[1] - CYCLE[0]) // timedelta(microseconds=1)
    period = (END - START) // timedelta(microseconds=1)
    return sum(
        (Fraction(quantity) * (period - max(at, 0)) / whole for at, _, quantity in rows),
        Fraction(0),
    )


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@settings(max_examples=60, deadline=None)
@given(rows=records, others=records, order=st.randoms(use_true_random=False))
def test_columns_agree_with_the_reference(
    aggregation: Any, rows: list[Record], others: list[Record], order: Any
) -> None:
    price = price_of("per_unit", {"unit_amount": 1}, aggregation)
    both = pl.concat([frame(rows), frame(others, 1)])
    places = list(range(both.height))
    order.shuffle(places)
    made = measured(price, both[places], aggregation, 3)
    for line, expected in enumerate((rows, others, [])):
        exact = Fraction(made[line]["quantity"]) / made[line]["divisor"]
        assert exact == reference(aggregation, expected)
        assert made[line]["events"] == len(expected)


@settings(max_examples=60, deadline=None)
@given(before=records, rows=records)
def test_a_level_from_before_stands_from_the_beginning(
    before: list[Record], rows: list[Record]
) -> None:
    earlier = [(at - 10**15, user, quantity) for at, user, quantity in before]
    price = price_of("per_unit", {"unit_amount": 1}, "weighted_sum")
    (made,) = measured(price, frame([*earlier, *rows]), "weighted_sum").values()
    exact = Fraction(made["quantity"]) / made["divisor"]
    assert exact == reference("weighted_sum", [*earlier, *rows])


def fee(parameters: dict[str, Any], rows: list[Record]) -> Fraction:
    """What the events of a period cost, one after the other."""
    percent, fixed = Fraction(parameters["percent"]), Fraction(parameters.get("fixed_amount", 0))
    events, amount = parameters.get("free_events"), parameters.get("free_amount")
    total, seen = Fraction(0), Fraction(0)
    for place, (_, (_, _, quantity)) in enumerate(
        sorted(enumerate(rows), key=lambda one: (one[1][0], one[0]))
    ):
        value, left = Fraction(quantity), Fraction(0)
        over = events is None and amount is None
        over = over or (events is not None and place >= events)
        over = over or (amount is not None and seen >= Fraction(amount))
        if not over:
            left = value if amount is None else Fraction(amount) - seen
        seen += value
        if not over and value <= left:
            continue
        cost = max(value - left, Fraction(0)) * percent / 100 + fixed
        cost = max(cost, Fraction(parameters.get("min_per_event", cost)))
        total += min(cost, Fraction(parameters.get("max_per_event", cost)))
    return total


@pytest.mark.parametrize(
    "parameters",
    [
        {"percent": "1.3", "fixed_amount": "2", "free_events": 3, "free_amount": 250},
        {"percent": "1.3", "fixed_amount": "2", "free_events": 2},
        {"percent": "0.0000000001", "free_amount": "500.5", "min_per_event": "0.25"},
        {"percent": "10", "fixed_amount": "-1", "min_per_event": 0, "max_per_event": 12},
        {"percent": "-2.5", "max_per_event": 1, "free_events": 0},
    ],
)
@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            moments,
            st.just("a"),
            st.one_of(
                st.sampled_from([Decimal(n) for n in (0, 50, 100, 150, 250)]),
                st.decimals(0, 400, places=10),
            ),
        ),
        max_size=8,
    )
)
def test_percentages_agree_with_the_reference(
    parameters: dict[str, Any], rows: list[Record]
) -> None:
    price = price_of("percentage", parameters)
    (made,) = measured(price, frame(rows), "sum").values()
    facts = {**made, "days": 30, "demand": None}
    kinds = {"line": pl.UInt32, "quantity": pl.Decimal(38, 10), "amount": pl.Decimal(38, 20)}
    texts = dict.fromkeys(("season", "band", "by_value"), pl.String)
    period = pl.DataFrame([facts], schema_overrides={**kinds, **texts})
    charged = pricing.charge(price, period, calendars={})
    amount, denominator = charged.select("amount", "denominator").row(0)
    assert Fraction(amount) / denominator == fee(parameters, rows)
    assert charged["quantity"][0] == sum((quantity for _, _, quantity in rows), Decimal(0))
    told = pricing.explain(
        price,
        {"rows": [{name: None if v is None else str(v) for name, v in facts.items()}],
         "season": None, "band": None, "by_value": None, "quantity": "0", "share": "1/1",
         "exact": "0/1", "rounding": "half_up", "decimals": 10},
    )  # fmt: skip
    assert abs(Fraction(told.amount) - fee(parameters, rows)) <= Fraction(1, 2 * 10**10)
