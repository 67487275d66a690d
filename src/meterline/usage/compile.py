"""The compiled loops of loading and rating, made ahead of their first use: `python -m
meterline.usage.compile` is a part of the set-up."""

from __future__ import annotations

from meterline.rating.taximeter import charged
from meterline.usage.bodies import split_array
from meterline.usage.deduplicate import find_keys
from meterline.usage.key_run import fill_filter, find_rows, merge_runs
from meterline.usage.spans import enter_keys, find_spans


def compile_loops() -> None:
    """Compile what is not compiled yet, and load all of it."""
    seeking = (find_keys, enter_keys, find_spans, find_rows)
    for loop in (*seeking, charged, fill_filter, merge_runs, split_array):
        loop.compile()


if __name__ == "__main__":
    compile_loops()
