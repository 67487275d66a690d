"""Scalars of a scenario file: exact decimals, and moments that wait for their time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, WithJsonSchema

Moment = date | datetime
"""A bare date, or an instant with or without an offset; `instant` makes it UTC."""


def read_decimal(value: Any) -> Decimal:
    """A decimal from a YAML number or text, exactly as written."""
    text = value.strip() if isinstance(value, str) else value
    try:
        number = Decimal(text) if isinstance(text, int | str | Decimal) else None
    except InvalidOperation:
        number = None
    if number is None or isinstance(value, bool):
        raise ValueError("expected a decimal number, such as 12.50")
    if not number.is_finite():
        raise ValueError("expected a finite decimal number")
    return number


def read_moment(value: Any) -> Moment:
    """A date or an ISO 8601 instant from YAML text."""
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return _moment(value.strip())
        except ValueError:
            pass
    raise ValueError("expected a date (2024-01-31) or an instant (2024-01-31T10:00:00Z)")


def _moment(text: str) -> Moment:
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


def instant(moment: Moment, zone: ZoneInfo) -> datetime:
    """The UTC instant of `moment`; a bare date is midnight in `zone`, and so is a naive time."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def read_text(value: Any) -> str:
    """Text from a YAML scalar: `7` and `on` are words where a word is wanted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date | str):
        return str(value)
    raise ValueError("expected text or a number")


Number = Annotated[
    Decimal,
    BeforeValidator(read_decimal),
    WithJsonSchema({"type": ["number", "string"], "title": "decimal"}),
]
At = Annotated[
    Moment,
    BeforeValidator(read_moment),
    WithJsonSchema({"type": "string", "title": "date or instant"}),
]
Text = Annotated[
    str,
    BeforeValidator(read_text),
    WithJsonSchema({"type": ["string", "number", "boolean"], "title": "text or number"}),
]
