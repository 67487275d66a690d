"""Discounts on columns against a reference that goes line by line; what always holds of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.billing.charges import discount
from meterline.billing.frames import ACCOUNTS, DISCOUNTS, PHASES, PROPOSED, TAXES, TOTALS, Snapshot
from meterline.kernel.cycle import BillingDay
from meterline.kernel.money import round_amount, split
from meterline.pricing.parameters import Parameters
from meterline.pricing.price import Price

START = datetime(2026, 1, 1, tzinfo=UTC)
MONTHS = (START, START + timedelta(days=31), START + timedelta(days=59))
PLANS = {10: "a", 11: "b"}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A charge of a month: `price` 0 in advance, 1 and 2 in arrears, 3 at the month's start."""

    subscription: int  # 1 and 2 are on account 1, 3 on account 2
    price: int
    month: int
    cents: int
    half: bool

    @property
    def version(self) -> int:
        return 10 if self.subscription < 3 else 11

    @property
    def code(self) -> str:
        return f"p{self.price}"

    @property
    def account(self) -> int:
        return 1 if self.subscription < 3 else 2

    @property
    def early(self) -> bool:
        return self.price in (0, 3)

    @property
    def start(self) -> datetime:
        return MONTHS[self.month]

    @property
    def end(self) -> datetime:
        return self.start if self.price == 3 else MONTHS[self.month + 1]

    def row(self) -> dict[str, Any]:
        kind = ("recurring", "recurring", "usage", "one_time")[self.price]
        return {
            "account_id": self.account, "subscription_id": self.subscription,
            "plan_version_id": self.version, "price_id": self.version * 10 + self.price,
            "price_code": self.code, "name": self.code, "kind": kind, "start_at": self.start,
            "end_at": self.end, "amount": Decimal(self.cents) / 100, "advance": self.price == 0,
            "track": f"{kind}|{self.code}|{self.month}",
            "inputs": f'{{"share":"{"1/2" if self.half else "1/1"}"}}',
        }  # fmt: skip


lines = st.lists(
    st.builds(
        Line, subscription=st.integers(1, 3), price=st.integers(0, 3), month=st.integers(0, 1),
        cents=st.integers(-300, 3000).filter(bool), half=st.booleans(),
    ),
    min_size=1, max_size=12, unique_by=lambda line: (line.subscription, line.price, line.month),
)  # fmt: skip


