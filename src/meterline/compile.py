"""Compile the loops of rating and loading ahead of their first use: `python -m meterline.compile`,
a part of the set-up."""

from __future__ import annotations

from meterline.rating.taximeter import charged
from meterline.usage.deduplicate import find_keys
from meterline.usage.spans import enter_keys, find_spans

LOOPS = (charged, find_keys, enter_keys, find_spans)

if __name__ == "__main__":
    for loop in LOOPS:
        loop.compile()
