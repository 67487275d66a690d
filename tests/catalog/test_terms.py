"""Faults of discounts, promotions and commitments; and that they survive an export."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalog.test_export import check_round_trip

from meterline.catalog import services
from meterline.catalog.errors import CatalogInvalid
from meterline.catalog.files import parse

GOOD = """\
currency: EUR
meters: {gas: {aggregation: sum, value: m3}, peak: {aggregation: max, value: kw}}
discounts:
  - {code: ten, percent: 10, plans: [a], from: 2026-01-01, to: 2026-02-01, order: 5, of: gross,
     exclusive: true}
  - {code: all, amount: 5, on: invoice, periods: 2}
promotions:
  - {code: HELLO, discount: ten, from: 2026-01-01, to: 2026-02-01, limit: 5, limit_per_customer: 1,
     plans: [a]}
plans:
  a:
    minimum: {amount: 5, interval: quarter, shared: account}
    commitments:
      - {code: take, name: Take or pay, meter: gas, quantity: "12.5", interval: year,
         shortfall: {unit_amount: 1}}
    prices:
      base: {kind: recurring, model: flat, amount: 1}
      gas: {kind: usage, meter: gas, interval: month, model: per_unit, unit_amount: 1}
      peak: {kind: usage, meter: peak, model: per_unit, unit_amount: 1}
"""
TEN, ALL, HELLO = "discounts.0", "discounts.1", "promotions.0"
TAKE = "plans.a.commitments.0"


def faults(folder: Path, text: str) -> list[str]:
    path = folder / "c.yaml"
    path.write_text(text, "utf-8")
    try:
        parse(path)
    except CatalogInvalid as error:
        return [f"{p.field}: {p.message}" for p in error.problems]
    return []


@pytest.mark.django_db
def test_the_good_one_survives_its_export(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD, "utf-8")
    check_round_trip(parse(path), tmp_path / "out")


@pytest.mark.django_db
def test_a_promotion_is_only_where_its_discount_is(home: Path, tmp_path: Path) -> None:
    for currency, plan in (("EUR", "a"), ("USD", "b")):
        path = tmp_path / f"{plan}.yaml"
        path.write_text(
            f"currency: {currency}\n"
            f"discounts: [{{code: off_{plan}, percent: 1, plans: [{plan}]}}]\n"
            f"promotions: [{{code: P_{plan}, discount: off_{plan}}}]\n"
            f"plans: {{{plan}: {{prices: {{base: {{kind: recurring, model: flat, amount: 1}}}}}}}}"
        )
        services.apply(parse(path))
    for text, plan in zip(services.export(), "ab", strict=True):
        path = tmp_path / text.name
        path.write_text(text.text, "utf-8")
        model = parse(path).model
        assert [one.code for one in model.discounts] == [f"off_{plan}"]
        assert [one.code for one in model.promotions] == [f"P_{plan}"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("plans: [a], from", "plans: [b], from", f"{TEN}.plans"),
        ("percent: 10", "percent: 101", f"{TEN}: percent is at most 100"),
        ("percent: 10", "percent: 10, amount: 1", f"{TEN}: expected either percent or amount"),
        ("to: 2026-02-01, order", "to: 2026-01-01, order", f"{TEN}: to: expected a day after"),
        ("of: gross", "of: net", f"{TEN}.of: expected 'left' or 'gross', not 'net'"),
        ("on: invoice", "on: invoice, plans: [a]", f"{ALL}: a discount on the invoice takes no"),
        ("on: invoice", "on: bill", f"{ALL}.on: expected 'prices' or 'invoice'"),
        ("periods: 2", "periods: 0", f"{ALL}.periods: expected more than 0"),
        ("{code: all", "{code: ten", f"{ALL}.code: expected once"),
        ("discount: ten", "discount: none", f"{HELLO}.discount"),
        ("limit: 5", "limit: 0", f"{HELLO}.limit: expected more than 0"),
        ("     plans: [a]}", "     plans: [c]}", f"{HELLO}.plans"),
        ("to: 2026-02-01, limit", "to: 2025-02-01, limit", f"{HELLO}: to: expected a day after"),
        ("meter: gas, quantity", "meter: none, quantity", f"{TAKE}.meter"),
        ("meter: gas, quantity", "quantity", f"{TAKE}: expected either `meter` or `prices`"),
        ("meter: gas, quantity", "prices: [base], quantity", f"{TAKE}.prices"),
        ("meter: gas, quantity", "prices: [peak], quantity", f"{TAKE}.prices: price peak does not"),
        ("interval: year", "interval: week", f"{TAKE}.interval: expected no shorter interval"),
        ("shared: account", "shared: pool", "plans.a.minimum.shared: expected 'subscription' or"),
        ('quantity: "12.5"', "quantity: 0", f"{TAKE}.quantity: expected more than 0"),
        ("shortfall: {unit_amount: 1}", "shortfall: {}", f"{TAKE}.shortfall.unit_amount"),
        ("peak: {kind: usage, meter: peak", "more: {kind: usage, meter: gas",
         f"{TAKE}.meter: expected one usage price of this meter in the plan, found 2"),
    ],
)  # fmt: skip
def test_each_fault_is_told(old: str, new: str, expected: str, tmp_path: Path) -> None:
    assert old in GOOD
    found = faults(tmp_path, GOOD.replace(old, new, 1))
    assert any(one.startswith(expected) for one in found), found
