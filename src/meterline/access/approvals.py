"""Four eyes: what one person asks for, another one approves, and then it is done once.

A room asks with a digest of exactly what is to be done; doing it hands the digest in again, so
that nothing else than what was approved can be done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from meterline.access.errors import ApprovalMoved, ApprovalNeeded, NotAwaiting, SecondPersonNeeded
from meterline.access.models import Approval
from meterline.platform import audit, clock, events


def digest_of(payload: Mapping[str, Any]) -> str:
    """What tells one content from another, whatever the order of its keys."""
    canonical = json.dumps(payload, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


@transaction.atomic
def ask(
    kind: str, subject: str, *, summary: str, permission: str, payload: Mapping[str, Any]
) -> Approval:
    """Ask for approval by somebody with `permission`; asking again for the same changes nothing,
    and what was asked for before with another content is withdrawn."""
    digest = digest_of(payload)
    held = _open(kind, subject)
    if held is not None and held.digest == digest:
        return held
    if held is not None:
        held.state, held.decided_at, held.note = "refused", clock.now(), "replaced"
        held.save()
    approval = Approval.objects.create(
        kind=kind, subject=subject, summary=summary, permission=permission, digest=digest,
        payload=dict(payload), asked_by=audit.actor(), asked_at=clock.now(),
    )  # fmt: skip
    facts = {"kind": kind, "summary": summary, "digest": digest}
    audit.record("approval.asked", subject, after=facts)
    events.emit("approval.asked", subject, facts)
    return approval


@transaction.atomic
def decide(approval_id: int, *, approved: bool, note: str = "") -> Approval:
    """Approve, or refuse, in the name of the actor. Raises NotAwaiting, SecondPersonNeeded.

    The caller checks that the actor has the permission `approval.permission`. Whoever asked may
    refuse (withdraw), but not approve.
    """
    approval = Approval.objects.select_for_update().get(pk=approval_id)
    if approval.state != "awaiting":
        raise NotAwaiting(approval=approval.pk, state=approval.state)
    if approved and approval.asked_by == audit.actor():
        raise SecondPersonNeeded(actor=approval.asked_by)
    approval.state = "approved" if approved else "refused"
    approval.decided_by, approval.decided_at, approval.note = audit.actor(), clock.now(), note
    approval.save()
    facts = {"kind": approval.kind, "note": note}
    audit.record(f"approval.{approval.state}", approval.subject, after=facts)
    events.emit(f"approval.{approval.state}", approval.subject, facts)
    return approval


@transaction.atomic
def withdraw(kind: str, subject: str, *, note: str) -> None:
    """What was asked for, or approved, is not to be done any more."""
    held = _open(kind, subject)
    if held is not None:
        held.state, held.decided_at, held.note = "refused", clock.now(), note
        held.save(update_fields=["state", "decided_at", "note"])
        audit.record("approval.withdrawn", subject, after={"kind": kind, "note": note})


@transaction.atomic
def use(kind: str, subject: str, payload: Mapping[str, Any]) -> Approval:
    """Take the approval for an act that is done in the same transaction.

    Raises ApprovalNeeded where none was given, ApprovalMoved where it was for something else.
    """
    held = _open(kind, subject)
    if held is None or held.state != "approved":
        raise ApprovalNeeded(kind=kind, subject=subject)
    if held.digest != digest_of(payload):
        raise ApprovalMoved
    held.state = "done"
    held.save(update_fields=["state"])
    return held


def _open(kind: str, subject: str) -> Approval | None:
    return (
        Approval.objects.select_for_update()
        .filter(kind=kind, subject=subject, state__in=("awaiting", "approved"))
        .first()
    )
