"""Any selection rated anew: the same totals as a fresh load under the corrected catalogue."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from meterline.catalog import files as catalogues
from meterline.catalog import services as catalog
from meterline.cli import app
from meterline.customers.services import create_account
from meterline.platform import clock
from meterline.platform import files as platform_files
from meterline.platform.models import AuditEntry
from meterline.subscriptions import services as subscriptions
from meterline.usage import services
from meterline.usage.difference import difference, selected
from meterline.usage.errors import NothingSelected, UnknownBatch, UnknownPrice
from meterline.usage.models import Batch, Reject
from meterline.usage.parts import Selection
from meterline.usage.rehearsal import rehearsal
from meterline.usage.rework import rework
from meterline.usage.tend_keys import tend

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
CATALOGUE = """
currency: EUR
timezone: Europe/Rome
meters: {{voice: {{aggregation: sum, value: duration, unit: second}}}}
rate_cards:
  calls:
    key: {{field: to, match: prefix}}
    rows:
    - {{key: ["39"], steps: [{{price: "{italy}"}}]}}
    - {{key: ["44"], steps: [{{price: "0.20"}}]}}
plans:
  plain:
    prices: {{calls: {{kind: usage, meter: voice, model: rate_card, card: calls}}}}
  minutes:
    allowances: [{{code: minutes, meter: voice, amount: 600, prices: [calls]}}]
    prices: {{calls: {{kind: usage, meter: voice, model: rate_card, card: calls}}}}
"""


def publish(folder: Path, italy: str) -> None:
    path = folder / "catalogue.yaml"
    path.write_text(CATALOGUE.format(italy=italy))
    catalog.apply(catalogues.parse(path), effective=date(2025, 12, 1))


@pytest.fixture
def world(home: Path) -> Path:
    clock.move_to(NOW)
    publish(home, "0.10")
    for number in range(4):
        account = create_account(code=f"a{number}", currency="EUR", timezone="Europe/Rome")
        subscriptions.subscribe(
            account_id=account.pk, plan=("plain", "minutes")[number % 2], code=f"s{number}",
            at=datetime(2025, 12, 31, 23, tzinfo=UTC),
        )  # fmt: skip
    return home


def records(seed: int, count: int) -> pl.DataFrame:
    chance = random.Random(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(minutes=chance.randrange(30 * 1440)) for _ in range(count)]
    return pl.DataFrame(
        {
            "id": [f"r{n}" for n in range(count)],
            "meter": ["voice"] * count,
            "subscription": [f"s{chance.randrange(4)}" for _ in range(count)],
            "start": [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in moments],
            "duration": [str(chance.randrange(1, 300)) for _ in range(count)],
            "to": [chance.choice(["39", "44"]) + "1234" for _ in range(count)],
        }
    )


def load(frame: pl.DataFrame, seed: int = 0) -> list[Batch]:
    """In some batches."""
    parts = random.Random(seed).randrange(1, 4)
    return [services.load_records(frame[n::parts], source="switch") for n in range(parts)]


def summed() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT subscription_id, price_id, period_start, sum(events), sum(quantity),"
            " round(sum(amount / denominator), 12) FROM usage_total GROUP BY 1, 2, 3"
            " HAVING sum(events) <> 0 ORDER BY 1, 2, 3"
        )
        return cursor.fetchall()


def stored() -> list[str]:
    return sorted(path.name for path in platform_files.folder("usage").iterdir())


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 120))
def test_re_rated_totals_are_those_of_a_fresh_load(world: Path, seed: int, count: int) -> None:
    frame = records(seed, count)
    with transaction.atomic():
        publish(world, "0.10")
        load(frame, seed)
        publish(world, "0.35")
        rework(selected(price="calls"))
        again = summed()
        assert rework(selected(price="calls")).changed == 0
        transaction.set_rollback(True)
    with transaction.atomic():
        publish(world, "0.35")
        load(frame, seed + 1)
        fresh = summed()
        transaction.set_rollback(True)
    assert [row[:2] + row[3:] for row in again] == [row[:2] + row[3:] for row in fresh]


def test_nothing_changes_where_nothing_changed(world: Path) -> None:
    load(records(1, 200))
    before, folders, count = summed(), stored(), Batch.objects.count()
    outcome = rework(Selection(start=datetime(2026, 1, 1, tzinfo=UTC)))
    assert (outcome.records, outcome.changed, outcome.batches) == (200, 0, ())
    assert (summed(), stored(), Batch.objects.count()) == (before, folders, count)


def test_only_what_is_selected_is_rated_anew(world: Path) -> None:
    frame = records(2, 300).filter(pl.col("subscription").is_in(["s0", "s2"]))
    first, second = (services.load_records(frame[n::2], source="switch") for n in (0, 1))
    publish(world, "0.35")
    italian = frame.with_row_index().filter(pl.col("to").str.starts_with("39"))
    odd = italian.filter(pl.col("index") % 2 == 1)
    by_account = odd.filter(pl.col("subscription") == "s2").height
    with rehearsal():
        assert rework(selected(batch=second.pk, account="a2")).changed == by_account
    outcome = rework(selected(batch=second.pk))
    assert outcome.changed == odd.height
    (made,) = outcome.batches
    assert (made.records, made.rated, made.supersedes) == (odd.height, odd.height, True)
    told = difference([made.pk])
    assert [one.name for one in told.prices] == ["plain.calls"]
    seconds = odd["duration"].cast(pl.Int64).sum()
    assert told.prices[0].by == round(Decimal(seconds) * Decimal("0.25"), 6)
    assert {one.name for one in told.accounts} == {"a0", "a2"}
    assert sum(one.by for one in told.accounts) == told.prices[0].by
    services.back_out(first.pk)
    services.back_out(second.pk)
    assert summed() == []


def test_records_that_cannot_be_rated_any_more_become_rejects(world: Path) -> None:
    frame = records(3, 80)
    load(frame)
    tend(batches_most=0, keys_most=0)
    path = world / "catalogue.yaml"
    path.write_text(CATALOGUE.format(italy="0.10").replace('"44"', '"45"'))
    catalog.apply(catalogues.parse(path), effective=date(2025, 12, 1))
    outcome = rework(selected(price="calls"))
    british = frame.filter(pl.col("to").str.starts_with("44")).height
    assert outcome.refused == british == Reject.objects.filter(state="open").count()
    publish(world, "0.10")
    tend(batches_most=0, keys_most=0)
    mended = services.recycle()
    assert mended is not None
    assert mended.rated == british


def test_a_selection_names_something_that_there_is(world: Path) -> None:
    for wrong, given_ in ((NothingSelected, {}), (UnknownBatch, {"batch": 99}),
                          (UnknownPrice, {"price": "nothing"})):  # fmt: skip
        with pytest.raises(wrong):
            selected(**given_)  # type: ignore[arg-type]


def test_the_command_shows_the_difference_then_does_it(world: Path) -> None:
    load(records(4, 60))
    publish(world, "0.35")
    before, folders = summed(), stored()
    shown = CliRunner().invoke(app, ["usage", "rerate", "--price", "calls", "--json"])
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.output)
    assert (told["committed"], told["batches"]) == (False, [])
    assert told["changed"] > 0
    assert (summed(), stored()) == (before, folders)
    done = CliRunner().invoke(app, ["usage", "rerate", "--price", "calls", "--commit", "--json"])
    made = json.loads(done.output)
    assert {**told, "committed": True, "batches": made["batches"]} == made
    assert AuditEntry.objects.filter(action="usage.rerate").exists()
