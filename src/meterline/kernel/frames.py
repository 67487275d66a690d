"""Frames of no rows: what most questions about one customer are answered with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import polars as pl


def empty(schema: Mapping[str, Any]) -> pl.DataFrame:
    """A frame of this schema without rows. To make one takes fifty times as long as to copy it."""
    return _made(tuple(schema.items())).clone()


@lru_cache(maxsize=256)
def _made(schema: tuple[tuple[str, Any], ...]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(schema))
