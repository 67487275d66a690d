"""Re-rating, the work list of rejects and the life of data on pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from billing.world import CATALOGUE, Used, load, set_up, totals
from console.test_usage import post, text
from django.test import Client
from django.urls import reverse

from meterline.catalog import files as catalogues
from meterline.catalog import services as catalog
from meterline.platform import clock
from meterline.subscriptions.models import Subscription
from meterline.usage import services
from meterline.usage.models import Batch, Erasure, Reject, Source

Clerk = Callable[[str], Client]
FILE = """id,meter,identifier,start,mb
1,data,555,2026-01-05T10:00:00Z,12
2,data,555,2026-01-06T10:00:00Z,13
3,data,556,2026-01-06T10:00:00Z,13
"""


@pytest.fixture
def world(db: None, home: Path) -> None:
    set_up()
    load([Used(number=100, subscription="s2", minute=600, meter="data", quantity=30)],
         date(2026, 2, 1))  # fmt: skip
    (home / "u.csv").write_text(FILE)
    services.load_file(home / "u.csv")


def test_usage_is_rated_anew_after_the_difference_was_seen(
    world: None, clerk: Clerk, home: Path
) -> None:
    client = clerk("billing")
    assert clerk("read-only").post(reverse("usage.rerate")).status_code == 403
    assert "Say which usage" in post(client, "usage.rerate").content.decode()
    assert "unknown" not in text(client, "usage.rerate", batch=Batch.objects.first().pk)  # type: ignore[union-attr]
    answer = client.post(reverse("usage.rerate"), {"first": "2026-01-01"}, follow=True)
    assert "Nothing changes" in answer.content.decode()
    counted = CATALOGUE.replace("aggregation: sum, value: mb, unit: MB", "aggregation: count")
    (home / "counted.yaml").write_text(counted)
    catalog.apply(catalogues.parse(home / "counted.yaml"))
    before, batches = totals(), Batch.objects.count()
    page = post(client, "usage.rerate", price="large.data").content.decode()
    assert (totals(), Batch.objects.count()) == (before, batches)
    assert "Rate 1 records anew" in page
    assert "quantity 30, then 1" in page
    post(client, "usage.rerate", price="large.data", confirm="1")
    made = Batch.objects.latest("pk")
    assert (made.format, made.records) == ("re-rate", 1)
    assert [row[4:] for row in totals()] == [(1, 1)]
    assert f"/usage/batches/{made.pk}/" in text(client, "usage.rerate")


def test_the_cause_is_mended_right_there(world: None, clerk: Clerk, home: Path) -> None:
    client = clerk("billing")
    page = text(client, "usage.rejects")
    assert "Nobody has the identifier" in page
    assert "as if on plan" in page
    query = "?reason=unknown_identifier&missing=555"
    url = reverse("usage.reject_group") + query
    assert clerk("read-only").post(url).status_code == 403
    group = client.get(url).content.decode()
    assert "Whose is it?" in group
    assert "u.csv" in group
    form = {"subscription": "nobody", "kind": "msisdn", "since": "2026-01-01"}
    owner = clerk("admin")
    assert "nobody" in owner.post(url, form).content.decode()
    answer = owner.post(url, {**form, "subscription": "s1"})
    made = Batch.objects.latest("pk")
    assert answer["Location"] == reverse("usage.batch", args=[made.pk])
    assert (made.format, made.rated) == ("recycle", 2)
    assert "None of them is open" in client.get(url).content.decode()


def test_a_group_is_tried_again_or_given_up(world: None, clerk: Clerk, home: Path) -> None:
    client = clerk("billing")
    group = {"reason": "unknown_identifier", "missing": "555"}
    assert "Try 2 again" in post(client, "usage.reject_group_recycle", **group).content.decode()
    shown = post(client, "usage.reject_group_discard", **group).content.decode()
    assert "Discard 2 rejects" in shown
    post(client, "usage.reject_group_discard", **group, confirm="1")
    assert [row.record["identifier"] for row in services.rejects()] == ["556"]


def test_a_change_is_only_kept(world: None, clerk: Clerk, home: Path) -> None:
    client = clerk("billing")
    row = Reject.objects.get(record__identifier="556")
    form = {name: value or "" for name, value in row.record.items()} | {"identifier": "557"}
    client.post(reverse("usage.reject", args=[row.pk]), {**form, "keep": "1"})
    row.refresh_from_db()
    assert (row.state, row.record["identifier"]) == ("open", "557")


def test_the_life_of_data(world: None, clerk: Clerk, home: Path) -> None:
    client = clerk("billing")
    assert clerk("read-only").post(reverse("usage.compact")).status_code == 403
    first = Batch.objects.order_by("pk").first()
    assert first is not None
    post(client, "usage.compact")
    post(client, "usage.archive", first.pk)
    assert "archived" in text(client, "usage.batch", first.pk)
    assert "are archived" in text(client, "usage.records", of="s2", **_january())
    assert "archived" in text(client, "usage.life")
    post(client, "usage.restore", first.pk)
    first.refresh_from_db()
    assert first.records_at == "here"
    source = Source.objects.get(code="files")
    assert post(client, "usage.retention_rule", source.pk, keep_months="1",
                afterwards="erase", archive="").status_code == 303  # fmt: skip
    clock.move_to(datetime(2026, 6, 1, tzinfo=UTC))
    assert "erased" in post(client, "usage.keep_to_it").content.decode()
    account = Subscription.objects.get(code="s2").account
    shown = post(client, "usage.erase", account=account.code).content.decode()
    assert "Erase them for good" in shown
    assert not Erasure.objects.exists()
    post(client, "usage.erase", account=account.code, confirm="1")
    assert Erasure.objects.get().account_id == account.pk
    assert "were erased on" in text(client, "usage.records", of="s2", **_january())


def _january() -> dict[str, Any]:
    return {"from": "2026-01-01", "to": "2026-01-31"}
