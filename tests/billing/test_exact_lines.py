"""Lines are exact before they are rounded, however fine shares and denominators are."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline import pricing
from meterline.billing.frames import price_frame
from meterline.billing.price_lines import LINES, ROWS, price_lines
from meterline.billing.snapshot import join_denominators
from meterline.kernel.explain import evaluate
from meterline.kernel.money import round_fraction
from meterline.pricing.columns import AmountTooLarge
from meterline.pricing.price import Limit, Price
from meterline.pricing.registry import model

START, END = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
A_YEAR = 31_536_000_000_000  # in microseconds
amounts = st.decimals(0, 10**9, places=4)


class Of:
    """What `price_lines` looks at of a snapshot."""

    def __init__(self, price: Price) -> None:
        self.prices = [price]
        self.calendars: dict[str, Any] = {}
        self.price_columns = price_frame([price])


def price_of(name: str, limits: dict[str, Any], **parameters: Any) -> Price:
    return Price(
        id=1, plan_version_id=1, code="p", name="P", kind="usage", model=name, meter="m",
        parameters=model(name).parameters.model_validate(parameters), **limits,
    )  # fmt: skip


def line(share: Fraction, days: int) -> pl.DataFrame:
    row = {
        "line": 0, "account_id": 1, "subscription_id": 1, "plan_version_id": 1, "price_id": 1,
        "start_at": START, "end_at": END, "days": days, "track": "t",
        **{f"{of}_{part}": getattr(share, part) for of in ("share", "limit")
           for part in ("numerator", "denominator")},
    }  # fmt: skip
    return pl.DataFrame([row], schema=LINES)


def rows(parts: list[tuple[str, Decimal, Decimal, int]], days: int) -> pl.DataFrame:
    found = [
        {"line": 0, "band": band, "quantity": quantity, "events": 1, "amount": amount,
         "denominator": denominator, "days": days}
        for band, quantity, amount, denominator in parts
    ]  # fmt: skip
    return pl.DataFrame(found, schema=ROWS).with_columns(divisor=pl.lit(1, pl.Int64))


shares = st.integers(1, A_YEAR).flatmap(
    lambda whole: st.integers(1, whole).map(lambda part: Fraction(part, whole))
)
limits = st.fixed_dictionaries(
    {},
    optional={
        "minimum_amount": st.builds(
            lambda amount, per_day: Limit(amount=amount, per_day=per_day), amounts, st.booleans()
        ),
        "maximum_amount": amounts.map(lambda amount: Limit(amount=amount)),
    },
)


@settings(max_examples=300)
@given(
    share=shares, limits=limits, amount=amounts, days=st.integers(1, 400),
    denominator=st.integers(1, 2**50),
)  # fmt: skip
def test_a_line_is_exact_until_it_is_rounded(
    share: Fraction, limits: dict[str, Limit], amount: Decimal, days: int, denominator: int
) -> None:
    price = price_of("rate_card", limits, card="c")
    used = rows([(None, Decimal(1), amount, denominator)], days)  # type: ignore[list-item]
    exact = Fraction(amount) / denominator * share
    for name, choose in (("minimum_amount", max), ("maximum_amount", min)):
        if name in limits:
            part = days if limits[name].per_day else share
            exact = choose(exact, Fraction(limits[name].amount) * part)
    made = price_lines(line(share, days), used, Of(price))  # type: ignore[arg-type]
    wanted = round_fraction(exact, 2)
    assert made["amount"].to_list() == ([wanted] if wanted else [])
    for inputs in made["inputs"]:
        told = pricing.explain(price, json.loads(inputs))
        assert told.amount == wanted == evaluate(told.expression)


def test_bands_share_a_limit_however_fine_the_share_is() -> None:
    price = price_of("rate_card", {"maximum_amount": Limit(amount=Decimal(10**6))}, card="c",
                     split="band")  # fmt: skip
    share = Fraction(A_YEAR // 2 - 1, A_YEAR)
    parts = [("day", Decimal(1), Decimal(10**9), 7), ("night", Decimal(1), Decimal("0.07"), 7)]
    made = price_lines(line(share, 30), rows(parts, 30), Of(price))  # type: ignore[arg-type]
    assert sum(made["amount"]) == round_fraction(Fraction(10**6) * share, 2)


@settings(max_examples=200)
@given(parts=st.lists(st.decimals(0, 9, places=4), min_size=2, max_size=4), least=st.booleans())
def test_bands_come_to_the_limit_that_holds(parts: list[Decimal], least: bool) -> None:
    name = "minimum_amount" if least else "maximum_amount"
    price = price_of("rate_card", {name: Limit(amount=Decimal(10))}, card="c", split="band")
    used = rows([(f"b{i}", Decimal(1), one, 1) for i, one in enumerate(parts)], 30)
    made = price_lines(line(Fraction(1), 30), used, Of(price))  # type: ignore[arg-type]
    if sum(parts) < 10 if least else sum(parts) > 10:
        assert sum(made["amount"]) == 10


def test_usage_over_different_denominators_adds_up_exactly() -> None:
    fine = Decimal("923456789012345678.12345678901234567891")
    keys = {"subscription_id": 1, "price_id": 1, "period_start": date(2026, 4, 1), "season": None,
            "band": None, "by_value": None, "events": 1, "quantity": Decimal(1)}  # fmt: skip
    frame = pl.DataFrame(
        [keys | {"amount": fine, "denominator": 11}, keys | {"amount": fine, "denominator": 13}],
        schema_overrides={"amount": pl.Decimal(38, 20), "season": pl.String, "band": pl.String,
                          "by_value": pl.String, "quantity": pl.Decimal(38, 10)},
    )  # fmt: skip
    with pytest.raises(AmountTooLarge):  # 24 x 923... / 143 has more digits than columns hold
        join_denominators(frame)
    other = Decimal("1234567890123.12345678901234567891")  # 33 digits
    small = frame.with_columns(amount=pl.lit(other, pl.Decimal(38, 20)))
    ((amount, denominator),) = join_denominators(small).select("amount", "denominator").rows()
    exact = sum(Fraction(a) / d for a, d in small.select("amount", "denominator").rows())
    assert Fraction(amount) / denominator == exact
