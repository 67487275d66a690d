"""Libraries that take long to load: commands load them where they are needed."""

from __future__ import annotations

from importlib import import_module

LARGE = ("numpy", "polars", "pyarrow.parquet", "altair")


def load() -> None:
    """Load them before there are several threads: two that load one at the same time may each see
    half of it."""
    for name in LARGE:
        import_module(name)
