"""One plan as it is offered: all that bills of somebody who takes it depend on, made in memory.

Of the version in force, or of a file that is not; nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from meterline.catalog import candidate, reading, resolve
from meterline.catalog.candidate import Affected, Candidate
from meterline.catalog.files import CatalogFile
from meterline.catalog.models import PlanVersion
from meterline.catalog.services import Change, diff
from meterline.kernel.interval import Interval
from meterline.pricing.price import Price
from meterline.rating.tariff import Tariff, assemble


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A plan: what billing takes of it, how its usage is rated, and its stages.

    `stages`: plan version (below zero) and for how long it holds at first, None: from then on.
    """

    code: str
    name: str
    currency: str
    timezone: str
    candidate: Candidate
    tariff: Tariff
    stages: tuple[tuple[int, Interval | None], ...]
    trial: Interval | None
    by_seconds: bool

    @property
    def prices(self) -> list[Price]:
        """The prices of the plan itself, after its stages."""
        last = self.stages[-1][0]
        return [one for one in self.candidate.prices if one.plan_version_id == last]


def in_force(version: PlanVersion) -> Offered:
    """A published version of a plan."""
    made = candidate.of_versions(_stages(version, version.body), ())
    cards = reading.compiled_cards()
    tariff = assemble(made.prices, made.meters, made.calendars, cards)
    return _offered(version, version.body, made, tariff)


def of_file(catalogue: CatalogFile, plan: str) -> Offered:
    """A plan as a file has it; what the file leaves out is as it is in force."""
    changes = diff(catalogue)
    (change,) = (one for one in changes if (one.kind, one.code) == ("plan", plan))
    name = catalogue.plans[plan].name or resolve.spoken(plan)
    version = PlanVersion(plan_code=plan, name=name, **change.terms)
    others = [one for one in changes if one.kind != "plan"]
    made = candidate.of_versions(_stages(version, change.body), others)
    return _offered(version, change.body, made, _tariff(catalogue, others, made))


def _tariff(catalogue: CatalogFile, changes: Sequence[Change], made: Candidate) -> Tariff:
    changed = any(one.kind in ("rate_card", "calendar") and not one.unchanged for one in changes)
    if changed:
        return candidate.compiled(catalogue, Affected(changes=changes, reasons={}), made)
    return assemble(made.prices, made.meters, made.calendars, reading.compiled_cards())


def _stages(version: PlanVersion, body: dict[str, Any]) -> list[PlanVersion]:
    """The plan in each of its phases, and the plan itself, as versions that are not kept."""
    overrides = [phase.get("prices") or {} for phase in body.get("phases") or ()]
    bodies = [*(resolve.overridden(body, one) for one in overrides), body]
    return [
        PlanVersion(id=number, plan_code=version.plan_code, name=version.name, body=one,
                    currency=version.currency, timezone=version.timezone)
        for number, one in enumerate(bodies, start=1)
    ]  # fmt: skip


def _offered(
    version: PlanVersion, body: dict[str, Any], made: Candidate, tariff: Tariff
) -> Offered:
    lengths = [*(Interval.parse(one["for"]) for one in body.get("phases") or ()), None]
    return Offered(
        code=version.plan_code, name=version.name, currency=version.currency,
        timezone=version.timezone, candidate=made, tariff=tariff,
        stages=tuple(zip(made.versions.values(), lengths, strict=True)),
        trial=Interval.parse(body["trial"]) if body.get("trial") else None,
        by_seconds=body["policy"]["day_count"] == "seconds",
    )  # fmt: skip
