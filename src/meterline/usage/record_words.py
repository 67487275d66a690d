"""A record as it came, as people read it: its fields by their names, values written as the language
writes them. What is no time or number, as is often why it was refused, stands as it came."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from babel.dates import format_datetime
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from meterline.web import format as written
from meterline.web.words import Words

FIELDS: Final[dict[str, Words]] = {
    "meter": _("Meter"), "subscription": _("Subscription"), "identifier": _("Identifier"),
    "serial": _("Serial number"), "register": _("Register"), "start": _("Start"), "end": _("End"),
    "at": _("Read at"), "duration": _("Duration, in seconds"), "quantity": _("Quantity"),
    "value": _("Value"), "quality": _("Quality"), "source": _("Source"), "id": _("Id"),
    "text": _("As it came"),
}  # fmt: skip
"""The fields that every record may have, in the order in which they are told."""

_TIMES: Final = ("start", "end", "at")
_NUMBERS: Final = ("duration", "quantity", "value")
_LISTED_MOST: Final = 100
_DEEP: Final = 6
_LONGEST: Final = Decimal(10) ** 30


def label(name: str) -> str:
    """What a field is called; one of the source's own by its name."""
    *path, last = name.split(".")
    known = FIELDS.get(name)
    return str(known) if known else _plainly(", ".join([*path, last]))


def fields(record: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Label and value of each field that holds something: those that every record has, then the
    source's own by their names."""
    return [pair for name, value in in_order(record).items() for pair in _told(name, value)]


def in_order(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record in the order in which it is told."""
    places = {name: place for place, name in enumerate(FIELDS)}
    return dict(sorted(record.items(), key=lambda one: (places.get(one[0], len(places)), one[0])))


def editable(value: Any) -> str:
    """A value as a field of a form holds it."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _told(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The pairs of a field: an object is opened, each of its fields told by itself."""
    opened = _opened(value) if name.count(".") < _DEEP else json.dumps(value)
    if opened is None or opened == "":
        return
    if isinstance(opened, Mapping):
        for key, one in list(opened.items())[:_LISTED_MOST]:
            inner = str(key) if name == "text" else f"{name}.{key}"
            yield from _told(inner, one)
    elif isinstance(opened, list):
        if any(isinstance(one, Mapping | list) for one in opened):
            for number, one in enumerate(opened[:_LISTED_MOST], start=1):
                yield from _told(f"{name}.{number}", one)
        else:
            yield label(name), ", ".join(_scalar(name, one) for one in opened[:_LISTED_MOST])
    elif name == "text":
        yield label(name), format_html('<code class="whole">{}</code>', opened)
    else:
        yield label(name), _scalar(name, opened)


def _opened(value: Any) -> Any:
    """A value that is JSON of an object or a list, as that; any other as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _scalar(name: str, value: Any) -> str:
    if value is None:
        return written.DASH
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if name in _TIMES:
        return moment(str(value))
    if name in _NUMBERS:
        return _number(str(value))
    return str(value)


def moment(text: str) -> str:
    """An instant, or the wall clock of one that does not say its offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    if len(text) <= 10:
        return written.day(found.date())
    if found.tzinfo is None:
        return str(format_datetime(found, "medium", locale=written.locale()))
    try:
        return written.moment(found.astimezone(UTC))
    except OverflowError:
        return text


def _number(text: str) -> str:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return text
    fine = found.is_finite() and abs(found) < _LONGEST and found.adjusted() > -_DEEP * 2
    return written.number(found) if fine or not found else text


def _plainly(name: str) -> str:
    return name.replace("_", " ").strip().capitalize() if name.islower() else name
