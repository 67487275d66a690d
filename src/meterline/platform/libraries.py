"""Libraries that take long to load: commands load them where they are needed."""

from __future__ import annotations

import os
from importlib import import_module

LARGE = ("numpy", "polars", "pyarrow.parquet", "altair")
_THREADS = "POLARS_MAX_THREADS"
_chosen: list[str] = []  # of the variables of the environment, those that were set here


def for_pages() -> None:
    """This process answers many at once, each with frames of a few rows: to hand those to several
    threads, and wait for them, costs a quarter of a bill. Polars reads this when it is loaded;
    whoever sets POLARS_MAX_THREADS has said otherwise."""
    if _THREADS not in os.environ:
        os.environ[_THREADS] = "1"
        _chosen.append(_THREADS)


def environment() -> dict[str, str]:
    """That of another process which is none for pages."""
    return {name: value for name, value in os.environ.items() if name not in _chosen}


def load() -> None:
    """Load them before there are several threads: two that load one at the same time may each see
    half of it."""
    for name in LARGE:
        import_module(name)
