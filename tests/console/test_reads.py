"""Meters and reads on pages: list, one, enter a read, exchange, review, the customer's tab."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from reads.world import day, move, pieces, read, set_up

from meterline.catalog import services as catalog
from meterline.reads import services
from meterline.reads.models import Installation, Meter, Read
from meterline.usage import uploads
from meterline.usage.models import Batch, Upload

Clerk = Callable[[str], Client]


@pytest.fixture
def world(db: None, home: Path) -> None:
    set_up()
    read("2026-01-21", 1_200)
    services.estimate(day("2026-02-01"))
    move("2026-02-10")


def text(client: Client, name: str, *args: Any, **query: Any) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_meters_are_found_and_shown(world: None, clerk: Clerk) -> None:
    client, one = clerk("support"), Meter.objects.get()
    url = reverse("reads.meter", args=[one.pk])
    for query in ({}, {"q": "S1"}, {"q": "pla"}):
        assert url in text(client, "reads.meters", **query)
    assert url not in text(client, "reads.meters", q="other")
    page = text(client, "reads.meter", one.pk)
    assert "Consumption by month: energy" in page
    assert "estimated" in page
    assert ">place</a>" in page
    assert "Enter a read" not in page
    assert "Enter a read" in text(clerk("billing"), "reads.meter", one.pk)
    assert url in text(client, "console.customer_meters", "ann")
    assert "Meters" in text(client, "console.customer", "ann")
    assert client.get(reverse("reads.meter", args=[99])).status_code == 404


def test_a_meter_is_installed_and_read(world: None, clerk: Clerk) -> None:
    client = clerk("billing")
    form = {"serial": "S2", "place": "place", "day": "2026-02-01", "usage_meter": "gas",
            "register": "v", "dials": 5, "decimals": 1, "multiplier": 1, "unit": "kWh",
            "first": "12.5"}  # fmt: skip
    assert set(catalog.meters()) == {"energy", "fed_in", "gas"}
    client.post(reverse("reads.meter_new"), form)
    made = Meter.objects.get(serial="S2")
    assert (made.timezone, Read.objects.get(register__meter=made).value) == (
        "Europe/Rome", D("12.5")
    )  # fmt: skip
    again = client.post(reverse("reads.meter_new"), form)
    assert "is known already" in again.content.decode()
    url = reverse("reads.meter_read", args=[made.pk])
    told = {"register": "v", "day": "2026-02-08", "value": "40", "quality": "customer"}
    assert client.post(url, told)["Location"] == reverse("reads.meter", args=[made.pk])
    assert pieces(usage_meter="gas") == [("gas", D("27.5"), "customer")]
    wide = client.post(url, {**told, "value": "1234567"}).content.decode()
    assert "fewer dials" in wide
    assert clerk("read-only").post(url, told).status_code == 403


def test_an_exchange_is_seen_before_it_is_done(world: None, clerk: Clerk) -> None:
    client, one = clerk("billing"), Meter.objects.get()
    url = reverse("reads.meter_exchange", args=[one.pk])
    form = {"serial": "S2", "day": "2026-02-01", "final 1": "1290", "first 1": "5"}
    before = (pieces(), Batch.objects.count())
    shown = client.post(url, form).content.decode()
    assert "<dd>90 (read)</dd>" in shown
    assert (pieces(), Batch.objects.count(), Meter.objects.count()) == (*before, 1)
    client.post(url, {**form, "confirm": "1"})
    assert pieces() == [("energy", D(200), "actual"), ("energy", D(90), "actual")]
    assert "Enter a read" not in text(client, "reads.meter", one.pk)
    assert "not installed" in client.post(url, form).content.decode()


def test_a_held_read_is_accepted_after_its_effect_was_seen(world: None, clerk: Clerk) -> None:
    client = clerk("billing")
    held = read("2026-02-09", 4_000)
    assert held is not None
    assert "far more than usual" in text(client, "reads.reads", state="held")
    assert "Held because" in text(client, "reads.read", held.pk)
    assert "1 read is held" in text(client, "reads.meter", held.register.meter_id)
    assert "Meter reads held for review" in text(client, "console.home")
    chosen = {"row": held.pk}
    shown = client.post(reverse("reads.accept"), chosen).content.decode()
    assert "310 becomes 3,000" in shown
    held.refresh_from_db()
    assert held.state == "held"
    assert clerk("support").post(reverse("reads.accept"), chosen).status_code == 403
    client.post(reverse("reads.accept"), {**chosen, "confirm": "1"})
    held.refresh_from_db()
    assert held.state == "accepted"
    client.post(reverse("reads.dismiss"), {**chosen, "confirm": "1"})
    assert sum(amount for _, amount, _ in pieces()) == 310


def test_another_value_takes_the_place_of_a_read(world: None, clerk: Clerk) -> None:
    client = clerk("billing")
    held = read("2026-02-09", 4_000)
    assert held is not None
    url = reverse("reads.read", args=[held.pk])
    shown = client.post(url, {"value": "1400", "note": "by telephone"}).content.decode()
    assert "310 becomes 400" in shown
    client.post(url, {"value": "1400", "note": "by telephone", "confirm": "1"})
    made = Read.objects.latest("id")
    assert (made.value, made.quality, made.state) == (1_400, "substituted", "accepted")
    assert "another read" in text(client, "reads.read", held.pk)
    client.post(url, {"value": "1", "confirm": "1"})
    assert Read.objects.latest("id") == made


def test_a_meter_is_removed_after_its_effect_was_seen(world: None, clerk: Clerk) -> None:
    client, one = clerk("billing"), Meter.objects.get()
    url = reverse("reads.meter_remove", args=[one.pk])
    assert url in text(client, "reads.meter", one.pk)
    form = {"day": "2026-02-01", "final 1": "1290"}
    shown = client.post(url, form).content.decode()
    assert "<dd>90 (read)</dd>" in shown
    assert Installation.objects.filter(end_at=None).exists()
    told = client.post(url, {**form, "confirm": "1"}, follow=True).content.decode()
    assert "The meter is removed." in told
    assert not Installation.objects.filter(end_at=None).exists()
    assert "not installed" in client.post(url, form).content.decode()
    assert clerk("support").post(url, form).status_code == 403


def test_estimates_are_seen_before_they_are_made(world: None, clerk: Clerk) -> None:
    client, url = clerk("billing"), reverse("reads.estimates")
    form = {"last": "2026-02-09", "zone": "Europe/Rome", "usage_meter": "", "places": ""}
    before = pieces()
    shown = client.post(url, form).content.decode()
    assert "Estimate 1 registers" in shown
    assert "+90, at 1 places of supply" in shown
    assert pieces() == before
    client.post(url, {**form, "confirm": "1"})
    assert sum(amount for _, amount, _ in pieces()) == 400
    none = client.post(url, {**form, "places": "elsewhere"}, follow=True).content.decode()
    assert "there is nothing to estimate" in none
    for wrong in ({"zone": "Nowhere"}, {"last": "9999-12-31"}, {"last": "0001-01-01"}):
        assert 'class="error"' in client.post(url, form | wrong).content.decode()
    assert clerk("read-only").post(url, form).status_code == 403


def test_contracts_that_moved_are_followed(world: None, clerk: Clerk) -> None:
    client, url = clerk("billing"), reverse("reads.refresh")
    assert "stays as it is" in client.post(url).content.decode()
    told = client.post(url, {"confirm": "1"}, follow=True).content.decode()
    assert "Done: 0 pieces of usage are new" in told


def test_rules_of_reads(world: None, clerk: Clerk) -> None:
    client = clerk("billing")
    assert "as all others" in text(client, "reads.read_rules")
    url = reverse("reads.read_rule", args=["energy"])
    form = {"spike_percent": 500, "spike_least": "10", "stuck_reads": 4, "zero_days": 30,
            "estimate_by": "average", "split": "day"}  # fmt: skip
    assert "stays as it is" in client.post(url, form).content.decode()
    assert len(pieces()) == 2
    client.post(url, {**form, "confirm": "1"})
    assert len(pieces()) == 31
    assert "its own" in text(client, "reads.read_rules")
    assert 'value="500"' in text(client, "reads.read_rule", "energy")
    assert 'class="error"' in client.post(url, {**form, "stuck_reads": 10**12}).content.decode()
    assert 'value="300"' in text(client, "reads.read_rule_others")
    assert clerk("support").post(url, form).status_code == 403


def test_gas_profiles_and_virtual_registers(world: None, clerk: Clerk) -> None:
    client = clerk("billing")
    gas = {"zone": "north", "since": "2026-01-01", "calorific_value": "40.1",
           "correction_factor": "0.97", "decimals": 1, "confirm": "1"}  # fmt: skip
    client.post(reverse("reads.gas_factor"), gas)
    page = text(client, "reads.read_rules")
    assert "north" in page
    assert "40.1" in page
    assert 'value="0.970000"' in text(client, "reads.gas_factor", zone="north")
    weights = {f"month_{month}": month for month in range(1, 13)}
    client.post(reverse("reads.read_profile"), {"code": "heat", **weights, "confirm": "1"})
    assert "1 · 2 · 3" in text(client, "reads.read_rules")
    url = reverse("reads.virtual_register")
    form = {"code": "net", "place": "place", "usage_meter": "energy", "surplus_meter": "fed_in",
            "parts": "+place/1\n"}  # fmt: skip
    assert "Expected +PLACE" in client.post(url, {**form, "parts": "place"}).content.decode()
    assert "+310, at 1 places of supply" in client.post(url, form).content.decode()
    client.post(url, {**form, "confirm": "1"})
    assert "+place/1" in text(client, "reads.read_rules")
    assert "+place/1" in text(client, "reads.virtual_register", code="net")


def test_a_file_of_reads_is_loaded_on_the_page_of_usage(world: None, clerk: Clerk) -> None:
    client = clerk("billing")
    assert '<option value="reads">' in text(client, "usage.load")
    file = SimpleUploadedFile("reads.csv", b"serial,at,value\nS1,2026-02-08,1500\n")
    answer = client.post(reverse("usage.load"), {"file": file, "format": "reads"}, follow=True)
    upload = Upload.objects.get()
    assert answer.redirect_chain[-1][0] == reverse("usage.upload", args=[upload.pk])
    uploads.load(upload.pk)
    assert Read.objects.latest("pk").value == 1_500
