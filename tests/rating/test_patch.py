"""A compiled card that takes a new version rates as one that is compiled whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from time import perf_counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.rating import patch
from meterline.rating.card import ROW_SCHEMA, KeyField, RateCard, Step, intern_steps
from meterline.rating.charge import charge_events
from meterline.rating.compiled import CompiledCard, compile_card

FIRST, CHANGE = date(1, 1, 1), date(2026, 5, 1)
PREFIXES = ("3", "39", "393", "44", "4420", "7", "*")
Row = tuple[str, Decimal, Decimal, Decimal | None, date | None, int]  # ..., increment

rows = st.lists(
    st.tuples(
        st.sampled_from(PREFIXES),
        st.sampled_from([Decimal("0"), Decimal("0.05")]),
        st.one_of(st.integers(0, 9).map(Decimal), st.decimals(0, 1, places=5)),
        st.sampled_from([None, Decimal(3)]),
        st.sampled_from([None, date(2026, 4, 1), date(2026, 6, 1)]),
        st.sampled_from([1, 7, 60]),
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda row: (row[0], row[4]),
)


def card_of(found: list[Row], valid_from: date = FIRST, **fields: Any) -> RateCard:
    indexes, lists = intern_steps(
        [
            [Step(start=Decimal(0), price=price, per=Decimal(60), increment=Decimal(increment)),
             Step(start=Decimal(90), price=price, per=Decimal(7), increment=Decimal(1))]
            for _, _, price, _, _, increment in found
        ]
    )  # fmt: skip
    frame = pl.DataFrame(
        {
            "key0": [row[0] for row in found], "band": [None] * len(found),
            "connection_fee": [row[1] for row in found], "max_charge": [row[3] for row in found],
            "effective": [row[4] for row in found], "steps": indexes,
        },
        schema={"key0": pl.String, **ROW_SCHEMA},
    )  # fmt: skip
    return RateCard(
        code="c", keys=(KeyField(field="to"),), rows=frame, steps=lists, valid_from=valid_from,
        **fields,
    )  # fmt: skip


def rated(compiled: CompiledCard) -> list[Fraction | None]:
    """Calls of a minute and a half and more to everywhere, before and after each date."""
    days = [datetime(2026, month, day, 12, tzinfo=UTC) for month in (3, 4, 5, 6) for day in (1, 30)]
    numbers = ["3", "391", "39312", "44", "442", "44201", "7", "81", "x"]
    events = [(day, number, long) for day in days for number in numbers for long in (0, 61, 250)]
    starts, called, lengths = zip(*events, strict=True)
    made = charge_events(
        compiled, pl.Series(starts).cast(pl.Datetime("us", "UTC")),
        pl.Series(lengths).cast(pl.Decimal(38, 10)), pl.DataFrame({"key0": called}), True,
    )  # fmt: skip
    return [
        Fraction(amount) / denominator if known else None
        for amount, denominator, known in zip(
            made.amount, made.denominator, made.known.tolist(), strict=True
        )
    ]


@settings(max_examples=60, deadline=None)
@given(old=rows, new=rows, next_one=rows, used=st.booleans())
def test_patched_rates_as_compiled(
    old: list[Row], new: list[Row], next_one: list[Row], used: bool
) -> None:
    versions = [card_of(old), card_of(new, CHANGE), card_of(next_one, CHANGE + timedelta(days=40))]
    compiled = compile_card(versions[:1], {})
    if used:
        rated(compiled)  # its tables of steps are there, and are taken over
    for number, card in enumerate(versions[1:], start=2):
        keys = patch.changed_keys(versions[number - 2], card)
        made = patch.patched(compiled, card, keys)
        assert made is not None
        compiled = made
        assert rated(compiled) == rated(compile_card(versions[:number], {}))


ROW: Row = ("39", Decimal(0), Decimal(1), None, None, 1)


@pytest.mark.parametrize(
    "card",
    [
        card_of([ROW], CHANGE, rounding="half_up"),
        card_of([ROW], CHANGE, quantity_field="mb"),
        card_of([ROW], FIRST, calendar="c"),
    ],
)
def test_what_is_more_than_rows_is_compiled_whole(card: RateCard) -> None:
    compiled = compile_card([card_of([ROW])], {})
    assert patch.patched(compiled, card, card.rows.select("key0")) is None


def test_a_version_from_before_the_newest_is_compiled_whole() -> None:
    compiled = compile_card([card_of([ROW]), card_of([ROW], CHANGE)], {})
    assert (
        patch.patched(compiled, card_of([ROW], FIRST), card_of([ROW]).rows.select("key0")) is None
    )


def test_one_row_of_a_large_deck_is_in_force_much_sooner_than_the_deck_compiles() -> None:
    deck = [(str(n), *ROW[1:]) for n in range(10_000, 40_000)]
    versions = [card_of(deck), card_of([("10001", *ROW[1:5], 60), *deck[2:], deck[0]], CHANGE)]
    started = perf_counter()
    compiled = compile_card(versions[:1], {})
    compiled.table(0)
    whole = perf_counter() - started
    keys = patch.changed_keys(*versions)
    assert keys["key0"].to_list() == ["10001"]
    started = perf_counter()
    made = patch.patched(compiled, versions[1], keys)
    taken = perf_counter() - started
    assert made is not None
    assert 0 in made.tables
    assert taken < whole / 5
    number = pl.DataFrame({"key0": ["100012"]})
    for day, increment in ((date(2026, 4, 1), 1), (CHANGE, 60)):
        start = pl.Series([datetime(day.year, day.month, day.day, tzinfo=UTC)])
        one = charge_events(made, start.cast(pl.Datetime("us", "UTC")),
                            pl.Series([61]).cast(pl.Decimal(38, 10)), number, True)  # fmt: skip
        assert Fraction(one.amount[0]) / one.denominator[0] == Fraction(
            -(-61 // increment) * increment, 60
        )
