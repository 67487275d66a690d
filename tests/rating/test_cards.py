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
from meterline.rating.destination import UNKNOWN, Destinations
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
            "property:to": [number or None for number, _ in events],
        },
        schema={
            "row": pl.UInt32, "plan_version_id": pl.Int64, "meter": pl.String,
            "start": pl.Datetime("us", "UTC"), "duration_us": pl.Int64,
            "quantity": pl.Decimal(38, 10), "property:to": pl.String,
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


LARGE = "9999999999999999.9999999999"


def one(price: str, per: int, quantity: str) -> pl.DataFrame | str:
    """A record of a quantity at a price, beside one of a tiny quantity; or why it is refused."""
    row = pl.DataFrame(
        {"key0": ["*"], "band": [None], "connection_fee": [Decimal(0)], "max_charge": [None],
         "effective": [None], "steps": [0]},
        schema={"key0": pl.String, **ROW_SCHEMA},
    )  # fmt: skip
    step = Step(
        start=Decimal(0), price=Decimal(price), per=Decimal(per), increment=Decimal("0.0000000001")
    )
    card = RateCard(code="c", keys=(KeyField(field="to", match="exact"),), rows=row,
                    steps=((step,),))  # fmt: skip
    tariff_price = Price(
        id=7, plan_version_id=3, code="p", name="P", kind="usage", model="rate_card", meter="m",
        parameters=model("rate_card").parameters.model_validate({"card": "c"}),
    )  # fmt: skip
    meter = Meter(code="m", aggregation="sum", value="mb")
    usage = pl.DataFrame(
        {"row": [0, 1], "plan_version_id": [3, 3], "meter": ["m", "m"], "start": [START, START],
         "duration_us": [None, None], "quantity": [Decimal(quantity), Decimal("0.0000000001")],
         "property:to": ["x", "x"]},
        schema_overrides={"row": pl.UInt32, "duration_us": pl.Int64,
                          "quantity": pl.Decimal(38, 10),
                          "start": pl.Datetime("us", "UTC")},
    )  # fmt: skip
    made = rate(usage, compile_tariff([tariff_price], {"m": meter}, {}, [card]))
    assert made.rated.height + made.rejects.height == 2
    refused = made.rejects.filter(pl.col("row") == 0)
    return refused["reason"][0] if refused.height else made.rated.filter(pl.col("row") == 0)


@settings(max_examples=60, deadline=None)
@given(
    price=st.sampled_from(["0.0000000001", "0.07", "123456.0000000001", LARGE]),
    per=st.sampled_from([1, 7, 60]),
    quantity=st.one_of(
        st.sampled_from(["0.0000000001", "1.5", "400000000", LARGE]),
        st.decimals(0, 10**9, places=10).map(str),
    ),
)
def test_many_digits_are_exact_or_refused(price: str, per: int, quantity: str) -> None:
    made = one(price, per, quantity)
    exact = Fraction(price) * Fraction(quantity) / per
    if isinstance(made, str):
        assert made == "invalid_quantity"
        assert Fraction(quantity) > 10**8 or exact > 10**15
    else:
        amount, denominator = made.select("amount", "denominator").row(0)
        assert Fraction(amount) / denominator == exact


@settings(max_examples=100, deadline=None)
@given(
    keys=st.lists(
        st.tuples(st.sampled_from(["4", "44", "442", "*"]), st.sampled_from(["a", "ab", "*"])),
        min_size=1, unique=True,
    ),
    called=st.sampled_from(["44", "4420", "4", "+44", "5", ""]),
    zone=st.sampled_from(["a", "ab", "abc", ""]),
)  # fmt: skip
def test_keys_of_two_fields_match_the_longest_of_the_first(
    keys: list[tuple[str, str]], called: str, zone: str
) -> None:
    def length(key: str, value: str, prefix: bool) -> int:
        if key == "*":
            return 0
        return len(key) if (value.startswith(key) if prefix else value == key) else -1

    ranked = [(length(a, called, True), length(b, zone, False), n) for n, (a, b) in enumerate(keys)]
    matching = [one for one in ranked if min(one[:2]) >= 0]
    fields = (KeyField(field="to"), KeyField(field="zone", match="exact"))
    found = Destinations(fields, {key: n for n, key in enumerate(keys)}).find(
        pl.DataFrame({"a": [called or None], "b": [zone or None]}), ["a", "b"]
    )
    assert found.tolist() == [max(matching)[2] if matching else UNKNOWN]
