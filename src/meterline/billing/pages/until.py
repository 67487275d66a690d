"""Until when is billed, as people read it: a day, or an instant within one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from meterline.web import format as written
from meterline.web.rows import Column, Row


def told(until: str) -> str:
    """A day, or an instant, from the text that runs and plans keep (ISO 8601)."""
    at = datetime.fromisoformat(until)
    return written.moment(at) if "T" in until or " " in until else written.day(at.date())


@dataclass(frozen=True)
class Until(Column):
    """Until when a run bills."""

    def value(self, row: Row) -> Any:
        return told(row[self.name])
