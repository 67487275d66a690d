"""What differs between two bodies, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One field: what it was and what it becomes; None where it is not there."""

    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        match self:
            case Difference(before=None):
                return f"{self.field}: {self.after}"
            case Difference(after=None):
                return f"{self.field}: {self.before} -> (removed)"
        return f"{self.field}: {self.before} -> {self.after}"


def differences(before: Any, after: Any) -> list[Difference]:
    """The differences of two bodies, in the order of their fields; policies that hold anyway are
    part of a body too."""
    return list(_differences("", before, after))


def _differences(field: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    old, new = _parts(before), _parts(after)
    if old is None or new is None:
        yield Difference(field=field, before=before, after=after)
        return
    for key in [*new, *(key for key in old if key not in new)]:
        inner = f"{field}.{key}" if field else str(key)
        yield from _differences(inner, old.get(key), new.get(key))


def _parts(value: Any) -> dict[Any, Any] | None:
    """The parts of a mapping or list by key or place."""
    match value:
        case Mapping():
            return dict(value)
        case list():
            return dict(enumerate(value))
    return None
