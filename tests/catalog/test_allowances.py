"""Faulty allowances: what they cover must be there, and be such that it can be covered."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterline.catalog import services
from meterline.catalog.errors import CatalogInvalid, InvalidOverride
from meterline.catalog.files import parse

GOOD = """\
currency: EUR
timezone: Europe/Rome
meters:
  voice: {aggregation: sum, value: duration, unit: second}
  load: {aggregation: max, value: kw}
  gas: {aggregation: sum, value: m3, unit: kWh, factor: "11.1"}
calendars:
  hours: {timezone: Europe/Rome, bands: [{band: day, from: "08:00", to: "18:00"}, {band: night}]}
rate_cards:
  world:
    key: {field: to, match: prefix}
    calendar: hours
    rows: [{key: ["39"], steps: [{from: 0, price: "0.10", per: 60, increment: 1}]}]
plans:
  a:
    allowances:
      - {code: x, meter: voice, amount: 60, prices: [calls, tiers], increment: 60, rollover: 1}
      - {code: m, unit: money, amount: 5, prices: [calls], bands: [day]}
    prices:
      base: {kind: recurring, model: flat, amount: "9.90"}
      calls: {kind: usage, meter: voice, model: rate_card, card: world}
      tiers: {kind: usage, meter: voice, model: graduated, tiers: [{unit_amount: 1}]}
      peak: {kind: usage, meter: load, model: per_unit, unit_amount: 1}
      heat: {kind: usage, meter: gas, model: per_unit, unit_amount: 1}
      some: {kind: usage, meter: voice, model: per_unit, unit_amount: 1, free_units: 5}
"""
X, M = "plans.a.allowances.0", "plans.a.allowances.1"


def write(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(text, "utf-8")
    return path


def test_the_good_one(tmp_path: Path) -> None:
    assert parse(write(tmp_path, GOOD)).plans["a"].allowances[0].increment == 60


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("meter: voice, amount: 60", "meter: v, amount: 60", f"{X}.meter: unknown meter 'v'"),
        ("meter: voice, amount: 60", "meters: [v], amount: 60", f"{X}.meters: unknown meter 'v'"),
        ("meter: voice, amount: 60", "meter: load, amount: 60",
         f"{X}.prices.0: price calls goes by meter voice, not by load"),
        ("[calls, tiers]", "[call]", f"{X}.prices: unknown price 'call'"),
        ("[calls, tiers]", "[calls, base]", f"{X}.prices.1: expected a usage price; base is rec"),
        ("[calls, tiers]", "[]",
         None),
        ("prices: [calls, tiers], inc", "valid: month, inc", f"{X}.rollover: expected none with"),
        ("rollover: 1", "valid: month, prorate: true", f"{X}.prorate: expected none with `valid`"),
        ("rollover: 1", "rollover: 121", f"{X}.rollover: expected at most 120"),
        ("rollover: 1", "unit: euro", f"{X}.unit: expected 'money'"),
        ("increment: 60", "increment: 0", f"{X}.increment: expected"),
        ("amount: 60", "amount: 0", f"{X}.amount: expected"),
        ("amount: 60", "amount: 60, shared: all", f"{X}.shared: expected 'subscription', 'acc"),
        ("{code: m,", "{code: x,", f"{M}.code: expected once; 'x' is there already"),
        ("bands: [day]", "bands: [noon]", f"{M}.bands: unknown band 'noon' (expected one of day, "),
        ("prices: [calls], bands: [day]", "prices: [tiers]",
         f"{M}.prices: an allowance of money covers prices of model rate_card, dynamic, per_unit, "
         "not graduated (price tiers)"),
        ("prices: [calls], bands: [day]", "prices: [some]",
         f"{M}.prices: an allowance of money covers no price with free_units (price some)"),
        ("prices: [calls], bands: [day]", "prices: [peak]",
         f"{M}.prices: an allowance covers meters that count or sum, not max (price peak)"),
        ("prices: [calls], bands: [day]", "prices: [heat]",
         f"{M}.prices: an allowance covers no meter with a factor"),
        ("[calls, tiers], inc", "[tiers], bands: [day], inc",
         f"{X}.prices: an allowance with bands covers prices with a calendar (price tiers)"),
        ("unit: money, amount: 5, prices: [calls]", "amount: 5",
         f"{M}.meter: expected the meter or the prices that it covers"),
        ("    prices:\n",
         "    phases: [{for: month, prices: {calls: {model: dynamic, value: eur}}}]\n    prices:\n",
         "plans.a.phases.0.prices.calls: an allowance of units covers prices of model rate_card"),
    ],
)  # fmt: skip
def test_fault(tmp_path: Path, old: str, new: str, expected: str | None) -> None:
    assert GOOD.count(old) == 1
    path = write(tmp_path, GOOD.replace(old, new))
    if expected is None:
        parse(path)
        return
    with pytest.raises(CatalogInvalid) as caught:
        parse(path)
    told = [f"{problem.field}: {problem.message}" for problem in caught.value.problems]
    assert any(text.startswith(expected) for text in told), told


@pytest.mark.django_db
def test_an_override_that_cannot_be_covered(tmp_path: Path, home: Path) -> None:
    applied = services.apply(parse(write(tmp_path, GOOD)))
    version = applied.plan_versions["a"]
    with pytest.raises(InvalidOverride, match="covers prices of model"):
        services.derive_plan_version(version, {"calls": {"model": "dynamic", "value": "eur"}})
    assert services.derive_plan_version(version, {"tiers": {"tiers": [{"unit_amount": 2}]}})
