"""Allowances through the real services: whatever arrives when, as if all had come in order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from billing.world import rows, undone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.catalog import services as catalog
from meterline.catalog.files import parse_data
from meterline.catalog.yaml import load_all
from meterline.customers import services as customers
from meterline.platform import clock
from meterline.subscriptions import services as subscriptions
from meterline.usage import services, staging

pytestmark = pytest.mark.django_db

CATALOGUE = """
currency: EUR
timezone: UTC
meters:
  voice: {aggregation: sum, value: duration, unit: second}
  data: {aggregation: sum, value: mb, unit: MB}
rate_cards:
  world:
    key: {field: to, match: prefix}
    rows:
      - {key: ["39"], connection_fee: "0.05", max_charge: "9",
         steps: [{from: 0, price: "0.7", per: 60, increment: 60}, {from: 60, price: "0.1", per: 7}]}
plans:
  main:
    allowances:
      - {code: family, meter: voice, amount: 300, prices: [calls], shared: account, increment: 30,
         priority: 10}
      - {code: own, meter: voice, amount: 150, prices: [calls], priority: 20, prorate: true}
      - {code: megabytes, meter: data, amount: 100, rollover: 1}
      - {code: purse, unit: money, amount: "4", shared: pool}
    prices: &prices
      calls: {kind: usage, meter: voice, model: rate_card, card: world}
      data: {kind: usage, meter: data, model: per_unit, unit_amount: "0.05"}
  extra:
    prices: *prices
