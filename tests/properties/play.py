"""Playing a random scenario through the real services, and reading what came of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from billing.world import check_books, rows
from django.db import transaction
from hypothesis import HealthCheck, Phase, note, settings

from meterline.billing.propose import propose
from meterline.billing.snapshot import load
from meterline.catalog.yaml import Document
from meterline.invoices import reports
from meterline.kernel.errors import MeterlineError
from meterline.kernel.explain import evaluate
from meterline.platform import clock
from meterline.scenario import run
from meterline.scenario.files import Scenario
from meterline.scenario.play.usage import flush
from meterline.scenario.read import _document
from meterline.scenario.scratch import folder
from meterline.scenario.steps import Bill, Subscribe, Usage
from meterline.scenario.world import World

LONG = "METERLINE_EXAMPLES" in os.environ
random_stories = settings(
    max_examples=int(os.environ.get("METERLINE_EXAMPLES", "3")),
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if LONG else [])],
    print_blob=LONG,
    report_multiple_bugs=False,
)
"""A few examples, or as many as `make properties` asks for, and then made small."""

Watch = Callable[[World, Any], None]


def _nothing(world: World, step: Any) -> None:
    """Nobody watches."""


@contextmanager
def played(document: dict[str, Any], before: Watch = _nothing, after: Watch = _nothing,
           ) -> Iterator[set[int]]:  # fmt: skip
    """The world after a scenario, undone on leaving; gives the numbers of the contract steps that
    were refused. `before` and `after` are called around each bill.

    The scenario is noted, so that a failure prints a file that reproduces it.
    """
    note(as_file(document))
    scenario = _document(Path("random.yaml"), Document(data=document, lines={}))
    assert isinstance(scenario, Scenario), scenario.problems
    world = World(scenario=scenario)
    with folder(), transaction.atomic():
        run._set_up(world)
        refused = set()
        for index, step in enumerate(scenario.document.steps):
            if not _play(world, index, step, before, after):
                refused.add(index)
        flush(world)
        run._check_constraints()
        check_books()
        check_batches()
        yield {_contract_number(document, index) for index in refused}
        transaction.set_rollback(True)
    clock.move_to(None)


def _play(world: World, index: int, step: Any, before: Watch, after: Watch) -> bool:
    """Whether a step was done, not refused."""
    if isinstance(step, Bill):
        flush(world)
        world.move(world.instant(step.at, world.zone_of(step)))
        before(world, step)
        run._play(world, ("steps", index), step)
        after(world, step)
        return True
    if isinstance(step, Usage):
        run._play(world, ("steps", index), step)
        return True
    flush(world)
    if not isinstance(step, Subscribe):
        name = getattr(step, "subscription", None)
        if name is not None and name not in world.subscriptions:
            return False
    elif step.base is not None and step.base not in world.subscriptions:
        return False
    with suppress(MeterlineError), transaction.atomic():
        run._play(world, ("steps", index), step)
        return True
    return False


def _contract_number(document: dict[str, Any], index: int) -> int:
    """The number of a step among those that are neither usage nor bills."""
    return sum(step["do"] not in ("usage", "bill") for step in document["steps"][:index])


def as_file(document: dict[str, Any]) -> str:
    """A scenario as a file that can be run: YAML, of which JSON is a part."""
    head = [f"{key}: {json.dumps(value)}" for key, value in document.items() if key != "steps"]
    steps = [f"  - {json.dumps(step)}" for step in document["steps"]]
    return "\n".join([*head, "steps:", *steps])


def check_batches() -> None:
    """Every record of a batch is rated, rejected or a duplicate; the rejects are there."""
    assert rows(
        """
        SELECT b.id FROM usage_batch b WHERE b.records <> b.rated + b.rejected + b.duplicates
            OR b.rejected <> (SELECT count(*) FROM usage_reject r WHERE r.batch_id = b.id)
        """
    ) == []  # fmt: skip


def check_explanations() -> None:
    """The arithmetic of every line gives its amount."""
    for (number,) in rows("SELECT number FROM invoices_invoice ORDER BY id"):
        for line, why in reports.explain(number):
            assert why.amount == evaluate(why.expression) == line["amount"], (line, why)


def due() -> dict[tuple[Any, ...], Any]:
    """What usage should have been billed at to date: by subscription, plan, price, whole period,
    season, band and value."""
    accounts = [row[0] for row in rows("SELECT id FROM customers_account")]
    codes = dict(rows("SELECT id, code FROM subscriptions_subscription"))
    plans = dict(rows("SELECT id, plan_code FROM catalog_planversion"))
    lines = propose(load(accounts, clock.now(), since=date(2025, 1, 1)))
    names = ("start_at", "end_at", "season", "band", "by_value", "amount")
    return {
        (codes[row[0]], plans[row[1]], *row[2:-1]): row[-1]
        for row in lines.filter(pl.col("kind") == "usage")
        .select("subscription_id", "plan_version_id", "price_code", *names)
        .iter_rows()
    }


def documents() -> list[tuple[Any, ...]]:
    """All documents and their lines, as they stand."""
    return rows(
        """
        SELECT i.id, i.number, i.net, i.tax, i.total, i.credit_applied, i.due, l.id, l.track,
            l.amount, l.quantity, l.inputs::text
        FROM invoices_invoice i LEFT JOIN invoices_line l ON l.invoice_id = i.id ORDER BY i.id, l.id
        """
    )


def totals() -> list[tuple[Any, ...]]:
    """Usage by subscription, price, period, band and value, over all batches."""
    return rows(
        """
        SELECT s.code, v.plan_code, p.code, t.period_start, t.season, t.band, t.by_value,
            sum(t.events), sum(t.quantity), sum(t.amount / t.denominator)
        FROM usage_total t JOIN subscriptions_subscription s ON s.id = t.subscription_id
        JOIN catalog_price p ON p.id = t.price_id
        JOIN catalog_planversion v ON v.id = p.plan_version_id
        GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(t.events) <> 0 OR sum(t.quantity) <> 0
        ORDER BY 1, 2, 3, 4, 5, 6, 7
        """
    )


def drawn() -> list[tuple[Any, ...]]:
    """What allowances covered, by lot, subscription, price and period."""
    return rows(
        """
        SELECT a.code, d.allowance, d.lot_start, s.code, p.code, d.period_start,
            sum(d.amount / d.denominator)
        FROM usage_drawn d JOIN subscriptions_subscription s ON s.id = d.subscription_id
        JOIN customers_account a ON a.id = d.account_id JOIN catalog_price p ON p.id = d.price_id
        GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(d.amount) <> 0 ORDER BY 1, 2, 3, 4, 5, 6
        """
    )


def charged(where: str) -> dict[tuple[Any, ...], tuple[Any, int]]:
    """(sum, number of lines) by subscription, kind, price, period, band and value, over all
    documents, of lines `where`."""
    found = rows(
        f"""
        SELECT s.code, l.kind, l.price_code, l.start_at, l.end_at, l.season, l.band, l.by_value,
            v.plan_code, sum(l.amount), count(*)
        FROM invoices_line l LEFT JOIN subscriptions_subscription s ON s.id = l.subscription_id
        LEFT JOIN catalog_price p ON p.id = l.price_id
        LEFT JOIN catalog_planversion v ON v.id = p.plan_version_id
        WHERE {where} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
        """
    )
    return {tuple(row[:-2]): (row[-2], row[-1]) for row in found if row[-2]}
