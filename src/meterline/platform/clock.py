"""The clock: the only place that reads the time. Services pass it on; decisions never read it."""

from __future__ import annotations

import os
from datetime import UTC, datetime

_VARIABLE = "METERLINE_CLOCK"


def now() -> datetime:
    """The present instant (aware, UTC), or the one the clock was moved to."""
    moved = os.environ.get(_VARIABLE)
    return datetime.fromisoformat(moved).astimezone(UTC) if moved else datetime.now(UTC)


def move_to(instant: datetime | None) -> None:
    """Set the clock for this process and those it starts; None lets it run again."""
    if instant is None:
        os.environ.pop(_VARIABLE, None)
        return
    if instant.tzinfo is None:
        raise ValueError("the clock takes aware instants")
    os.environ[_VARIABLE] = instant.astimezone(UTC).isoformat()
