"""Spreading a bill's usage over its records, as a property: nothing is lost, whatever the lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from meterline.portal.spread import parts, spread

START = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA: dict[str, Any] = {
    "subscription_id": pl.Int64, "price_id": pl.Int64, "start": pl.Datetime("us", "UTC"),
    "quantity": pl.Decimal(38, 10), "covered": pl.Decimal(38, 10), "season": pl.String,
    "band": pl.String, "by_value": pl.String, "amount": pl.Decimal(38, 10),
    "denominator": pl.Int64,
}  # fmt: skip
amounts = st.decimals(-500, 500, places=2)
lines = st.lists(
    st.fixed_dictionaries(
        {
            "price_id": st.integers(1, 3), "amount": amounts,
            "kind": st.sampled_from(["usage", "usage", "recurring", "discount", "one_time"]),
            "band": st.sampled_from([None, "peak"]),
            "inputs": st.sampled_from([None, {}, {"before": "1.00"}]),
        }
    ),
    max_size=6,
)  # fmt: skip
records = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 40_000), st.decimals(-3, 3, places=3),
              st.decimals(-1, 9, places=4), st.sampled_from([None, "peak"]), st.integers(1, 7)),
    max_size=30,
)  # fmt: skip


def made(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "price_code": f"p{line['price_id']}", "name": "x", "subscription_id": 1, "season": None,
        "by_value": None, "start_at": START, "end_at": START + timedelta(days=31), **line,
    }  # fmt: skip


@given(lines, records, st.sampled_from(["1h", "1d"]), amounts)
def test_pieces_add_up_to_the_lines_of_usage(
    found: list[Any], used: list[Any], every: Any, tax: Decimal
) -> None:
    charged = [made(line) for line in found]
    frame = pl.DataFrame(
        [
            {"subscription_id": 1, "price_id": price, "start": START + timedelta(minutes=minute),
             "quantity": quantity, "covered": Decimal(0), "band": band, "amount": rated,
             "denominator": denominator}
            for price, minute, quantity, rated, band, denominator in used
        ],
        schema=SCHEMA,
    )  # fmt: skip
    pieces = spread(charged, frame, every, "Europe/Rome", "EUR")
    whole = parts(charged, tax)
    assert sum((piece.amount for piece in pieces), Decimal(0)) == whole.get("usage", Decimal(0))
    assert sum(whole.values(), Decimal(0)) == sum((one["amount"] for one in charged), tax)
    for piece in pieces:
        assert piece.amount.as_tuple().exponent == -2
        assert piece.at is None or (piece.at.minute == 0 and (every == "1h" or piece.at.hour == 0))
