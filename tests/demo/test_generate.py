"""The generators: the same seed gives the same data, and the data is what the loaders expect."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from meterline.demo.contracts import active, contracts
from meterline.demo.events import events
from meterline.demo.files import write_catalogues, write_usage
from meterline.demo.payers import payments
from meterline.demo.size import Size, last_months

SIZE = Size(customers=90, months=3, seed=7, first=date(2025, 11, 1))


def test_months_follow_one_another_over_the_year() -> None:
    assert [SIZE.month(i) for i in range(4)] == [
        date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1),
    ]  # fmt: skip
    assert last_months(10, 12, 1, date(2026, 2, 17)).first == date(2025, 2, 1)


def test_the_same_size_gives_the_same_files(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        table = contracts(SIZE)
        written = [path for i in range(3) for path in write_usage(SIZE, table, i, tmp_path / name)]
        written += write_catalogues(SIZE, tmp_path / name)
        texts.append([(path.name, path.read_bytes()) for path in written])
    assert texts[0] == texts[1]
    assert len(texts[0]) == 18


def test_another_seed_gives_other_contracts() -> None:
    other = Size(customers=90, months=3, seed=8, first=SIZE.first)
    assert not contracts(SIZE).equals(contracts(other))


@pytest.mark.parametrize("customers", [3, 60, 2000])
def test_contracts_are_whole(customers: int) -> None:
    table = contracts(Size(customers=customers, months=4, seed=1, first=SIZE.first))
    assert table.height == customers
    assert table["account"].n_unique() == table["identifier"].n_unique() == customers
    assert set(table["seller"]) == {"aria-mobile", "banksia-energy", "quillstack"}
    for day in ("end", "change_on", "quantity_on"):
        assert table.filter(pl.col(day) <= pl.col("start")).is_empty()
    assert table.filter(pl.col("change_on") >= pl.col("end")).is_empty()
    assert table.filter(pl.col("quantity_to") < 1).is_empty()


def test_each_event_is_entered_once() -> None:
    table = contracts(Size(customers=2000, months=6, seed=1, first=SIZE.first))
    size = Size(customers=2000, months=6, seed=1, first=SIZE.first)
    entered = [event for i in range(7) for event in events(size, table, i)]
    expected = sum(table[day].count() for day in ("end", "change_on", "quantity_on"))
    assert len(entered) == expected > 0


def test_usage_falls_into_the_life_of_the_contract(tmp_path: Path) -> None:
    table = contracts(SIZE)
    path = next(p for p in write_usage(SIZE, table, 1, tmp_path) if "software" in p.name)
    records = pl.read_csv(path, infer_schema=False).with_columns(
        day=pl.col("start").str.slice(0, 10).str.to_date()
    )
    living = active(table, SIZE.month(1), SIZE.month(2)).select("identifier", "begin", "until")
    joined = records.join(living, on="identifier", how="left")
    assert records.height > 0
    assert joined.filter(pl.col("day").is_between("begin", "until", closed="left")).height == (
        records.height
    )


def test_payments_are_of_the_kinds_that_the_payers_are() -> None:
    table = pl.DataFrame({"account": list("ABCDE"), "payer": [
        "prompt", "late", "partial", "generous", "never"]})  # fmt: skip
    invoices = pl.DataFrame({
        "number": ["1", "2", "3", "4", "5", "6"],
        "account": ["A", "B", "C", "D", "E", "A"],
        "currency": ["EUR"] * 6,
        "due": [Decimal("10.01")] * 5 + [Decimal(0)],
    })  # fmt: skip
    issued = datetime(2026, 1, 1, tzinfo=UTC)
    paid = payments(SIZE, table, invoices, issued)
    amounts = dict(zip(paid["account_code"], paid["amount"], strict=True))
    assert amounts == {
        "A": Decimal("10.01"), "B": Decimal("10.01"), "C": Decimal("6.01"), "D": Decimal(16),
    }  # fmt: skip
    late = paid.filter(account_code="B")["at"][0]
    assert (late - issued).days > 27
    assert paid.equals(payments(SIZE, table, invoices, issued))
