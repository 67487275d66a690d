"""The compiled loops of loading and rating, made ahead of their first use: `python -m
meterline.usage.compile` is a part of the set-up."""

from __future__ import annotations

from typing import Any

from meterline.kernel.compiled import Compiled
from meterline.rating.destination import find_ranges
from meterline.rating.draw import draw
from meterline.rating.taximeter import charged
from meterline.usage import key_filter, key_run
from meterline.usage.bodies import split_array
from meterline.usage.cut import count_lines, find_edges, kinds_of, view_fields
from meterline.usage.deduplicate import find_keys
from meterline.usage.in_utc import read_instants
from meterline.usage.murmur import hash_texts
from meterline.usage.spans import enter_keys, find_spans

LOOPS: tuple[Compiled[..., Any], ...] = (
    count_lines, kinds_of, find_edges, view_fields, read_instants, find_keys, enter_keys,
    find_spans, find_ranges, charged, key_run.find_rows, key_run.merge_runs, key_filter.fill,
    key_filter.passing, split_array, hash_texts, draw,
)  # fmt: skip


def compile_loops() -> None:
    """Compile what is not compiled yet, and load all of it."""
    for loop in LOOPS:
        loop.compile()


if __name__ == "__main__":
    compile_loops()
