"""Chunks of a bill run computed in worker processes or on a cluster, side by side; whoever asked
commits them, in order, so that numbers come out the same however many workers there are."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from meterline.billing.errors import WorkerLost
from meterline.platform import engine

if TYPE_CHECKING:
    from meterline.billing.chunk import Bill
    from meterline.billing.snapshot import Until

AHEAD_A_WORKER = 2  # so many chunks wait at most, to be committed
Result = TypeVar("Result")


def compute_chunks(
    chunks: Sequence[Sequence[int]],
    until: Until,
    issued_at: datetime,
    *,
    progressive: bool,
    workers: int,
) -> Iterator[Bill]:
    """The bills of chunks of account ids, in their order. Raises WorkerLost."""
    jobs = ((list(ids), until, issued_at, progressive) for ids in chunks)
    return in_workers(_compute, jobs, workers)


def in_workers(
    work: Callable[..., Result], jobs: Iterable[tuple[Any, ...]], workers: int
) -> Iterator[Result]:
    """`work` (a function of a module, with Django at hand) of each job's arguments, in processes,
    in the order of the jobs; few are ahead of what is taken.

    Raises WorkerLost where a process died; what it was at has written nothing.
    """
    far = engine.cluster()
    pool, workers = (far, far.size) if far else (processes(workers), workers)
    waiting = iter(jobs)
    running: deque[engine.Pending] = deque()
    try:
        while True:
            for job in islice(waiting, AHEAD_A_WORKER * workers - len(running)):
                running.append(pool.submit(work, *job))
            if not running:
                break
            yield running.popleft().result()
    except BrokenProcessPool as error:
        raise WorkerLost from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def processes(workers: int) -> ProcessPoolExecutor:
    """Processes of this machine that work with Django at hand, and end with this one."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(max_workers=workers, mp_context=context, initializer=_start)


def _start() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meterline.platform.settings")
    import django

    django.setup()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _compute(account_ids: list[int], until: Until, issued_at: datetime, progressive: bool) -> Bill:
    from meterline.billing import chunk

    return chunk.compute(account_ids, until, issued_at, progressive=progressive)
