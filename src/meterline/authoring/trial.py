"""Playing the scenarios of a draft, and the report that a reviewer reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meterline.catalog import drafts
from meterline.catalog.candidate import affected
from meterline.catalog.files import CatalogFile
from meterline.catalog.models import Draft
from meterline.catalog.services import Change
from meterline.insight import members
from meterline.platform import audit, clock
from meterline.scenario.read import read
from meterline.scenario.run import run
from meterline.scenario.scratch import scratch


@dataclass(frozen=True, kw_only=True)
class Review:
    """What a draft changes now, whom, and whether its scenarios hold."""

    draft: Draft
    changes: list[Change]
    reasons: dict[str, tuple[str, ...]]  # affected plan -> why
    subscriptions: dict[str, int]  # affected plan -> subscriptions that have it now
    outcomes: list[dict[str, Any]] | None  # file, scenario, passed, differences; None: it has none


def review(draft: Draft) -> Review:
    """Play a draft's scenarios on a scratch database and look at what it changes; kept with it.

    Raises DraftState, ScratchRefused.
    """
    with drafts.opened(draft) as (catalogue, scenarios):
        outcomes = played(scenarios) if scenarios else None
        reasons, counts = affects(catalogue)
    changes = drafts.reviewed(draft, outcomes)
    return Review(
        draft=draft, changes=changes, reasons=reasons, subscriptions=counts, outcomes=outcomes
    )


def affects(
    catalogue: CatalogFile, most: int | None = None, changes: list[Change] | None = None
) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    """Why plans are affected by a catalogue, and how many subscriptions have each of them now,
    counted up to `most`; `changes`: what it changes as of today, if it is known."""
    reasons = dict(affected(catalogue, changes).reasons)
    return reasons, members.standing(list(reasons), clock.now(), most)


def review_as(draft_id: int, actor: str) -> None:
    """`review` in the name of somebody, where nobody is signed in."""
    with audit.acting_as(actor):
        review(drafts.get(draft_id))


def played(files: list[Path]) -> list[dict[str, Any]]:
    """How the scenarios of files end; the files are called by their names."""
    with scratch():
        ended = [run(one) for file in files for one in read(file)]
    return [
        {
            "file": Path(one.file).name,
            "scenario": one.scenario,
            "passed": one.passed,
            "differences": list(one.differences),
        }
        for one in ended
    ]
