"""Playing a scenario in a transaction that is rolled back, and telling how it ended."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl
from django.db import Error as DatabaseError
from django.db import connection, transaction

from meterline.access import limits
from meterline.catalog import services as catalog
from meterline.customers import services as customers
from meterline.kernel.errors import MeterlineError, NotSupported
from meterline.scenario.files import Malformed, Scenario
from meterline.scenario.play import play
from meterline.scenario.play.usage import flush
from meterline.scenario.scratch import folder
from meterline.scenario.steps import Parallel, Path, Step, Usage
from meterline.scenario.world import World

State = Literal["passed", "failed", "not_supported", "malformed"]

BEFORE_ALL = date(1970, 1, 1)
"""From when the entries of a scenario's catalogue hold, if they do not say."""

BUGS = (
    ArithmeticError, AssertionError, AttributeError, DatabaseError, LookupError, OSError,
    TypeError, ValueError, pl.exceptions.PolarsError,
)  # fmt: skip
"""A fault of the program ends the scenario, with its traceback, and not the whole run."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a scenario ended."""

    file: str
    scenario: str | None
    state: State
    differences: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.state == "passed"


def run(read: Scenario | Malformed) -> Outcome:
    """Play one scenario; the database is afterwards as it was before."""
    if isinstance(read, Malformed):
        return Outcome(
            file=str(read.file),
            scenario=read.name,
            state="malformed",
            differences=read.problems,
        )
    world = World(scenario=read)
    try:
        with folder(), transaction.atomic():
            _set_up(world)
            _play_all(world)
            transaction.set_rollback(True)
    except NotSupported as error:
        state: State = "failed" if world.differences else "not_supported"
        return _outcome(world, state, str(error))
    except MeterlineError as error:
        return _outcome(world, "failed", f"{world.where()}: {error}")
    except BUGS:
        return _outcome(world, "failed", f"{world.where()}: {traceback.format_exc()}")
    return _outcome(world, "failed" if world.differences else "passed")


def _outcome(world: World, state: State, *texts: str) -> Outcome:
    return Outcome(
        file=str(world.scenario.file),
        scenario=world.scenario.name,
        state=state,
        differences=(*world.differences, *texts),
    )


def _set_up(world: World) -> None:
    """The clock at the first step, the catalogue, the accounts (parents first)."""
    document = world.scenario.document
    if document.steps:
        first = document.steps[0]
        world.move(world.instant(first.at, world.zone_of(first)))
    catalog.apply(world.scenario.catalog, effective=BEFORE_ALL)
    waiting = dict(document.accounts)
    while waiting:
        code = next(c for c, spec in waiting.items() if spec.parent not in waiting)
        spec = waiting.pop(code)
        made = customers.create_account(
            code=code,
            currency=spec.currency or world.scenario.catalog.model.currency,
            timezone=world.zone(code).key,
            billing_day=None if spec.billing_day == "anniversary" else spec.billing_day,
            region=spec.region,
            parent=world.accounts[spec.parent] if spec.parent else None,
        )
        world.accounts[code] = made.id


def _play_all(world: World) -> None:
    with limits.lifted():  # nobody is there to approve
        for index, step in enumerate(world.scenario.document.steps):
            _play(world, ("steps", index), step)
        flush(world)
    _check_constraints()


def _play(world: World, place: Path, step: Step) -> None:
    world.place, world.doing = place, step.do
    if not isinstance(step, Usage):
        flush(world)
    if step.at is not None:
        world.move(world.instant(step.at, world.zone_of(step)))
    if isinstance(step, Parallel):
        for index, inner in enumerate(step.steps):
            _play(world, (*place, "steps", index), inner)
        return
    play(step, world)
    if not isinstance(step, Usage):
        _check_constraints()


def _check_constraints() -> None:
    """Let deferred constraints speak now, since the transaction never commits."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
