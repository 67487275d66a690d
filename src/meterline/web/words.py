"""Texts of pages: plain, or translated when they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from django.utils.functional import Promise, lazy

Words: TypeAlias = "str | Promise"


def spoken(make: Callable[..., str], *arguments: Any) -> Promise:
    """A text that is made anew in each language in which it is shown."""
    made: Promise = lazy(make, str)(*arguments)
    return made