"""
FIRST = datetime(2026, 5, 1, tzinfo=UTC)
NOW = datetime(2026, 8, 1, tzinfo=UTC)
Record = dict[str, str]
few = settings(
    max_examples=int(os.environ.get("METERLINE_EXAMPLES", "6")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def set_up() -> None:
    """Account a: s1 with the allowances, s2 without."""
    clock.move_to(NOW)
    document = load_all(CATALOGUE, "test.yaml")[0]
    catalog.apply(
        parse_data(document.data, lines=document.lines, file="test.yaml", at=()),
        effective=datetime(1970, 1, 1, tzinfo=UTC).date(),
    )
    account = customers.create_account(code="a", currency="EUR", timezone="UTC", billing_day=1)
    for code, plan in (("s1", "main"), ("s2", "extra")):
        subscriptions.subscribe(account_id=account.pk, plan=plan, at=FIRST, code=code)


@st.composite
def usage(draw: st.DrawFn) -> list[Record]:
    """Records of two months, in any order."""
    one = st.tuples(
        st.sampled_from(["s1", "s2"]),
        st.integers(0, 60 * 24 * 4),  # quarters of an hour
        st.sampled_from(["voice", "voice", "data"]),
        st.integers(0, 200),
    )
    return [
        {
            "id": f"r{number:02}", "subscription": subscription, "meter": meter, "to": "39123",
            "start": (FIRST + timedelta(minutes=15 * at)).isoformat(),
            "duration": str(size) if meter == "voice" else "0", "mb": str(size),
        }
        for number, (subscription, at, meter, size) in enumerate(
            draw(st.lists(one, min_size=1, max_size=20))
        )
    ]  # fmt: skip


def load(records: Sequence[Record]) -> Any:
    """Load records as one batch."""
    if not records:
        return None
    batch = services.load_records(pl.DataFrame(records), source="test")
    assert batch.records == batch.rated + batch.rejected + batch.duplicates
    return batch


def paid() -> dict[tuple[Any, ...], tuple[Decimal, Fraction]]:
    """Quantity and exact amount to be paid, by subscription, price and period."""
    found: dict[tuple[Any, ...], tuple[Decimal, Fraction]] = {}
    query = """
        SELECT s.code, p.code, t.period_start, t.quantity, t.amount, t.denominator
        FROM usage_total t JOIN subscriptions_subscription s ON s.id = t.subscription_id
        JOIN catalog_price p ON p.id = t.price_id
    """
    for *key, quantity, amount, denominator in rows(query):
        before = found.get(tuple(key), (Decimal(0), Fraction(0)))
        sums = before[0] + quantity, before[1] + Fraction(amount) / denominator
        found[tuple(key)] = sums
    return {key: sums for key, sums in found.items() if sums != (0, 0)}


def drawn() -> dict[tuple[Any, ...], Fraction]:
    """What each price of each subscription took of each lot."""
    found: dict[tuple[Any, ...], Fraction] = {}
    query = """
        SELECT s.code, p.code, d.period_start, d.allowance, d.lot_start,
            coalesce(o.code, ''), d.amount, d.denominator
        FROM usage_drawn d JOIN subscriptions_subscription s ON s.id = d.subscription_id
        JOIN catalog_price p ON p.id = d.price_id
        LEFT JOIN subscriptions_subscription o ON o.id = d.owner_id
    """
    for *key, amount, denominator in rows(query):
        found[tuple(key)] = found.get(tuple(key), Fraction(0)) + Fraction(amount) / denominator
    return {key: amount for key, amount in found.items() if amount}


def reference(records: Sequence[Record]) -> dict[tuple[Any, ...], tuple[Decimal, Fraction]]:
    """Event by event, by hand: what is to be paid."""
    left: dict[Any, Fraction] = {}
    for month in (5, 6, 7):
        left |= {("family", month): Fraction(300), ("own", month): Fraction(150)}
        left |= {("megabytes", month): Fraction(100), ("purse", month): Fraction(4)}
    sums: dict[tuple[Any, ...], tuple[Decimal, Fraction]] = {}
    for one in sorted(records, key=lambda one: (one["start"], one["id"])):
        month, voice = int(one["start"][5:7]), one["meter"] == "voice"
        size = Fraction(one["duration"] if voice else one["mb"])
        lots = [("family", month)] if voice else []
        if one["subscription"] == "s1":
            lots += [("own", month)] if voice else [("megabytes", month - 1), ("megabytes", month)]
        covered = Fraction(0)
        for lot in lots:
            step = 30 if lot[0] == "family" else 1
            units = min(size - covered, left.get(lot, Fraction(0))) // step * step
            if units:
                left[lot] -= units
                covered += units
        cost = call(covered, size) if voice else (size - covered) * Fraction("0.05")
        relief = min(cost, left["purse", month])
        left["purse", month] -= relief
        key = one["subscription"], "calls" if voice else "data"
        period = datetime(2026, month, 1, tzinfo=UTC).date()
        amount = cost - relief if voice else -relief
        before = sums.get((*key, period), (Decimal(0), Fraction(0)))
        sums[*key, period] = (before[0] + Decimal(int(size - covered)), before[1] + amount)
    return {key: value for key, value in sums.items() if value != (0, 0)}


def call(covered: Fraction, size: Fraction) -> Fraction:
    """What a call of so many seconds costs of which some are covered."""
    if covered >= size:
        return Fraction(0)
    amount, at = Fraction("0.05"), covered
    while at < size:
        if at < 60:
            step = 60
            amount += Fraction("0.7")
        else:
            step = 1
            amount += Fraction("0.1") / 7
        at += step
    return min(amount, Fraction(9))


@given(records=usage())
@few
def test_events_draw_in_the_order_of_their_start(records: list[Record], home: Path) -> None:
    with undone():
        set_up()
        load(records)
        assert paid() == reference(records)


@given(data=st.data(), records=usage())
@few
def test_any_order_and_split_of_arrival(
    data: st.DataObject, records: list[Record], home: Path
) -> None:
    delivered = data.draw(st.permutations([*records, *records[:3]]))
    with undone():
        set_up()
        for part in split(data, delivered):
            load(part)
        assert paid() == reference(records)
        late = drawn()
    with undone():
        set_up()
        load(sorted(records, key=lambda one: one["start"]))
        assert drawn() == late


def split(data: st.DataObject, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Records in up to four batches."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=3)))
    for begin, end in zip([0, *cuts], [*cuts, len(records)], strict=True):
        if end > begin:
            yield records[begin:end]


def back_out(records: Sequence[Record]) -> None:
    """Take the last batch out again, and load it anew."""
    batch = load([{**one, "id": f"x{one['id']}"} for one in records])
    services.back_out(batch.pk)


CHANGES = (
    lambda: subscriptions.set_quantity("s1", 2, FIRST + timedelta(days=12)),
    lambda: subscriptions.cancel("s1", FIRST + timedelta(days=40)),
    lambda: subscriptions.pause("s1", FIRST + timedelta(days=8)),
    lambda: subscriptions.resume("s1", FIRST + timedelta(days=11)),
    lambda: subscriptions.change("s2", "main", FIRST + timedelta(days=20), "now"),
    lambda: subscriptions.subscribe(
        account_id=customers.account_by_code("a").pk, plan="main", code="s3",
        at=FIRST + timedelta(days=15),
    ),
)  # fmt: skip
"""Back-dated changes that grant more, less, or to others."""


def change(numbers: Sequence[int]) -> None:
    for number in numbers:
        CHANGES[number]()


@given(data=st.data(), records=usage())
@few
def test_what_is_taken_out_and_changed_afterwards(
    data: st.DataObject, records: list[Record], home: Path
) -> None:
    chosen = [n for n in range(len(CHANGES)) if data.draw(st.booleans())]
    if 2 not in chosen:  # nothing to resume
        chosen = [n for n in chosen if n != 3]
    parts = list(split(data, data.draw(st.permutations(records))))
    gone = data.draw(st.sampled_from(records))["id"]
    with undone():
        set_up()
        waiting = list(chosen)
        for part in parts:
            load(part)
            back_out(part)
            if waiting and data.draw(st.booleans()):
                change([waiting.pop(0)])
        change(waiting)
        services.recycle()  # what fell into a pause before its end was known
        reversed_too = services.reverse(gone) if stands(gone) else None
        messy = paid(), drawn()
    with undone():
        set_up()
        change(chosen)
        load([one for one in records if reversed_too is None or one["id"] != gone] or records[:0])
        assert (paid(), drawn()) == messy


def stands(record_id: str) -> bool:
    """Whether a record was rated and still counts."""
    found = rows("SELECT record->>'id' FROM usage_reject WHERE state = 'open'")
    return record_id not in {row[0] for row in found}


def test_imported_subscriptions_bring_what_they_share(home: Path) -> None:
    set_up()
    account = customers.create_account(code="b", currency="EUR", timezone="UTC", billing_day=1)
    subscriptions.subscribe(account_id=account.pk, plan="extra", at=FIRST, code="b1")
    call_record = {
        "id": "c", "subscription": "b1", "meter": "voice", "to": "39123", "duration": "100",
        "start": (FIRST + timedelta(days=3)).isoformat(),
    }  # fmt: skip
    load([call_record])
    key = "b1", "calls", FIRST.date()
    assert paid() == {key: (Decimal(100), call(Fraction(0), Fraction(100)))}
    frame = pl.DataFrame({"code": ["b2"], "account_id": [account.pk], "plan": ["main"]})
    subscriptions.subscribe_many(frame.with_columns(at=pl.lit(FIRST)))
    assert paid() == {key: (Decimal(10), Fraction(0))}  # 90 in whole half minutes, 10 by the purse


def test_many_wait_in_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "_HELD_MOST", 0)
    set_up()
    records = [
        {
            "id": f"r{number}", "subscription": "s1", "meter": "voice", "to": "39123",
            "start": (FIRST + timedelta(hours=number)).isoformat(), "duration": "70", "mb": "0",
        }
        for number in range(12)
    ]  # fmt: skip
    load(records)
    assert paid() == reference(records)
    assert not list(home.rglob("staging"))
