"""Chunks of a bill run committed side by side, each numbered in its turn: a core is not enough for
the database to write what two can compute."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from threading import Condition

from django.db import connection

from meterline.billing.chunk import Bill
from meterline.billing.errors import EarlierChunkFailed

AT_ONCE = 2  # chunks that are written: while one is numbered, the next one's lines go ahead
Commit = Callable[[Bill, Callable[[], None]], list[int]]


class Turns:
    """Whose turn it is: that of a number when all before it are over."""

    def __init__(self) -> None:
        self._next = 0
        self._failed: set[int] = set()
        self._changed = Condition()

    def wait(self, number: int) -> None:
        """Returns when it is the turn of `number`. Raises EarlierChunkFailed."""
        with self._changed:
            self._changed.wait_for(lambda: self._next == number or self._fails(number))
            if self._fails(number):
                raise EarlierChunkFailed

    def over(self, number: int) -> None:
        """The turn of `number` is over."""
        with self._changed:
            self._next = number + 1
            self._changed.notify_all()

    def failed(self, number: int) -> None:
        """There will be no turn after that of `number`."""
        with self._changed:
            self._failed.add(number)
            self._changed.notify_all()

    def _fails(self, number: int) -> bool:
        return any(one < number for one in self._failed)


def committed(bills: Iterable[Bill], commit: Commit) -> Iterator[list[int]]:
    """What `commit(bill, in_turn)` gives of each bill, in their order. Each has a connection of its
    own; a bill whose commit fails lets none after it be committed."""
    turns = Turns()
    running: deque[Future[list[int]]] = deque()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for number, bill in enumerate(bills):
            here = copy_context()
            running.append(threads.submit(here.run, _commit, turns, number, bill, commit))
            if len(running) > AT_ONCE:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def _commit(turns: Turns, number: int, bill: Bill, commit: Commit) -> list[int]:
    try:
        made = commit(bill, partial(turns.wait, number))
    except BaseException:
        turns.failed(number)
        raise
    else:
        turns.over(number)
        return made
    finally:
        connection.close()
