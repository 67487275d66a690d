"""Deliveries that come at the same time are looked at and kept together: what it costs to look at
one is hardly more for several, and they share a commit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import polars as pl

from meterline.platform import clock
from meterline.usage.bodies import Lines
from meterline.usage.events import decoded, faults
from meterline.usage.models import Receipt


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Events as they came, and the receipt that is to keep them."""

    lines: Lines
    receipt: Receipt
    kept: Future[pl.DataFrame] = field(default_factory=Future)


class Desk:
    """Where deliveries are taken by many threads."""

    def __init__(self) -> None:
        self._waiting: deque[Delivery] = deque()
        self._one_at_a_time = threading.Lock()

    def take(self, lines: Lines, receipt: Receipt) -> pl.DataFrame:
        """Keep a receipt, durably, unless there are faults in its events; these (events.faults).
        Whoever comes first takes all that wait. Raises whatever the database raises."""
        mine = Delivery(lines=lines, receipt=receipt)
        self._waiting.append(mine)
        with self._one_at_a_time:
            if not mine.kept.done():
                those = [self._waiting.popleft() for _ in range(len(self._waiting))]
                try:
                    _settle(those)
                finally:  # where it failed, each of the others tries by itself
                    left = [one for one in those if not one.kept.done() and one is not mine]
                    self._waiting.extend(left)
        return mine.kept.result()


def _settle(those: Sequence[Delivery]) -> None:
    looked_at = list(_looked_at(those))
    Receipt.objects.bulk_create([one.receipt for one, found in looked_at if found.is_empty()])
    for one, found in looked_at:
        one.kept.set_result(found)


def _looked_at(those: Sequence[Delivery]) -> Iterator[tuple[Delivery, pl.DataFrame]]:
    """Each delivery and its faults."""

    def alike(one: Delivery) -> tuple[str, str]:
        return one.receipt.format, one.receipt.source

    for (format, source), some in groupby(sorted(those, key=alike), key=alike):
        group = list(some)
        text = b"\n".join(one.lines.text for one in group)
        found = faults(decoded(text, format), source=source, now=clock.now())
        ends = np.cumsum([one.lines.count for one in group])
        for one, end in zip(group, ends.tolist(), strict=True):
            first = end - one.lines.count
            mine = found.filter(pl.col("line").is_between(first + 1, end))
            yield one, mine.with_columns(pl.col("line") - first)


DESK = Desk()
