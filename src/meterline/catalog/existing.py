"""Who has the plans that are published: rooms above say so, since the catalogue knows of none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
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


_keepers: list[Keeper] = []


def register(keeper: Keeper) -> None:
    """Ask and tell `keeper` from now on."""
    if keeper not in _keepers:
        _keepers.append(keeper)


def holders(plan: str, existing: str, effective: date, most: int | None = None) -> Holders:
    """Who has a plan on the day on which a new version begins; counted up to `most`."""
    count = sum(keeper.count(plan, effective, most) for keeper in _keepers)
    return Holders(plan=plan, existing=existing, count=count)


def move(version: PlanVersion) -> int:
    """Move who has another version of the plan, as the new one says; returns how many."""
    if version.existing == "keep":
        return 0
    return sum(keeper.move(version) for keeper in _keepers)
