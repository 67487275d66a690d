"""How much usage waits to be loaded, and whether more may come."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection

_FRESH_SECONDS = 0.25  # for so long what was counted is good, with what was taken since


def waiting() -> int:
    """The events that wait."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(events), 0) FROM usage_receipt WHERE state = 'waiting'")
        return int(cursor.fetchone()[0])


@dataclass(kw_only=True)
class Backlog:
    """What waits, counted now and then."""

    _events: int = 0
    _counted_at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def takes(self, events: int) -> bool:
        """Whether so many more may come; if so, they are counted with those that wait."""
        with self._lock:
            if time.monotonic() - self._counted_at > _FRESH_SECONDS:
                self._events, self._counted_at = waiting(), time.monotonic()
            if self._events + events > settings.USAGE_WAITING_MOST:
                return False
            self._events += events
            return True


BACKLOG = Backlog()
