"""The catalogue on pages: what they say is what the versions say, and refused is who may not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from meterline.catalog import reading, services
from meterline.catalog.files import parse
from meterline.catalog.models import Entry, PlanVersion, PriceRow
from meterline.catalog.pages.entries import weeks
from meterline.catalog.price_words import told
from meterline.platform import audit, clock
from meterline.rating.look_up import look_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CATALOGUE = """\
currency: EUR
timezone: Europe/Rome
meters:
  calls: {aggregation: sum, value: duration, unit: second}
  api: {aggregation: count, filter: {region: [eu, us]}}
  energy: {aggregation: sum, value: kwh, unit: kWh}
calendars:
  hours:
    timezone: Europe/Rome
    bands: [{band: peak, days: [mon, tue], from: "08:00", to: "18:00"}, {band: off_peak}]
rate_cards:
  world:
    key: {field: to}
    calendar: hours
    rows:
      - {key: ["39"], steps: [{price: "0.10", per: 60}]}
      - {key: ["393"], band: peak, connection_fee: "0.05", steps: [{price: "0.30", per: 60}]}
      - {key: ["393"], steps: [{price: "0.20", per: 60}, {from: 60, price: "0.15", per: 60}]}
taxes: [{code: vat, rates: [{region: IT, percent: 22, from: 2013-10-01}]}]
discounts: [{code: launch, percent: 10, applies_to: [base], periods: 3}]
promotions: [{code: SPRING, discount: launch, limit: 100}]
plans:
  pro:
    name: Pro
    prices:
      base: {kind: recurring, model: flat, amount: "9.90", tax: vat}
      calls: {kind: usage, meter: calls, model: rate_card, card: world}
      api: {kind: usage, meter: api, model: graduated, minimum_amount: "5",
            tiers: [{up_to: 1000}, {unit_amount: "0.002", flat_amount: 1}]}
      energy: {kind: usage, meter: energy, model: time_of_use, calendar: hours,
               rates: {peak: {unit_amount: "0.31"}, off_peak: {unit_amount: "0.19"}}}
"""


def publish(tmp_path: Path, text: str = CATALOGUE, **options: Any) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with audit.acting_as("user:pat@example.com"):
        services.apply(parse(file), **options)


def page(client: Client, where: str, status: int = 200) -> str:
    answer = client.get(where)
    assert answer.status_code == status
    return answer.content.decode()


def test_a_plan_tells_its_prices_versions_and_what_changed(
    tmp_path: Path, clerk: Callable[[str], Client]
) -> None:
    publish(tmp_path)
    publish(tmp_path, CATALOGUE.replace("9.90", "11.90"), effective=date(2099, 1, 1))
    client = clerk("read-only")
    listed = page(client, reverse("catalog.plans"))
    assert "Pro" in listed
    assert "in force" in listed
    now = page(client, "/catalog/plans/pro/")
    assert "9.90\N{NO-BREAK SPACE}EUR" in now
    assert "pat@example.com" in now
    planned = page(client, "/catalog/plans/pro/?version=2")
    assert "<del>9.90</del>" in planned
    assert "<ins>11.90</ins>" in planned
    page(client, "/catalog/plans/pro/?version=3", 404)
    page(client, "/catalog/plans/none/", 404)
    tiers = page(client, "/catalog/plans/pro/1/api/")
    for said in ("1000", "0.002", "1.00\N{NO-BREAK SPACE}EUR", "At least"):
        assert said in tiers
    page(client, "/catalog/plans/pro/1/none/", 404)


@pytest.mark.parametrize("example", ["telco", "saas", "utility"])
def test_every_price_of_the_examples_is_told(example: str, clerk: Callable[[str], Client]) -> None:
    services.apply(parse(EXAMPLES / example / "catalogue.yaml"))
    client = clerk("read-only")
    for version in PlanVersion.objects.filter(base=None):
        page(client, f"/catalog/plans/{version.plan_code}/")
        for price in PriceRow.objects.filter(plan_version=version):
            page(client, f"/catalog/plans/{version.plan_code}/{version.version}/{price.code}/")
    for kind in ("meter", "calendar"):
        for entry in Entry.objects.filter(kind=kind):
            page(client, reverse(f"catalog.{kind}", args=[entry.code]))
    for entry in Entry.objects.filter(kind="rate_card"):
        page(client, reverse("catalog.card", args=[entry.code]))


def test_a_price_in_words(tmp_path: Path) -> None:
    publish(tmp_path)
    meters = reading.meters()
    words = {one.code: told(one, meters.get(one.meter or "")) for one in reading.prices()}
    assert words["base"].what == "9.90\N{NO-BREAK SPACE}EUR"
    assert words["base"].when == (
        "Charged at the beginning of each month. A part of it is charged in part."
    )
    assert words["api"].what == "Each unit at the price of its own tier."
    (tiers,) = words["api"].tables
    assert [row["up_to"] for row in tiers.rows] == ["1000", "no end"]
    (rates, _settings) = words["energy"].tables
    assert [row["price"] for row in rates.rows] == ["0.31\xa0EUR", "0.19\xa0EUR"]


def test_a_number_finds_the_row_that_rating_takes(
    tmp_path: Path, clerk: Callable[[str], Client]
) -> None:
    publish(tmp_path)
    compiled = reading.tariff([]).cards["world"]
    found = look_up(compiled, ["3934567"], clock.now())
    assert [(row.key, row.band, row.connection_fee) for row in found] == [
        (("393",), "peak", Decimal("0.05")), (("393",), None, Decimal(0)),
    ]  # fmt: skip
    assert look_up(compiled, ["44"], clock.now()) == []
    client = clerk("support")
    shown = page(client, "/catalog/cards/world/?key=3934567")
    assert "0.30\xa0EUR per 60, in steps of 1" in shown
    assert "from 60: 0.15\xa0EUR" in shown
    assert "No row matches" in page(client, "/catalog/cards/world/?key=44")


def test_a_week_is_covered_by_its_bands(tmp_path: Path) -> None:
    publish(tmp_path)
    (week,) = weeks(reading.calendars()["hours"], date(2026, 3, 4))
    days = dict(week["days"])
    assert [sum(one["span"] for one in stretches) for stretches in days.values()] == [96] * 7
    first = next(iter(days.values()))
    assert [(one["band"], one["from"], one["to"]) for one in first] == [
        ("off_peak", "00:00", "08:00"), ("peak", "08:00", "18:00"), ("off_peak", "18:00", "24:00"),
    ]  # fmt: skip


def test_the_other_lists(tmp_path: Path, clerk: Callable[[str], Client]) -> None:
    client = clerk("auditor")
    for name in ("meters", "calendars", "discounts", "taxes", "cards", "plans"):
        assert "yet" in page(client, reverse(f"catalog.{name}"))
    publish(tmp_path)
    for name, said in (
        ("meters", "how many events"), ("calendars", "off_peak"), ("discounts", "SPRING"),
        ("taxes", "22 %"), ("cards", "to (longest prefix)"),
    ):  # fmt: skip
        assert said in page(client, reverse(f"catalog.{name}"))
    assert "eu, us" in page(client, "/catalog/meters/api/")
