"""Receipts and late records on pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from billing.world import set_up
from console.conftest import axe
from django.test import Client
from django.urls import reverse

from meterline.access import secrets
from meterline.platform import audit, clock
from meterline.usage import receipts, received, services
from meterline.usage.bodies import LINES, lines_of
from meterline.usage.models import Receipt, Reject
from meterline.usage.sources import set_source

HEADER = "id,meter,subscription,start,mb\n"
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
EVENTS = b"""
{"id": 1, "meter": "data", "subscription": "s1", "start": "2026-01-05T10:00:00Z", "mb": 3}
{"id": 1, "meter": "data", "subscription": "s1", "start": "2026-01-05T10:00:00Z", "mb": 3}
{"id": 2, "meter": "data", "subscription": "s9", "start": "2026-01-05T10:00:00Z", "mb": 3}
"""


@pytest.fixture
def world(db: None, home: Path) -> None:
    set_up()
    clock.move_to(NOW)


def kept() -> Receipt:
    with audit.acting_as("key:ml_x"):
        return receipts.keep(lines_of(EVENTS, LINES), format="jsonl", source="app", size=300)


def test_a_receipt_from_its_coming_to_its_batch(
    world: None, clerk: Callable[[str], Client]
) -> None:
    one, client = kept(), clerk("read-only")

    def text(*where: Any) -> str:
        return client.get(reverse(where[0], args=where[1:])).content.decode()

    assert "3 events wait" in text("usage.receipts")
    assert "It is safe" in text("usage.receipt", one.code)
    batch = received.consume()
    assert batch is not None
    page = text("usage.receipt", one.code)
    assert reverse("usage.batch", args=[batch.pk]) in page
    assert reverse("usage.reject", args=[Reject.objects.get().pk]) in page
    assert "wait to be loaded" not in text("usage.receipts")
    assert client.get(reverse("usage.receipt", args=["none"])).status_code == 404


def test_runs_of_numbers() -> None:
    assert receipts.runs([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]
    assert receipts.runs([]) == []


def test_a_key_is_made_with_its_rate(db: None, clerk: Callable[[str], Client]) -> None:
    client = clerk("admin")
    form = {"name": "app", "permissions": ["usage.load"], "rate": "1200"}
    assert client.post(reverse("console.key_new"), form).status_code == 303
    shown = client.get(reverse("console.keys")).content.decode()
    prefix = secrets.ApiKey.objects.get().prefix
    assert prefix in shown
    page = client.get(reverse("console.key", args=[prefix])).content.decode()
    assert "1,200" in page.replace("\u202f", ",").replace("\xa0", ",")


def test_late_records_are_accepted_after_their_effect_was_seen(
    world: None, tmp_path: Path, clerk: Callable[[str], Client]
) -> None:
    set_source("switch", late_days=10)
    path = tmp_path / "u.csv"
    path.write_text(
        HEADER + "old,data,s1,2026-01-22T11:59:59Z,12\nnobody,data,s9,2026-01-30T10:00:00Z,1\n"
    )
    services.load_file(path, source="switch")
    client, one = clerk("billing"), Reject.objects.get(line=2)
    page = client.get(reverse("usage.reject", args=[one.pk])).content.decode()
    assert reverse("usage.accept") in page
    assert "See what it would become" not in page
    url = reverse("usage.accept")
    assert clerk("support").post(url, {"row": one.pk}).status_code == 403
    asked = client.post(url, {"row": one.pk})
    assert "Will be rated" in asked.content.decode()
    assert Reject.objects.get(pk=one.pk).state == "open"
    assert client.post(url, {"row": one.pk, "confirm": "1"}).status_code == 303
    assert Reject.objects.get(pk=one.pk).state == "recycled"
    nobody = Reject.objects.get(line=3)
    assert client.post(url, {"row": nobody.pk, "confirm": "1"}).status_code == 303
    assert Reject.objects.get(pk=nobody.pk).state == "open"


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_in_the_browser(browser_page: Callable[..., Any], theme: str, width: int) -> None:
    assert axe(browser_page("/usage/receipts/", theme=theme, width=width)) == []
