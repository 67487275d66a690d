"""Dates and instants as people type them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from meterline.kernel.errors import MeterlineError


class InvalidInstant(MeterlineError):
    """{text!r} is no date or instant: expected such as 2026-03-01 or 2026-03-01T10:00:00Z"""

    code = "invalid_instant"


def parse_date_or_instant(text: str) -> date | datetime:
    """`2026-03-01` or an ISO 8601 instant; one without an offset is UTC."""
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInstant(text=text) from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def parse_date(text: str) -> date:
    """`2026-03-01`. Raises InvalidInstant."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInstant(text=text) from error
