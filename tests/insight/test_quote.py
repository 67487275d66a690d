"""What a plan would cost is what a run would bill of the same contract and use."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from meterline.catalog.files import parse
from meterline.catalog.offered import in_force, of_file
from meterline.catalog.services import apply, plan_version_at
from meterline.insight.errors import TooManyEvents
from meterline.insight.quote import Ask, Quote, Use, long_since, quote
from meterline.kernel.explain import evaluate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = """\
currency: EUR
timezone: Europe/Rome
meters:
  calls: {aggregation: sum, value: duration, unit: second}
  api: {aggregation: count}
  energy: {aggregation: sum, value: kwh, unit: kWh}
  paid: {aggregation: sum, value: amount}
  power: {aggregation: max, value: kw}
taxes: [{code: vat, rates: [{region: IT, percent: 22}, {region: DE, percent: 19}]}]
calendars:
  hours:
    timezone: Europe/Rome
    bands: [{band: peak, from: "08:00", to: "20:00"}, {band: off_peak}]
rate_cards:
  world: {key: {field: to, match: prefix}, rows: [
    {key: ["39"], connection_fee: "0.10", steps: [{price: "0.06", per: 60, increment: 60}]}]}
plans:
  all:
    trial: 14 days
    phases: [{for: 2 months, prices: {base: {amount: "5.00"}}}]
    minimum: {amount: "40.00", of: [api]}
    allowances: [{code: free, meter: calls, amount: 120, prices: [calls]}]
    prices:
      setup: {kind: one_time, model: flat, amount: "25.00"}
      base: {kind: recurring, model: flat, amount: "10.00", tax: vat}
      seats: {kind: recurring, timing: arrears, model: per_unit, unit_amount: "2.00"}
      calls: {kind: usage, meter: calls, model: rate_card, card: world, tax: vat}
      api: {kind: usage, meter: api, model: graduated, tax: vat,
            tiers: [{up_to: 1000, unit_amount: 0}, {unit_amount: "0.01"}]}
      energy: {kind: usage, meter: energy, model: time_of_use, calendar: hours,
               rates: {peak: {unit_amount: "0.30"}, off_peak: {unit_amount: "0.10"}}}
      fees: {kind: usage, meter: paid, model: percentage, percent: "1.5", fixed_amount: "0.10",
             free_events: 1}
      peak: {kind: usage, meter: power, model: demand, unit_amount: "3.00"}
"""
ROME = ZoneInfo("Europe/Rome")


@pytest.fixture
def file(home: Path) -> Path:
    path = home / "c.yaml"
    path.write_text(CATALOGUE)
    return path


def at(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=ROME)


def asked(path: Path, *uses: Use, **given: Any) -> Quote:
    known: dict[str, Any] = {
        "since": date(2025, 1, 1), "start": date(2026, 3, 1), "end": date(2026, 4, 1),
        "region": "IT",
    }  # fmt: skip
    return quote(of_file(parse(path), "all"), Ask(**{**known, **given}, uses=uses))


def lines(found: Quote) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for line, _price, why in found.lines:
        assert evaluate(why.expression) == line["amount"]
        name = f"{line['price_code'] or line['kind']}{'.' + line['band'] if line['band'] else ''}"
        sums[name] = sums.get(name, Decimal(0)) + line["amount"]
    return {name: amount.normalize() for name, amount in sums.items()}


def test_a_month_of_somebody_who_has_it_long_since(file: Path) -> None:
    found = asked(
        file,
        Use(meter="calls", start=at(3), events=3, quantity=Decimal(61), properties={"to": "39012"}),
        Use(meter="api", start=at(1), events=5_000_000),
        Use(meter="energy", start=at(5, 12), quantity=Decimal("100")),
        Use(meter="energy", start=at(5, 22), quantity=Decimal("50.5")),
        Use(meter="paid", start=at(7), events=3, quantity=Decimal("200")),
        Use(meter="power", start=at(9), quantity=Decimal("4.5")),
        quantity=Decimal(1),
    )
    assert found.rejects == []
    # 120 s are free: 2 s of the second call and the third are left, by minutes begun
    assert lines(found) == {
        "base": 10, "seats": 2, "calls": Decimal("0.38"), "api": Decimal("49990"),
        "energy.peak": 30, "energy.off_peak": Decimal("5.05"),
        "fees": Decimal("6.2"), "peak": Decimal("13.5"),
    }  # fmt: skip
    taxed = Decimal("10") + Decimal("0.38") + Decimal("49990")
    assert found.tax == (taxed * 22 / 100).quantize(Decimal("0.01"))
    assert found.total == found.net + found.tax


def test_a_beginning_has_its_set_up_trial_and_phase(file: Path) -> None:
    march = {"since": date(2026, 3, 1), "region": ""}
    assert lines(asked(file, **march)) == {
        "setup": 25, "base": Decimal("2.74"), "seats": Decimal("1.1"), "minimum": 40,
    }  # fmt: skip
    april = {**march, "start": date(2026, 4, 1), "end": date(2026, 5, 1)}
    assert lines(asked(file, **april))["base"] == 5
    july = {**march, "start": date(2026, 7, 1), "end": date(2026, 8, 1)}
    assert lines(asked(file, **july))["base"] == 10


def test_what_cannot_be_rated_is_told(file: Path) -> None:
    found = asked(file, Use(meter="calls", start=at(3), quantity=Decimal(60),
                            properties={"to": "44"}))  # fmt: skip
    assert [(one["reason"], one["records"]) for one in found.rejects] == [
        ("unknown_destination", 1)
    ]
    with pytest.raises(TooManyEvents):
        asked(file, Use(meter="calls", start=at(3), events=100_001, quantity=Decimal(1)))


def test_a_published_plan_and_its_file_say_the_same(file: Path) -> None:
    from_file = asked(file, Use(meter="api", start=at(1), events=2000))
    apply(parse(file))
    version = plan_version_at("all", date(2026, 3, 1))
    given = Ask(since=date(2025, 1, 1), start=date(2026, 3, 1), end=date(2026, 4, 1), region="IT",
                uses=[Use(meter="api", start=at(1), events=2000)])  # fmt: skip
    found = quote(in_force(version), given)
    assert (found.total, lines(found)) == (from_file.total, lines(from_file))


def test_records_outside_the_contract_do_not_count(file: Path) -> None:
    early = Use(meter="api", start=datetime(2024, 1, 1, tzinfo=UTC), events=5000)
    assert "api" not in lines(asked(file, early))


def test_long_since_is_after_trial_and_phases(file: Path) -> None:
    plan = of_file(parse(file), "all")
    assert long_since(plan, date(2026, 3, 1)) == date(2024, 3, 1)
    assert long_since(plan, date(2028, 2, 29)) == date(2026, 2, 28)
