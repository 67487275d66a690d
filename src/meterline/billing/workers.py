"""Chunks of a bill run in worker processes. They compute side by side and commit in order, so
that numbers come out the same however many workers there are."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from typing import TYPE_CHECKING, Any

from meterline.billing.errors import WorkerLost

if TYPE_CHECKING:
    from meterline.billing.snapshot import Until

_turns: Any = None


class Abandoned(RuntimeError):
    """An earlier chunk failed, so that this one must not be committed."""


def run_chunks(
    chunks: Sequence[tuple[int, list[int]]],
    run_id: int,
    until: Until,
    issued_at: datetime,
    *,
    progressive: bool,
    workers: int,
) -> Iterator[int]:
    """Bill numbered chunks of account ids; yields the invoices made, chunk by chunk, in order.

    Raises WorkerLost where a process died; what was committed before stands.
    """
    context = multiprocessing.get_context("spawn")
    turns = _Turns(context, chunks[0][0])
    pool = ProcessPoolExecutor(
        max_workers=workers, mp_context=context, initializer=_start, initargs=(turns,)
    )
    try:
        jobs: list[Future[int]] = [
            pool.submit(_bill, number, ids, run_id, until, issued_at, progressive)
            for number, ids in chunks
        ]
        for job in jobs:
            yield job.result()
    except BrokenProcessPool as error:
        turns.abandon()
        raise WorkerLost from error
    finally:
        turns.abandon()
        pool.shutdown(wait=True, cancel_futures=True)


class _Turns:
    """Whose turn it is to commit."""

    def __init__(self, context: Any, first: int) -> None:
        self._changed = context.Condition()
        self._next = context.Value("q", first, lock=False)

    def wait_for(self, number: int) -> None:
        with self._changed:
            while self._next.value != number:
                if self._next.value < 0:
                    raise Abandoned
                self._changed.wait(timeout=1)

    def pass_on(self, number: int) -> None:
        with self._changed:
            if self._next.value >= 0:
                self._next.value = number + 1
            self._changed.notify_all()

    def abandon(self) -> None:
        with self._changed:
            self._next.value = -1
            self._changed.notify_all()


def _start(turns: _Turns) -> None:
    global _turns
    _turns = turns
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meterline.platform.settings")
    import django

    django.setup()


def _bill(
    number: int,
    account_ids: list[int],
    run_id: int,
    until: Until,
    issued_at: datetime,
    progressive: bool,
) -> int:
    from meterline.billing import chunk
    from meterline.billing.models import BillRun

    try:
        bill = chunk.compute(account_ids, until, issued_at, progressive=progressive)
        _turns.wait_for(number)
        made = chunk.commit(bill, issued_at, BillRun.objects.get(id=run_id))
    except BaseException:
        _turns.abandon()
        raise
    _turns.pass_on(number)
    return len(made)
