"""Which made line answers which expected one: a bipartite matching, not the first that fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

E = TypeVar("E")
M = TypeVar("M")


def match(expected: Sequence[E], made: Sequence[M], fits: Callable[[E, M], bool]) -> dict[int, int]:
    """The largest matching: index of the expected one -> index of the made one.

    Kuhn's augmenting paths: an expected item takes a made one from another that can move on.
    """
    edges = [[j for j, other in enumerate(made) if fits(one, other)] for one in expected]
    taken: dict[int, int] = {}

    def place(index: int, seen: set[int]) -> bool:
        for j in edges[index]:
            if j in seen:
                continue
            seen.add(j)
            if j not in taken or place(taken[j], seen):
                taken[j] = index
                return True
        return False

    for index in range(len(expected)):
        place(index, set())
    return {index: j for j, index in taken.items()}
