"""Usage: single events are gathered and loaded together, files go through the file loader."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from meterline.scenario.play.registry import play
from meterline.scenario.steps import ReverseUsage, Usage, UsageFile
from meterline.scenario.values import instant
from meterline.scenario.world import World
from meterline.usage import services as usage

SOURCE = "scenario"


@play.register
def _(step: Usage, world: World) -> None:
    zone = world.zone_of(step)
    row = dict(step.properties)
    row["meter"] = step.meter
    row["start"] = world.instant(step.at, zone).isoformat()
    if step.end is not None:
        row["end"] = instant(step.end, zone).isoformat()
    if step.subscription is not None:
        row["subscription"] = step.subscription
    if step.identifier is not None:
        row["identifier"] = step.identifier
    world.usage += [row | repeat_id(step, world, number) for number in range(step.count)]


def repeat_id(step: Usage, world: World, number: int) -> dict[str, str]:
    """The id of a repetition: the first bears the step's own."""
    if step.count == 1 or (number == 0 and step.id):
        return {"id": step.id} if step.id else {}
    base = step.id or "/".join(str(key) for key in world.place)
    return {"id": f"{base}#{number + 1}"}


def flush(world: World) -> None:
    """Load the usage steps that wait."""
    if not world.usage:
        return
    columns = {name: pl.String for row in world.usage for name in row}
    frame = pl.DataFrame(world.usage, schema=columns, orient="row")
    world.usage = []
    usage.load_records(frame, source=SOURCE)


@play.register
def _(step: UsageFile, world: World) -> None:
    path = world.scenario.file.parent / Path(step.path)
    usage.load_file(path, format=step.format)


@play.register
def _(step: ReverseUsage, world: World) -> None:
    usage.reverse(step.id)
