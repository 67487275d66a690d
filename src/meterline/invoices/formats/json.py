"""JSON: every figure as text, exactly; dates as ISO 8601."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from meterline.invoices.document import InvoiceDocument
from meterline.kernel.explain import number

NAME = "json"
SUFFIX = ".json"


def render(document: InvoiceDocument) -> bytes:
    """The document as JSON."""
    told = asdict(document)
    for block in told["blocks"]:
        block["title"] = block["title"] or "Account"
        block["lines"] = [_line(line) for line in block["lines"]]
    return json.dumps(told, indent=2, ensure_ascii=False, default=_plain).encode()


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """With its details as one text, in English."""
    return {
        "detail" if name == "details" else name:
        ", ".join(map(str, value)) if name == "details" else value
        for name, value in line.items()
    }  # fmt: skip


def _plain(value: Any) -> str:
    match value:
        case Decimal():
            return f"{value.normalize():f}"
        case Fraction():
            return number(value)
        case datetime() | date():
            return value.isoformat()
    raise TypeError(value)
