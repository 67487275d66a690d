"""What is read from the database and never changes there, kept for the next time that it is asked
for. Each database has its own: a process may work on several (scenarios run on scratch ones)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

from django.db import connection

Read = TypeVar("Read", bound=Callable[..., Any])


def remembered(most: int) -> Callable[[Read], Read]:
    """`lru_cache(most)` by the database as well as by the arguments."""

    def decorated(read: Read) -> Read:
        @lru_cache(maxsize=most)
        def kept(_database: tuple[Any, ...], *arguments: Any) -> Any:
            return read(*arguments)

        @wraps(read)
        def asked(*arguments: Any) -> Any:
            where = connection.settings_dict
            return kept((where["HOST"], where["PORT"], where["NAME"]), *arguments)

        return cast(Read, asked)

    return decorated
