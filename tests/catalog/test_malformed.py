"""Faulty catalogue files: each fault is told with file, line, field and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterline.catalog.errors import CatalogInvalid
from meterline.catalog.files import parse

GOOD = """\
currency: EUR
timezone: Europe/Rome
meters:
  voice: {aggregation: sum, value: duration, unit: second}
calendars:
  hours: {timezone: Europe/Rome, bands: [{band: day, from: "08:00", to: "18:00"}, {band: night}]}
rate_cards:
  world:
    key: {field: to, match: prefix}
    rows: [{key: ["39"], steps: [{from: 0, price: "0.10", per: 60, increment: 1}]}]
taxes: [{code: vat, rates: [{region: IT, percent: 22}]}]
discounts: [{code: ten, percent: 10}]
plans:
  a:
    prices:
      base: {kind: recurring, interval: month, model: flat, amount: "9.90", tax: vat}
      calls: {kind: usage, meter: voice, model: rate_card, card: world}
      data: {kind: usage, meter: voice, model: graduated, tiers: [{up_to: 5, unit_amount: 1}, {unit_amount: 2}]}
      power: {kind: usage, meter: voice, model: time_of_use, calendar: hours, rates: {day: {unit_amount: 1}, night: {unit_amount: 2}}}
"""  # noqa: E501


def faults(folder: Path, text: str) -> list[str]:
    path = folder / "c.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    try:
        parse(path)
    except CatalogInvalid as error:
        return [f"{p.line}: {p.field}: {p.message}" for p in error.problems]
    return []


def test_the_good_one(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("currency: EUR", "currency: EURO", ["1: currency", "unknown currency 'EURO'"]),
        ("currency: EUR\n", "", ["currency", "missing"]),
        ("timezone: Europe/Rome\n", "timezone: Europe/Roma\n", ["2: timezone"]),
        ("meters:", "metres:", ["3: metres: unknown key"]),
        ("meters:", "meters: [", ["not YAML"]),
        ("currency: EUR", "currency: EUR\ncurrency: USD", ["2: ", "currency"]),
        ("aggregation: sum", "aggregation: total", ["4: meters.voice.aggregation"]),
        ("unit: second", "unit: second, unti: x", ["4: meters.voice.unti: unknown key"]),
        ('from: "08:00"', 'from: "28:00"', ["6: calendars.hours"]),
        ("percent: 22", "percent: many", ["11: taxes.0.rates.0.percent"]),
        ("percent: 22", "percent: .nan", ["11: taxes.0.rates.0.percent"]),
        ("percent: 22", "percent: 22, from: 10000-01-01", ["11: taxes.0.rates.0.from"]),
        ('amount: "9.90"', 'amount: "1e400"', ["16: plans.a.prices.base"]),
        ('amount: "9.90"', "amonut: 1", ["16: plans.a.prices.base.amonut: unknown key"]),
        ("interval: month", "interval: -1 month", ["16: plans.a.prices.base.interval"]),
        ("interval: month", "interval: fortnight", ["16: plans.a.prices.base.interval"]),
        ("model: flat", "model: flatt", ["16: plans.a.prices.base.model", "a price model"]),
        ("tax: vat", "tax: gst", ["16: plans.a.prices.base.tax"]),
        ("meter: voice, model: rate_card", "model: rate_card", ["17: ", "needs a `meter`"]),
        ("meter: voice, model: rate_card", "meter: v, model: rate_card", ["17: ", "calls.meter"]),
        ("card: world", "card: moon", ["17: plans.a.prices.calls.card"]),
        ("calendar: hours", "calendar: days", ["19: plans.a.prices.power.calendar"]),
        ("{up_to: 5, unit_amount: 1}, {", "{up_to: 5, unit_amount: 1}, {up_to: 4}, {",
         ["18: plans.a.prices.data"]),
        ("{unit_amount: 2}]}", "{up_to: 9, unit_amount: 2}]}", ["18: plans.a.prices.data"]),
        ("{up_to: 5, unit_amount: 1}", "{unit_amount: 1}", ["18: plans.a.prices.data"]),
        ("rates: {day:", "rates: {noon:", ["19: plans.a.prices.power"]),
        ("rows: [{", 'file: nowhere.csv  # [{', ["rate_cards.world.file"]),
        ("price: \"0.10\"", "price: cheap", ["10: rate_cards.world.rows.0.steps.0.price"]),
        ("  a:\n", "  a:\n    existing: maybe\n", ["15: plans.a.existing"]),
        ("  a:\n", "  a:\n    policy: {day_count: some}\n", ["15: plans.a.policy.day_count"]),
    ],
)  # fmt: skip
def test_a_fault_is_told(tmp_path: Path, before: str, after: str, expected: list[str]) -> None:
    assert before in GOOD
    found = faults(tmp_path, GOOD.replace(before, after, 1))
    assert any(all(part in text for part in expected) for text in found), found


def test_all_faults_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("currency: EUR", "currency: EURO")
        .replace("aggregation: sum", "aggregation: total")
        .replace("interval: month", "interval: fortnight")
    )
    found = faults(tmp_path, text)
    assert [one.split(":")[0] for one in found] == ["1", "4", "16"]


def test_a_nul_byte_and_other_encodings(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD.replace("EUR", "E\0R"))
    path = tmp_path / "latin.yaml"
    path.write_bytes("currency: EUR # ü\n".encode("latin-1"))
    with pytest.raises(CatalogInvalid, match="UTF-8"):
        parse(path)


@pytest.mark.parametrize(
    ("deck", "expected"),
    [
        ("prefix,step1_price\n39,0.1\n", "unknown prefix, missing key"),
        ("key,step1_price\n39,cheap\n", "expected a number or date, not 'cheap'"),
        ("key,step1_price\n,0.1\n", "expected, but it is empty"),
        ("key,step1_price,effective\n39,0.1,soon\n", "expected a number or date, not 'soon'"),
    ],
)
def test_faulty_decks(tmp_path: Path, deck: str, expected: str) -> None:
    from meterline.catalog.deck import read_deck

    (tmp_path / "deck.csv").write_text(deck)
    with pytest.raises(CatalogInvalid, match=expected):
        read_deck(tmp_path / "deck.csv", 1)
