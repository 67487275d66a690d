"""What the worker does besides jobs: loops of rooms, each in a thread of its own, until it stops.

A room registers its loop in `jobs.py`, which the worker imports:

    @beside
    def load_received(stop: threading.Event) -> None: ...
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Loop = Callable[[threading.Event], None]

_LOOPS: list[Loop] = []
_AGAIN_SECONDS = 2.0
_log = logging.getLogger(__name__)


def beside(loop: Loop) -> Loop:
    """Register a loop that ends once `stop` is set."""
    _LOOPS.append(loop)
    return loop


@contextmanager
def loops() -> Iterator[None]:
    """All loops run while what is inside does. A loop that breaks ends the program: whoever watches
    over it starts it again."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=_kept_up, args=(loop, stop), name=loop.__name__) for loop in _LOOPS
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _kept_up(loop: Loop, stop: threading.Event) -> None:
    """Run a loop; where the database is gone, again and again."""
    from django.db import InterfaceError, OperationalError, connection

    ended = False
    try:
        while not stop.is_set():
            try:
                loop(stop)
            except (OperationalError, InterfaceError) as error:
                _log.warning("%s waits for the database: %s", loop.__name__, error)
                connection.close()
                stop.wait(_AGAIN_SECONDS)
        ended = True
    finally:
        connection.close()
        if not ended:
            os.kill(os.getpid(), signal.SIGTERM)
