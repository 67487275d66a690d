"""Which part of the base: conditions such as region=IT. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meterline.insight.errors import UnknownSegment

COLUMNS = {  # key: column of the query that finds the members
    "country": "t.country",
    "currency": "a.currency",
    "kind": "t.kind",
    "language": "t.language",
    "plan": "v.plan_code",
    "region": "a.tax_region",
    "segment": "c.segment",
    "seller": "s.code",
}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One of these values."""

    key: str
    values: tuple[str, ...]

    @property
    def column(self) -> str:
        """Where the value stands."""
        return COLUMNS[self.key]


def conditions(texts: Iterable[str]) -> tuple[Condition, ...]:
    """KEY=VALUE texts: all keys must hold, each with one of its values. Raises UnknownSegment."""
    found: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or key not in COLUMNS:
            raise UnknownSegment(text=text, known=", ".join(COLUMNS))
        found.setdefault(key, []).append(value)
    return tuple(Condition(key=key, values=tuple(values)) for key, values in found.items())
