"""Chunks are written side by side and numbered one after another; none after one that failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from meterline.billing.turns import committed

InTurn = Callable[[], None]


def test_they_are_numbered_in_order_however_long_each_takes() -> None:
    numbered: list[int] = []

    def commit(bill: Any, in_turn: InTurn) -> list[int]:
        time.sleep(0.02 if bill % 2 == 0 else 0)
        in_turn()
        numbered.append(bill)
        return [bill]

    assert list(committed(range(7), commit)) == [[n] for n in range(7)]  # type: ignore[arg-type]
    assert numbered == list(range(7))


@pytest.mark.parametrize("early", [True, False])
def test_none_after_one_that_failed_is_committed(early: bool) -> None:
    done: list[int] = []

    def commit(bill: Any, in_turn: InTurn) -> list[int]:
        if bill == 1 and early:
            raise ZeroDivisionError
        in_turn()
        if bill == 1:
            raise ZeroDivisionError
        done.append(bill)
        return [bill]

    told = committed(range(5), commit)  # type: ignore[arg-type]
    assert next(told) == [0]
    with pytest.raises(ZeroDivisionError):
        next(told)
    assert done == [0]
