"""Whether a draft may go a step further. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from meterline.catalog.errors import CatalogMoved, DraftState, NotTried, SameEyes, TrialFailed
from meterline.kernel.errors import MeterlineError

Basis = Sequence[Sequence[Any]]  # kind, code, number of the new version


@dataclass(frozen=True, kw_only=True)
class Standing:
    """All that decides whether a draft may be approved."""

    draft: int
    state: str
    authors: Sequence[str]
    actor: str
    four_eyes: bool
    has_scenarios: bool
    outcomes: Sequence[dict[str, Any]] | None  # of the last trial; None: there was none
    reviewed: Basis
    present: Basis
    changes: str  # what publishing would change, as text


def in_state(draft: int, state: str, *expected: str) -> None:
    """Raises DraftState unless the draft is in one of the expected states."""
    if state not in expected:
        raise DraftState(draft=draft, state=state, expected=" or ".join(expected))


def refusal(standing: Standing) -> MeterlineError | None:
    """Why a draft cannot be approved; None if it can."""
    if standing.state != "draft":
        return DraftState(draft=standing.draft, state=standing.state, expected="draft")
    if standing.four_eyes and standing.actor in standing.authors:
        return SameEyes(draft=standing.draft, author=standing.actor)
    if standing.has_scenarios and standing.outcomes is None:
        return NotTried(draft=standing.draft)
    failed = [one for one in standing.outcomes or () if not one["passed"]]
    if failed:
        names = ", ".join(f"{one['scenario'] or one['file']}" for one in failed)
        return TrialFailed(draft=standing.draft, scenarios=names)
    return moved(standing.draft, standing.reviewed, standing.present, standing.changes)


def moved(draft: int, before: Basis, now: Basis, changes: str) -> CatalogMoved | None:
    """Whether versions were published that the draft was not looked at with."""
    known = {tuple(one) for one in before}
    newer = [f"{kind} {code}" for kind, code, number in now if (kind, code, number) not in known]
    if not newer:
        return None
    return CatalogMoved(draft=draft, what=", ".join(newer), changes=f"\n{changes}")
