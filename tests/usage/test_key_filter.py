"""A filter lets every key pass that is there, and few others."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from meterline.usage import key_filter
from meterline.usage.deduplicate import KEY, keys


def halves(texts: list[str]) -> list[np.ndarray]:
    found = keys(pl.Series(texts))
    return [found[name].to_numpy() for name in KEY]


@pytest.mark.parametrize(("to_a_block", "most"), [(48, 100), (32, 200)])
def test_few_keys_pass_that_are_not_there(to_a_block: int, most: int) -> None:
    there, others = (halves([f"{kind}{n}" for n in range(20_000)]) for kind in "ab")
    words = key_filter.empty(20_000, to_a_block)
    key_filter.fill(*there, words)
    assert key_filter.passing(*there, words).all()
    assert key_filter.passing(*others, words).sum() < 20_000 // most


def test_machine_code_does_what_python_does() -> None:
    there, asked = (halves([f"r{n}" for n in range(since, since + 3_000)]) for since in (0, 1_500))
    fast, slow = (key_filter.empty(3_000, 48) for _ in range(2))
    with np.errstate(over="ignore"):
        key_filter.fill(*there, fast)
        key_filter.fill.plain(*there, slow)
        assert fast.tolist() == slow.tolist()
        found, told = (
            find(*asked, fast) for find in (key_filter.passing, key_filter.passing.plain)
        )
    assert found.tolist() == told.tolist()