@st.composite
def discounts(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Discounts of the accounts' holders; each has its own position."""
    found = []
    for position in range(1, draw(st.integers(1, 4)) + 1):
        on_invoice, fixed = draw(st.booleans()), draw(st.booleans())
        common = {
            "position": position, "discount_code": f"d{position}",
            "percent": None if fixed else Decimal(draw(st.integers(1, 100))),
            "amount": Decimal(draw(st.integers(1, 4000))) / 100 if fixed else None,
            "applies_to": [] if on_invoice else draw(
                st.lists(st.sampled_from(["p0", "p1", "p2", "p3"]), max_size=3, unique=True)
            ),
            "plans": [] if on_invoice else draw(st.sampled_from([[], ["a"], ["b"]])),
            "on_invoice": on_invoice, "periods": None,
            "since_at": draw(st.sampled_from(MONTHS[:2])), "until_at": None,
            "stacking": draw(st.sampled_from([1, 2])), "of_gross": draw(st.booleans()),
            "exclusive": draw(st.sampled_from([False, False, True])),
        }  # fmt: skip
        holder = draw(st.sampled_from(["account", "subscription"]))
        for subscription in (1, 2) if holder == "account" else (draw(st.integers(1, 3)),):
            found.append(
                {
                    "account_id": 1 if subscription < 3 else 2, "subscription_id": subscription,
                    "of_account": holder == "account", **common,
                }
            )  # fmt: skip
    return found


def snapshot(given: list[dict[str, Any]]) -> Snapshot:
    accounts = pl.DataFrame(
        [{"account_id": number, "currency": "EUR", "timezone": "UTC"} for number in (1, 2)],
        schema=ACCOUNTS,
    )
    prices = [
        Price(
            id=version * 10 + number, plan_version_id=version, plan=plan, code=f"p{number}",
            name=f"p{number}", kind="recurring", model="flat", parameters=Parameters(),
        )
        for version, plan in PLANS.items()
        for number in range(4)
    ]  # fmt: skip
    phases = [
        {
            "subscription_id": number, "account_id": 1 if number < 3 else 2, "started_at": START,
            "start_at": START, "plan_version_id": 10 if number < 3 else 11, "quantity": 1,
            "state": "active", "charge_start": START.date(),
        }
        for number in (1, 2, 3)
    ]  # fmt: skip
    days = [BillingDay(date(1, 1, 1), 1)]
    return Snapshot(
        progressive=False, accounts=accounts, billing_days={1: days, 2: days},
        phases=pl.DataFrame(phases, schema=PHASES), prices=prices, minimums=[], commitments=[],
        early_fees=[], meters={}, calendars={}, taxes=pl.DataFrame(schema=TAXES),
        totals=pl.DataFrame(schema=TOTALS), covered=pl.DataFrame(), detail=pl.DataFrame(),
        discounts=pl.DataFrame(given, schema=DISCOUNTS), billed=pl.DataFrame(),
    )  # fmt: skip


def reference(drawn: list[Line], given: list[dict[str, Any]]) -> dict[tuple[str, Line], Decimal]:
    """What each discount takes off each line, discount by discount, group by group."""
    gross = {line: Decimal(line.cents) / 100 for line in drawn}
    left, closed, made = dict(gross), set(), {}
    order = {
        (not one["exclusive"], one["stacking"], one["of_account"], one["position"]): one
        for one in given
    }
    for key in sorted(order):
        one = order[key]
        holders = {row["subscription_id"] for row in given if row["position"] == one["position"]}
        fits = [
            line for line in drawn
            if line.subscription in holders and left[line] > 0 and line not in closed
            and line.start >= one["since_at"]
            and (not one["applies_to"] or line.code in one["applies_to"])
            and (not one["plans"] or PLANS[line.version] in one["plans"])
        ]  # fmt: skip
        base = gross if one["of_gross"] else left
        for line, off in _taken(one, fits, base, left).items():
            if off:
                made[one["discount_code"], line] = -off
                left[line] -= off
                closed |= {line} if one["exclusive"] else set()
    return made


def _taken(
    one: dict[str, Any], fits: list[Line], base: dict[Line, Decimal], left: dict[Line, Decimal]
) -> dict[Line, Decimal]:
    percent, amount = one["percent"], one["amount"]
    if percent is not None and not one["on_invoice"]:
        exact = {line: Fraction(base[line]) * Fraction(percent) / 100 for line in fits}
        return {line: min(round_amount(off, "EUR"), left[line]) for line, off in exact.items()}
    groups: dict[Any, list[Line]] = defaultdict(list)
    for line in sorted(fits, key=lambda line: (line.subscription, line.code, line.start)):
        holder = "account" if one["of_account"] else line.subscription
        due = line.start if line.early else line.end
        groups[holder, due if one["on_invoice"] else line.month].append(line)
    found: dict[Line, Decimal] = {}
    for (holder, month), group in groups.items():
        before = [] if one["on_invoice"] else groups.get((holder, month - 1), [])
        alone = all(line.price == 3 for line in group)
        if percent is None and alone and any(line.price != 3 for line in before):
            continue  # what is due at the end of a period has its day's amount from that
        if percent is not None:
            together = sum((Fraction(base[line]) for line in group), Fraction(0))
            exact_sum = together * Fraction(percent) / 100
            classes = [group]
        else:
            # what is due at a moment is not prorated
            halved = not one["on_invoice"] and any(line.half for line in group)
            exact_sum = Fraction(amount) / (2 if halved else 1)
            classes = [[x for x in group if x.early], [x for x in group if not x.early]]
        whole = round_amount(exact_sum, "EUR")
        for part in classes:
            room = sum((left[line] for line in part), Decimal(0))
            taken = min(whole, room)
            if part and taken:
                parts = split(taken, [left[line] for line in part], "EUR")
                found |= dict(zip(part, parts, strict=True))
            whole -= taken
    return found


@settings(deadline=None, max_examples=60)
@given(lines, discounts())
def test_columns_take_off_like_line_by_line(drawn: list[Line], given: list[dict[str, Any]]) -> None:
    rows = pl.DataFrame([line.row() for line in drawn], schema=PROPOSED)
    made = discount.propose(snapshot(given), rows)
    expected = reference(drawn, given)
    found = {}
    for row in made.iter_rows(named=True):
        _, code, track = row["track"].split("|", 2)
        found[row["subscription_id"], code.removesuffix("@account"), track] = row["amount"]
    assert found == {
        (line.subscription, code, line.row()["track"]): amount
        for (code, line), amount in expected.items()
    }
    for line in drawn:  # never more than there is, and nothing of credits
        off = sum(amount for (_, one), amount in expected.items() if one == line)
        assert 0 >= off >= -max(Decimal(line.cents) / 100, Decimal(0))
