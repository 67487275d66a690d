"""Prices of one subscription, as people write them: `base.amount="9.00"`, one a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from meterline.customers.errors import InvalidField


def read(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{price: {field: value}} of lines PRICE.FIELD=VALUE; values are JSON, else text. Raises
    InvalidField."""
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        price, dot, field = name.partition(".")
        if not (equals and value and price and dot and field):
            raise InvalidField(field="override", value=text, expected="PRICE.FIELD=VALUE")
        found.setdefault(price, {})[field] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return text
