"""Explanations as trees for `{% explanation tree %}`, and what a line of a bill is called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from meterline.kernel.explain import Explanation
from meterline.web import format as written


def tree(why: Explanation, title: str = "") -> dict[str, Any]:
    """An explanation with its arithmetic and its parts."""
    exact = f"{why.expression} = {why.amount.normalize():f}"
    return {
        "title": title or _("of which"),
        "amount": written.number(why.amount.normalize()),
        "rule": why.rule,
        "arithmetic": exact,
        "parts": [tree(part) for part in why.parts],
    }


def line_tree(
    line: Mapping[str, Any], why: Explanation, currency: str, timezone: str
) -> dict[str, Any]:
    """The explanation of a line of a bill: name, band, season, start_at, end_at, amount."""
    amount: Decimal = line["amount"]
    return {**tree(why, line_title(line, timezone)), "amount": written.amount(amount, currency)}


def line_title(line: Mapping[str, Any], timezone: str) -> str:
    """What a line charges for, and for when."""
    told = [line["name"], (line["band"] or "").replace("_", " "), line["season"] or ""]
    name = ", ".join(text for text in told if text)
    if not (line["start_at"] and line["end_at"]):
        return name
    zone = ZoneInfo(timezone)
    first = line["start_at"].astimezone(zone).date()
    last = (line["end_at"].astimezone(zone) - timedelta(microseconds=1)).date()
    return f"{name}, {written.period(first, max(first, last) + timedelta(days=1))}"
