"""Faults of a plan's lifecycle keys, each with line, field and what was expected."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from meterline.catalog import files, services
from meterline.catalog.errors import CatalogInvalid
from meterline.catalog.indexation import indexed

GOOD = """\
currency: EUR
taxes: [{code: vat, rates: [{region: IT, percent: 22}]}]
meters: {calls: {aggregation: count}}
rate_cards: {world: {key: {field: to}, rows: [{key: ["39"], steps: [{price: 1}]}]}}
plans:
  base:
    term: {for: 24 months, renew_for: 12 months, notice: 30 days, early_fee: {amount: 10, tax: vat}}
    includes: [{plan: extra, quantity: 2}]
    indexation: [{from: 2026-04-01, percent: "3.9", prices: [line]}, {from: 2027-04-01, percent: 2}]
    prices:
      line: {kind: recurring, model: flat, amount: "9.90"}
      calls: {kind: usage, meter: calls, model: rate_card, card: world}
  extra:
    addon_to: [base]
    addon_quantity: base
    prices: {pack: {kind: recurring, model: flat, amount: 1}}
"""


def faults(folder: Path, text: str) -> list[str]:
    path = folder / "c.yaml"
    path.write_text(text, "utf-8")
    try:
        files.parse(path)
    except CatalogInvalid as error:
        return [f"{one.line}: {one.field}: {one.message}" for one in error.problems]
    return []


def test_the_good_one(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("for: 24 months", "for: long", "7: plans.base.term.for: unknown interval 'long'"),
        ("for: 24 months, ", "", "7: plans.base.term.for: expected, but it is missing"),
        ("notice: 30 days", "renewal: open", "7: plans.base.term: renew_for is for `renewal: aut"),
        ("renew_for: 12 months", "renewal: none", "7: plans.base.term: notice is for `renewal: "),
        ("notice: 30 days", "renewal: maybe", "7: plans.base.term.renewal: expected 'automatic'"),
        ("amount: 10, tax", "tax", "7: plans.base.term.early_fee: expected one of amount, per_m"),
        ("amount: 10", "amount: 10, percent: 5", "7: plans.base.term.early_fee: expected one of"),
        ("amount: 10", "amount: -1", "7: plans.base.term.early_fee.amount: expected at least 0"),
        ("amount: 10", "percent: 101", "7: plans.base.term.early_fee: percent is at most 100"),
        ("tax: vat}}", "tax: gst}}", "7: plans.base.term.early_fee.tax: unknown tax 'gst'"),
        ("plan: extra", "plan: more", "8: plans.base.includes.0.plan: unknown plan 'more'"),
        ("quantity: 2", "quantity: 0", "8: plans.base.includes.0.quantity: expected more than 0"),
        ("addon_to: [base]", "addon_to: [bass]", "14: plans.extra.addon_to: unknown plan 'bass'"),
        ("addon_to: [base]\n", "\n", "15: plans.extra.addon_quantity: only an add-on"),
        ("addon_to: [base]\n    addon_quantity: base\n", "", "8: plans.base.includes.0.plan: expe"),
        ("addon_to: [base]", "addon_to: [base, extra]", "14: plans.extra.addon_to: expected other"),
        ("    addon_quantity: base\n", "    includes: [{plan: base}]\n",
         "15: plans.extra.includes: an add-on brings no others along"),
        ("percent: 2}", "percent: -100}", "9: plans.base.indexation.1: percent: expected above"),
        ("2027-04-01", "2025-04-01", "9: plans.base.indexation.1.from: expected 2026-04-01 or l"),
        ("prices: [line]", "prices: [lime]", "9: plans.base.indexation.0.prices: unknown price"),
        ("prices: [line]", "prices: [calls]", "9: plans.base.indexation.0.prices: price calls of"),
        ('"9.90"}', '"9.90", indexation: [{from: 2026-01-01, percent: 1, prices: [line]}]}',
         "11: plans.base.prices.line.indexation.0.prices: expected none"),
        ("card: world}", "card: world, indexation: [{from: 2026-01-01, percent: 1}]}",
         "12: plans.base.prices.calls.indexation: a price of model rate_card has no amount"),
    ],
)  # fmt: skip
def test_faults(tmp_path: Path, before: str, after: str, expected: str) -> None:
    assert before in GOOD
    found = faults(tmp_path, GOOD.replace(before, after, 1))
    assert any(one.startswith(expected) for one in found), found


def test_all_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("plan: extra", "plan: more").replace("for: 24 months", "for: long")
    assert len(faults(tmp_path, text.replace("[line]", "[lime]"))) == 3


BODY = {
    "indexation": [
        {"from": "2026-04-01", "percent": "3.9"},
        {"from": "2027-04-01", "percent": "10", "prices": ["tiers"], "round": {"decimals": 2}},
    ],
    "prices": {
        "base": {"kind": "recurring", "model": "flat", "amount": "9.99", "policy": {"amount": "1"}},
        "tiers": {
            "kind": "recurring", "model": "graduated", "minimum_amount": "0.10/day",
            "tiers": [{"up_to": "5", "unit_amount": "0.011"}, {"flat_amount": 3}],
        },
        "calls": {"kind": "usage", "model": "per_unit", "unit_amount": "5"},
    },
}  # fmt: skip


def test_every_amount_of_a_price_is_raised_and_nothing_else() -> None:
    first, second = indexed(BODY, {}).values()
    assert first == {
        "base": {"amount": "10.37961"},
        "tiers": {
            "minimum_amount": "0.1039/day",
            "tiers": [{"up_to": "5", "unit_amount": "0.011429"}, {"flat_amount": "3.117"}],
        },
    }
    assert second["base"] == {"amount": "10.37961"}  # the second step names only tiers
    assert second["tiers"]["tiers"][1] == {"flat_amount": "3.43"}  # 3.117 x 1.1, rounded


def test_a_subscription_has_its_own_amount_or_its_own_indexation() -> None:
    own = {"base": {"amount": "20"}, "tiers": {"indexation": []}}
    (found,) = indexed({**BODY, "indexation": BODY["indexation"][:1]}, own).items()
    assert found == (date(2026, 4, 1), {"base": {"amount": "20.78"}, "tiers": {"indexation": []}})


@pytest.mark.django_db
def test_an_exported_add_on_brings_the_plans_that_it_names(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD, "utf-8")
    services.apply(files.parse(path))
    (text,) = services.export(["extra"])
    again = tmp_path / "again.yaml"
    again.write_text(text.text, "utf-8")
    assert services.apply(files.parse(again)).made == {}


BLOCKS = """\
currency: USD
meters: {energy: {aggregation: sum, value: kwh}, power: {aggregation: max, value: kw}}
plans:
  hours_use:
    prices:
      demand: {kind: usage, meter: power, model: demand, unit_amount: 5}
      energy:
        {kind: usage, meter: energy, model: graduated, tiers: [
          {up_to: "200/demand", unit_amount: "0.10"}, {unit_amount: "0.08"}]}
"""


def test_tiers_per_demand_need_its_interval(tmp_path: Path) -> None:
    assert faults(tmp_path, BLOCKS) == []
    longer = BLOCKS.replace("model: demand,", "model: demand, interval: quarter,")
    assert faults(tmp_path, longer) == [
        "7: plans.hours_use.prices.energy.interval: a tier is per demand: expected the interval of"
        " demand, quarter, not month"
    ]
    both = longer.replace("model: graduated,", "model: graduated, interval: 3 months,")
    assert faults(tmp_path, both) == []
