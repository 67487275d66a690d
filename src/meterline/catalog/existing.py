"""Who has the plans that are published: rooms above say so, since the catalogue knows of none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import Protocol

from meterline.catalog.models import PlanVersion


@dataclass(frozen=True, kw_only=True)
class Holders:
    """How many subscriptions have another version of a plan on the day of a new one, and what
    becomes of them: keep, move or move_at_renewal."""

    plan: str
    existing: str
    count: int


class Keeper(Protocol):
    """Keeps subscriptions of plans."""

    def count(self, plan: str, effective: date, most: int | None = None) -> int:
        """How many have the plan on a day, or will; counted up to `most`."""

    def move(self, version: PlanVersion) -> int:
        """Give them a new version, from its day on or at their renewal; returns how many."""


_modules: list[str] = []


def register(module: str) -> None:
    """Ask and tell the KEEPER of a module from now on. It is loaded once there is something to ask:
    contracts are much to load for a program that publishes nothing."""
    if module not in _modules:
        _modules.append(module)


def holders(plan: str, existing: str, effective: date, most: int | None = None) -> Holders:
    """Who has a plan on the day on which a new version begins; counted up to `most`."""
    count = sum(keeper.count(plan, effective, most) for keeper in _keepers())
    return Holders(plan=plan, existing=existing, count=count)


def move(version: PlanVersion) -> int:
    """Move who has another version of the plan, as the new one says; returns how many."""
    if version.existing == "keep":
        return 0
    return sum(keeper.move(version) for keeper in _keepers())


def _keepers() -> list[Keeper]:
    return [import_module(module).KEEPER for module in _modules]
