"""One function for each kind of step: `play` picks it by the step's model."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from meterline.kernel.errors import NotSupported
from meterline.scenario.world import World


@singledispatch
def play(step: Any, world: World) -> None:
    """Do what the step says, at the clock's time; differences go to the world."""
    raise NotSupported(what=f"step {step.do}")
