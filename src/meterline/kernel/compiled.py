"""Loops over arrays in machine code: functions written in plain Python, compiled by Numba ahead of
their first call and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")


class Compiled(Generic[Given, Made]):
    """A function of NumPy arrays and numbers that runs as machine code, without the interpreter's
    lock.

    `types`: those of its parameters, so that it is compiled once: `int64` is a number, `int64[]` an
    array that it only reads, `int64[,]` one of two axes, `out int64[]` one that it fills; all of
    them contiguous. `plain` is the same function run by Python: for whole numbers beyond 64 bits.
    The function may call no other one of ours. Numba is loaded when it is needed first.
    """

    def __init__(self, plain: Callable[Given, Made], *types: str) -> None:
        self.plain = plain
        self._types = types
        update_wrapper(self, plain)

    def compile(self) -> None:
        """Make the machine code, if it is not there yet."""
        self._fast  # noqa: B018

    @cached_property
    def _fast(self) -> Callable[Given, Made]:
        import numba

        signature = tuple(_type(text, numba.types) for text in self._types)
        make: Any = numba.njit(signature, cache=True, nogil=True, error_model="numpy")
        found: Callable[Given, Made] = make(self.plain)
        return found

    def __call__(self, *args: Given.args, **named: Given.kwargs) -> Made:
        """Run it as machine code."""
        return self._fast(*args, **named)


def _type(text: str, types: Any) -> Any:
    name, filled = text.removeprefix("out "), text.startswith("out ")
    kind, bracket, axes = name.partition("[")
    of_one = getattr(types, kind)
    if not bracket:
        return of_one
    return types.Array(of_one, axes.count(",") + 1, "C", readonly=not filled)
