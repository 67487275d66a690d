"""The audit log: who did what, with what was before and after."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from meterline.platform import clock

_actor: ContextVar[str | None] = ContextVar("actor", default=None)


def actor() -> str:
    """Who acts: the user set by a surface, else the operating system's user."""
    return _actor.get() or _system()


@cache
def _system() -> str:
    return f"system:{getpass.getuser()}"


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
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO platform_auditentry (at, actor, action, subject, before, after)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [clock.now(), actor(), action, subject, _json(before), _json(after)],
        )


def _json(values: Mapping[str, Any] | None) -> Jsonb | None:
    return None if values is None else Jsonb(values)
