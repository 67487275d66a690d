"""Drafts: a catalogue file kept with its decks and scenarios, reviewed, approved, published."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from django.db import transaction

from meterline.catalog import services
from meterline.catalog.errors import NothingToPublish, UnknownDraft
from meterline.catalog.files import CatalogFile, parse
from meterline.catalog.models import Draft, DraftFile, Trial
from meterline.catalog.review import Basis, Standing, in_state, moved, refusal
from meterline.catalog.services import Applied, Change, diff, told
from meterline.platform import audit, clock, events


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A file that belongs to a draft."""

    path: str  # relative to the folder that all of them share
    content: bytes
    scenario: bool = False


def create(
    name: str, files: Sequence[Kept], *, note: str = "", replaces: Draft | None = None
) -> Draft:
    """Keep a catalogue file (`name` among `files`) with all that it needs; a draft that it replaces
    is withdrawn.

    Raises CatalogInvalid, NotSupported, DraftState, and NothingToPublish where it says what is in
    force.
    """
    with transaction.atomic(), unpacked(files) as folder:
        if replaces is not None:
            withdraw(replaces)
        changes = diff(parse(folder / name))
        if all(one.unchanged for one in changes):
            raise NothingToPublish(file=name)
        draft = Draft.objects.create(
            name=name, digest=_digest(files), author=audit.actor(), note=note,
            created_at=clock.now(), basis=basis(changes), replaces=replaces,
        )  # fmt: skip
        DraftFile.objects.bulk_create(
            DraftFile(draft=draft, path=one.path, content=one.content, scenario=one.scenario)
            for one in files
        )
        replaced = {"replaces": replaces.pk} if replaces else {}
        _tell(draft, "drafted", {"file": name, "digest": draft.digest, **replaced})
    return draft


def kept(draft: Draft) -> list[Kept]:
    """The files of a draft."""
    rows = draft.files.order_by("id")
    return [Kept(path=row.path, content=bytes(row.content), scenario=row.scenario) for row in rows]


def authors(draft: Draft) -> tuple[str, ...]:
    """Whoever had a hand in a draft: its author, and those of the drafts that it replaces."""
    found, one = [], draft
    while True:
        found.append(one.author)
        if one.replaces is None:
            return tuple(dict.fromkeys(found))
        one = one.replaces


def get(draft_id: int) -> Draft:
    """A draft by its number. Raises UnknownDraft."""
    found = Draft.objects.filter(pk=draft_id).first()
    if found is None:
        raise UnknownDraft(draft=draft_id)
    return found


def drafts() -> list[Draft]:
    """All drafts, the newest first."""
    return list(Draft.objects.order_by("-id"))


@contextmanager
def unpacked(files: Sequence[Kept]) -> Iterator[Path]:
    """The files in a folder of their own, while the block runs."""
    with tempfile.TemporaryDirectory(prefix="meterline-draft-") as folder:
        for one in files:
            path = Path(folder) / one.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.content)
        yield Path(folder)


@contextmanager
def opened(draft: Draft) -> Iterator[tuple[CatalogFile, list[Path]]]:
    """A draft's catalogue and its scenario files, while the block runs."""
    files = kept(draft)
    with unpacked(files) as folder:
        catalogue = replace(parse(folder / draft.name), name=draft.name)
        yield catalogue, [folder / one.path for one in files if one.scenario]


def check_open(draft: Draft) -> None:
    """Raises DraftState where a draft is not to be decided any more."""
    in_state(draft.pk, draft.state, "draft")


def reviewed(draft: Draft, outcomes: Sequence[Mapping[str, Any]] | None) -> list[Change]:
    """Note that somebody looks at what the draft changes now, and how its scenarios ended
    (file, scenario, passed, differences; None: it has none). Gives the changes.

    Raises DraftState where it is not to be decided any more.
    """
    with transaction.atomic(), opened(draft) as (catalogue, _):
        held = _locked(draft)
        in_state(held.pk, held.state, "draft")
        changes = diff(catalogue)
        held.basis = basis(changes)
        held.save(update_fields=["basis"])
        if outcomes is not None:
            passed = all(one["passed"] for one in outcomes)
            Trial.objects.create(
                draft=held, at=clock.now(), actor=audit.actor(), passed=passed,
                outcomes=[dict(one) for one in outcomes],
            )  # fmt: skip
        audit.record("catalog.reviewed", f"catalog_draft:{held.pk}", after={"basis": held.basis})
    return changes


def approve(draft: Draft, *, effective: date) -> Draft:
    """Let a draft be published with effect from a day. Raises what review.refusal tells."""
    with transaction.atomic(), opened(draft) as (catalogue, scenarios):
        held = _locked(draft)
        changes = diff(catalogue, effective=effective)
        trial = held.trials.order_by("-id").first()
        refused = refusal(
            Standing(
                draft=held.pk, state=held.state, authors=authors(held), actor=audit.actor(),
                four_eyes=services.rules().four_eyes, has_scenarios=bool(scenarios),
                outcomes=trial.outcomes if trial else None,
                reviewed=held.basis, present=basis(changes), changes=told(changes),
            )
        )  # fmt: skip
        if refused is not None:
            raise refused
        held.state, held.effective = "approved", effective
        held.approved_by, held.approved_at = audit.actor(), clock.now()
        held.save(update_fields=["state", "effective", "approved_by", "approved_at"])
        _tell(held, "approved", {"effective": effective.isoformat()})
    return held


def publish(draft: Draft) -> Applied:
    """Publish what was approved, with effect from the day that was approved.

    Raises DraftState, and CatalogMoved where versions were published since: then it goes back to
    be reviewed.
    """
    with transaction.atomic(), opened(draft) as (catalogue, _):
        held = _locked(draft)
        in_state(held.pk, held.state, "approved")
        changes = diff(catalogue, effective=held.effective)
        gone = moved(held.pk, held.basis, basis(changes), told(changes))
        if gone is None:
            applied = services.publish(catalogue, effective=held.effective)
            held.state = "published"
            held.save(update_fields=["state"])
            _tell(held, "published", applied.made)
            return applied
        held.state, held.effective, held.approved_by, held.approved_at = "draft", None, None, None
        held.save(update_fields=["state", "effective", "approved_by", "approved_at"])
        _tell(held, "reopened", {"changed": gone.details["what"]})
    raise gone


def withdraw(draft: Draft) -> Draft:
    """Give a draft up; it stays on record. Raises DraftState."""
    with transaction.atomic():
        held = _locked(draft)
        in_state(held.pk, held.state, "draft", "approved")
        held.state = "withdrawn"
        held.save(update_fields=["state"])
        _tell(held, "withdrawn", {})
    return held


def basis(changes: Sequence[Change]) -> Basis:
    """What a look at changes rests on: it is another once a newer version is published."""
    return [[one.kind, one.code, one.version] for one in changes]


def _locked(draft: Draft) -> Draft:
    return Draft.objects.select_for_update().get(pk=draft.pk)


def _digest(files: Sequence[Kept]) -> str:
    digest = hashlib.sha256()
    for one in sorted(files, key=lambda one: one.path):
        digest.update(f"{one.path}\n{len(one.content)}\n".encode())
        digest.update(one.content)
    return digest.hexdigest()


def _tell(draft: Draft, what: str, payload: Mapping[str, Any]) -> None:
    subject = f"catalog_draft:{draft.pk}"
    events.emit(f"catalog.draft_{what}", subject, payload)
    audit.record(f"catalog.{what}", subject, after=payload)
