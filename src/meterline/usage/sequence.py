"""Numbers of files: what is missing between them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Gap = tuple[int, int]  # first and last number that is missing


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What the arrival of a number means."""

    expected: int  # the number that comes next
    opened: Gap | None = None  # numbers that were skipped
    filled: Gap | None = None  # the gap that the number was missing in
    left: tuple[Gap, ...] = ()  # what still is missing of that gap
    repeated: bool = False  # the number came before


def arrived(number: int, *, expected: int | None, gaps: Sequence[Gap], last: int | None) -> Arrival:
    """What a file's number means, where `expected` should be next (None: it is the first file) and
    `gaps` are open. After `last`, numbers begin anew with 1 (or 0)."""
    after = 1 if last is not None and number >= last else number + 1
    if expected is None:
        return Arrival(expected=after)
    for gap in gaps:
        if gap[0] <= number <= gap[1]:
            parts = ((gap[0], number - 1), (number + 1, gap[1]))
            left = tuple(part for part in parts if part[0] <= part[1])
            return Arrival(expected=expected, filled=gap, left=left)
    begins_anew = last is not None and (number, expected) == (0, 1)
    if number == expected or begins_anew:
        return Arrival(expected=after)
    is_far = last is not None and abs(number - expected) > last // 2
    if number > expected and not is_far:
        return Arrival(expected=after, opened=(expected, number - 1))
    if number < expected and is_far and last is not None:  # numbers began anew in between
        return Arrival(expected=after, opened=(expected, last))
    return Arrival(expected=expected, repeated=True)


def shown(gaps: Sequence[Gap]) -> str:
    """Missing numbers, to be read: 8-9, 14."""
    return ", ".join(
        str(first) if first == last else f"{first}-{last}" for first, last in sorted(gaps)
    )
