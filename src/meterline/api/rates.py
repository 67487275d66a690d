"""How much a key may send: so many events a second, in this process. A key that has spent more than
it had waits until that is made good, so the average is kept whatever the size of a delivery."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from meterline.access.models import ApiKey
from meterline.api.errors import SlowDown


@dataclass(kw_only=True)
class Rates:
    """What keys have left; at most what they may send in a second."""

    clock: Callable[[], float] = time.monotonic
    _left: dict[int, tuple[float, float]] = field(default_factory=dict)  # when, how much
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, key: ApiKey) -> None:
        """Raises SlowDown where the key has to wait."""
        if key.rate is None:
            return
        left = self._now(key.pk, key.rate)
        if left <= 0:
            seconds = max(1, math.ceil(-left / key.rate))
            raise SlowDown(why=f"this key may send {key.rate:,} events a second", seconds=seconds)

    def spend(self, key: ApiKey, events: int) -> None:
        """Note what a key has sent."""
        if key.rate is None:
            return
        with self._lock:
            self._left[key.pk] = (self.clock(), self._now(key.pk, key.rate) - events)

    def _now(self, key_id: int, rate: int) -> float:
        when, left = self._left.get(key_id, (self.clock(), float(rate)))
        return min(rate, left + (self.clock() - when) * rate)


RATES = Rates()
