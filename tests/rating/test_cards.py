"""Rate cards: columns agree with a reference that walks through each event by increments."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.kernel.money import round_fraction
from meterline.pricing.price import Meter, Price
from meterline.pricing.registry import model
from meterline.rating.card import ROW_SCHEMA, KeyField, RateCard, Step
from meterline.rating.rate import rate
from meterline.rating.tariff import compile_tariff

PREFIXES = ("3", "39", "393", "44", "4420", "7")
START = datetime(2026, 5, 4, 12, tzinfo=UTC)
decimals = st.decimals(0, 5, places=4)


@st.composite
def steps(draw: st.DrawFn) -> tuple[Step, ...]:
    starts = sorted({Decimal(0), *draw(st.lists(st.integers(1, 300).map(Decimal), max_size=2))})
    return tuple(
        Step(
            start=start,
            price=draw(decimals),
            per=draw(st.sampled_from([Decimal(1), Decimal(60), Decimal(7)])),
            increment=draw(st.sampled_from([Decimal(1), Decimal(6), Decimal(60), Decimal("0.5")])),
        )
        for start in starts
    )


@st.composite
def rows(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    chosen = draw(st.lists(st.sampled_from(PREFIXES), min_size=1, unique=True))
    return {
        prefix: {
            "fee": draw(decimals),
            "most": draw(st.none() | decimals),
            "steps": draw(steps()),
        }
        for prefix in chosen
    }


def reference(
    card: dict[str, dict[str, Any]], number: str, quantity: Decimal, places: int | None
) -> Fraction | None:
    """The amount of one event; None: no row matches."""
    found = [prefix for prefix in card if number.startswith(prefix)]
    if not found:
        return None
    row = card[max(found, key=len)]
    if quantity == 0:
        return Fraction(0)
    at, total = Fraction(0), Fraction(row["fee"])
    while at < quantity:
        step = [one for one in row["steps"] if one.start <= at][-1]
        total += Fraction(step.price) * Fraction(step.increment) / Fraction(step.per)
        at += Fraction(step.increment)
    if row["most"] is not None:
        total = min(total, Fraction(row["most"]))
    return total if places is None else Fraction(round_fraction(total, places))


@settings(max_examples=80, deadline=None)
@given(
    card=rows(),
    events=st.lists(
        st.tuples(
            st.sampled_from(["39312", "3", "4420", "449", "7", "81", ""]),
            st.one_of(st.integers(0, 700).map(Decimal), st.decimals(0, 90, places=1)),
        ),
        min_size=1,
        max_size=8,
    ),
    places=st.sampled_from([None, 2, 4]),
)
def test_columns_agree_with_the_reference(
    card: dict[str, dict[str, Any]], events: list[tuple[str, Decimal]], places: int | None
) -> None:
    lists = tuple(row["steps"] for row in card.values())
    frame = pl.DataFrame(
        {
            "key0": list(card),
            "band": [None] * len(card),
            "connection_fee": [row["fee"] for row in card.values()],
            "max_charge": [row["most"] for row in card.values()],
            "effective": [None] * len(card),
            "steps": list(range(len(card))),
        },
        schema={"key0": pl.String, **ROW_SCHEMA},
    )
    compiled = RateCard(
        code="c", keys=(KeyField(field="to"),), rows=frame, steps=lists,
        rounding=None if places is None else "half_up", places=places or 0,
    )  # fmt: skip
    price = Price(
        id=7, plan_version_id=3, code="p", name="P", kind="usage", model="rate_card", meter="m",
        parameters=model("rate_card").parameters.model_validate({"card": "c"}),
    )  # fmt: skip
    meter = Meter(code="m", aggregation="sum", value="duration", unit="second")
    tariff = compile_tariff([price], {"m": meter}, {}, [compiled])
    usage = pl.DataFrame(
        {
            "row": list(range(len(events))),
            "plan_version_id": [3] * len(events),
            "meter": ["m"] * len(events),
            "start": [START] * len(events),
            "duration_us": [None] * len(events),
            "quantity": [quantity for _, quantity in events],
            "to": [number or None for number, _ in events],
        },
        schema={
            "row": pl.UInt32, "plan_version_id": pl.Int64, "meter": pl.String,
            "start": pl.Datetime("us", "UTC"), "duration_us": pl.Int64,
            "quantity": pl.Decimal(38, 10), "to": pl.String,
        },
    )  # fmt: skip
    outcome = rate(usage, tariff)
    made = {
        row: Fraction(amount) / denominator
        for row, amount, denominator in outcome.rated.select("row", "amount", "denominator").rows()
    }
    expected = {
        n: amount
        for n, (number, quantity) in enumerate(events)
        if (amount := reference(card, number, quantity, places)) is not None
    }
    assert made == expected
    assert set(outcome.rejects["row"]) == set(range(len(events))) - set(expected)
    assert set(outcome.rejects["reason"]) <= {"unknown_destination"}
