"""Loops over arrays in machine code: functions written in plain Python, compiled by Numba at their
first call and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")


class Compiled(Generic[Given, Made]):
    """A function of NumPy arrays and numbers that runs as machine code, without the interpreter's
    lock.

    `plain` is the same function run by Python: for arrays of whole numbers beyond 64 bits. The
    function may call no other one of ours. Numba is loaded when it is needed first.
    """

    def __init__(self, plain: Callable[Given, Made]) -> None:
        self.plain = plain
        update_wrapper(self, plain)

    @cached_property
    def _fast(self) -> Callable[Given, Made]:
        import numba

        made: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(self.plain)
        found: Callable[Given, Made] = made
        return found

    def __call__(self, *args: Given.args, **named: Given.kwargs) -> Made:
        """Run it as machine code."""
        return self._fast(*args, **named)
