"""time_of_use and demand: columns agree with a reference that goes interval by interval."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline import pricing
from meterline.kernel.calendar import Band, CalendarSpec, Season
from meterline.pricing.price import Meter, Price
from meterline.pricing.registry import model

START = datetime(2026, 6, 1, tzinfo=UTC)
CALENDAR = CalendarSpec(
    code="c", timezone="UTC",
    seasons=(Season(name="summer", start=(6, 16), end=(10, 1)),
             Season(name="winter", start=None, end=None)),
    bands=(Band(name="peak", start=time(8), end=time(20)), Band(name="rest")),
)  # fmt: skip
ROW: dict[str, Any] = {
    "line": pl.UInt32, "season": pl.String, "band": pl.String, "by_value": pl.String,
    "quantity": pl.Decimal(38, 10), "events": pl.Int64, "amount": pl.Decimal(38, 20),
    "denominator": pl.Int64, "days": pl.Int32, "demand": pl.Decimal(38, 10),
}  # fmt: skip
INSTANT = pl.Datetime("us", "UTC")
TIERS = [{"up_to": 30, "unit_amount": "0.3", "flat_amount": 2}, {"unit_amount": "0.07"}]
RATES = {
    "summer.peak": {"unit_amount": 3}, "winter.peak": {"unit_amount": 2},
    "summer.rest": {"tiers": TIERS}, "rest": {"tiers": TIERS},
}  # fmt: skip
quantities = st.decimals(0, 100, places=3)


def price_of(name: str, parameters: dict[str, Any], **fields: Any) -> Price:
    return Price(
        id=1, plan_version_id=1, code="p", name="P", kind="usage", model=name, meter="m",
        parameters=model(name).parameters.model_validate(parameters), **fields,
    )  # fmt: skip


def tiered(quantity: Fraction) -> Fraction:
    low = min(quantity, Fraction(30)) * Fraction("0.3") + 2
    return low + max(quantity - 30, Fraction(0)) * Fraction("0.07")


@pytest.mark.parametrize("across", ["per_band", "pro_rata"])
@settings(max_examples=60, deadline=None)
@given(used=st.dictionaries(
    st.tuples(st.sampled_from(["summer", "winter"]), st.sampled_from(["peak", "rest"])),
    quantities, min_size=1,
))  # fmt: skip
def test_time_of_use(across: str, used: dict[tuple[str, str], Decimal]) -> None:
    parameters = {"calendar": "c", "rates": RATES, "tiers_across_bands": across}
    price = price_of("time_of_use", parameters)
    rows = [
        {"line": 0, "season": season, "band": band, "by_value": None, "quantity": quantity,
         "events": 1, "amount": 0, "denominator": 1, "days": 30, "demand": None}
        for (season, band), quantity in used.items()
    ]  # fmt: skip
    made = pricing.charge(price, pl.DataFrame(rows, schema=ROW), calendars={})
    total = sum(map(Fraction, used.values()), Fraction(0))
    expected: dict[tuple[str | None, str], Fraction] = {}
    for (season, band), quantity in used.items():
        if band == "peak":
            rate = 3 if season == "summer" else 2
            expected[season, band] = Fraction(quantity) * rate
            continue
        rest = sum((Fraction(q) for (_, b), q in used.items() if b == "rest"), Fraction(0))
        if across == "per_band":
            expected[None, band] = tiered(rest)
        else:
            expected[None, band] = tiered(total) * rest / total if total else Fraction(0)
    found = {
        (row["season"], row["band"]): Fraction(row["amount"]) / row["denominator"]
        for row in made.iter_rows(named=True)
    }
    assert found == expected
    texts = [{name: None if v is None else str(v) for name, v in row.items()} for row in rows]
    for (season, band), amount in expected.items():
        told = pricing.explain(
            price,
            {"rows": texts, "season": season, "band": band, "by_value": None, "quantity": "0",
             "share": "1/1", "exact": "0/1", "rounding": "half_up", "decimals": 10},
        )  # fmt: skip
        assert abs(Fraction(told.amount) - amount) <= Fraction(1, 2 * 10**10)


def records(rows: list[tuple[int, int, Decimal]], value: str | None = None) -> pl.DataFrame:
    """Readings of (minute, length in minutes, quantity)."""
    found = [
        {"line": 0, "start": START + timedelta(minutes=at), "quantity": quantity, "season": None,
         "end": START + timedelta(minutes=at + long), "band": None, "by_value": value}
        for at, long, quantity in rows
    ]  # fmt: skip
    schema: dict[str, Any] = {
        "line": pl.UInt32, "start": INSTANT, "quantity": pl.Decimal(38, 10), "season": pl.String,
        "end": INSTANT, "band": pl.String, "by_value": pl.String,
    }  # fmt: skip
    return pl.DataFrame(found, schema=schema)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 60 * 24 * 29),
            st.sampled_from([5, 10, 15, 30, 60]),
            st.integers(0, 10**6).map(lambda n: Decimal(n) * 12 / 100),
        ),
        max_size=6,
    ),
    window=st.sampled_from([15, 30, 60]),
    bands=st.sampled_from([None, ("peak",)]),
)
def test_demand_is_the_highest_window(
    rows: list[tuple[int, int, Decimal]], window: int, bands: tuple[str, ...] | None
) -> None:
    parameters = {"unit_amount": 1, "calendar": "c", "bands": bands, "window": f"{window} min"}
    meter = Meter(code="m", aggregation="sum", value="v")
    price = price_of("demand", parameters)
    lines = pl.DataFrame(
        {"line": [0], "start_at": [START]}, schema={"line": pl.UInt32, "start_at": INSTANT}
    )
    made = pricing.measure(price, records(rows), lines, meter=meter, calendars={"c": CALENDAR})
    energy: dict[int, Fraction] = {}
    for at, long, quantity in rows:
        for minute in range(at, at + long):
            number = minute // window
            energy[number] = energy.get(number, Fraction(0)) + Fraction(quantity) / long
    powers = [
        total * 60 / window
        for number, total in energy.items()
        if bands is None or 8 <= number * window % 1440 // 60 < 20
    ]
    (quantity,) = made["quantity"]
    assert abs(Fraction(quantity) - max(powers, default=Fraction(0))) < Fraction(12, 10**10)


def test_a_ratchet_of_each_value_looks_at_its_own_peaks() -> None:
    price = price_of("demand", {"unit_amount": 1, "ratchet": {"percent": 80, "months": 2}})
    months = [date(2026, month, 1) for month in (1, 2, 3, 4)]
    peaks = {"a": [100, 10, 90, 1], "b": [5, 1, 1, 1]}
    frame = pl.DataFrame(
        [
            {"line": number, "subscription_id": 1, "period_start": month, "season": None,
             "by_value": value, "quantity": Decimal(peak)}
            for value, of in peaks.items()
            for number, (month, peak) in enumerate(zip(months, of, strict=True))
        ],
        schema_overrides={"quantity": pl.Decimal(38, 10), "season": pl.String},
    )  # fmt: skip
    billed = pricing.billed_quantity(price, frame).sort("by_value", "period_start")
    assert billed["quantity"].to_list() == [100, 80, 90, 72, 5, 4, 4, 1]
