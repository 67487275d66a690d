"""The compiled loops of loading and rating, made ahead of their first use: `python -m
meterline.usage.compile` is a part of the set-up."""

from __future__ import annotations

from meterline.rating.taximeter import charged
from meterline.usage.deduplicate import find_keys
from meterline.usage.spans import enter_keys, find_spans


def compile_loops() -> None:
    """Compile what is not compiled yet, and load all of it."""
    for loop in (find_keys, enter_keys, find_spans, charged):
        loop.compile()


if __name__ == "__main__":
    compile_loops()
