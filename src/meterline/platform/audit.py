"""The audit log: who did what, with what was before and after."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from meterline.platform import clock
from meterline.platform.models import AuditEntry

_actor: ContextVar[str | None] = ContextVar("actor", default=None)


def actor() -> str:
    """Who acts: the user set by a surface, else the operating system's user."""
    return _actor.get() or f"system:{getpass.getuser()}"


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Everything inside is done in the name of `name`."""
    token = _actor.set(name)
    try:
        yield
    finally:
        _actor.reset(token)


def record(
    action: str,
    subject: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry, in the transaction of the change that it tells of."""
    AuditEntry.objects.create(
        at=clock.now(), actor=actor(), action=action, subject=subject, before=before, after=after
    )
