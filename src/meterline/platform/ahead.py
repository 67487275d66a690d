"""Working ahead: the next items of an iterator are made while the caller works on one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
_END = object()


def ahead(items: Iterable[Item], depth: int = 1) -> Iterator[Item]:
    """The items, made one after another in another thread, up to `depth` of them before they are
    asked for. Errors come through."""
    source = iter(items)
    with ThreadPoolExecutor(1) as thread:
        coming = deque(thread.submit(next, source, _END) for _ in range(depth))
        while (item := coming.popleft().result()) is not _END:
            coming.append(thread.submit(next, source, _END))
            yield item  # type: ignore[misc]
