"""The API of usage: deliveries in, receipts and running totals out."""

from __future__ import annotations

from typing import Any

import polars as pl

from meterline.api.endpoint import Answer, Call, endpoint
from meterline.api.errors import CallError, SlowDown
from meterline.api.rates import RATES
from meterline.platform import clock
from meterline.usage import receipts, running
from meterline.usage.backlog import BACKLOG
from meterline.usage.bodies import ARRAY, LINES, OBJECT, Lines, NoJson, lines_of, shape_of
from meterline.usage.formats import cloudevents
from meterline.usage.together import DESK

EVENTS_MOST = 10_000
SOURCE = "api"  # of events that come without another
_BODY_MOST = 16 << 20
_SOURCE_MOST = 200  # characters
_WAIT_SECONDS = 2
_SHOWN_MOST = 100  # faults of one delivery that are told
_TYPES = {  # content type: shape (None: as it looks), format (None: as it looks)
    "application/json": (None, None),
    "application/x-ndjson": (LINES, None),
    "application/jsonl": (LINES, None),
    "application/cloudevents+json": (OBJECT, cloudevents.NAME),
    "application/cloudevents-batch+json": (ARRAY, cloudevents.NAME),
}


class UnknownContent(CallError):
    """usage comes as {known}, not as {content_type}"""

    code = "unknown_content"
    status = 415


class NoEvents(CallError):
    """{why}; nothing was taken"""

    code = "no_events"


class TooManyEvents(CallError):
    """{events} events are more than {most}: send them in parts; nothing was taken"""

    code = "too_many_events"
    status = 413


class MalformedEvents(CallError):
    """{count} of {events} events are no usage records; nothing was taken"""

    code = "malformed_events"

    def more(self) -> dict[str, Any]:
        """The faults: the number of the event from 1, reason and detail; the first 100."""
        return {"errors": self.details["errors"]}


class BadQuery(CallError):
    """{name} is {why}"""

    code = "bad_query"


class NoSuchReceipt(CallError):
    """there is no receipt {receipt}, or it is so old that it was given up"""

    code = "unknown_receipt"
    status = 404


@endpoint("POST", "/v1/usage", permission="usage.load", body_most=_BODY_MOST)
def post_usage(call: Call) -> Answer:
    """Take a delivery, durably: an event, or as many as 10,000. What it becomes, its receipt
    tells."""
    source = call.query.get("source", SOURCE)
    if not 0 < len(source) <= _SOURCE_MOST:
        raise BadQuery(name="source", why=f"not 1 to {_SOURCE_MOST} characters long")
    lines, format = _read(call)
    if not BACKLOG.takes(lines.count):
        raise SlowDown(why="too much usage waits to be loaded", seconds=_WAIT_SECONDS)
    kept = receipts.made(lines, format=format, source=source, size=len(call.body))
    _refuse(DESK.take(lines, kept), lines)
    RATES.spend(call.key, lines.count)
    where = f"/v1/usage/receipts/{kept.code}"
    return Answer(
        status=202, headers={"location": where},
        body={"receipt": kept.code, "events": kept.events, "state": "waiting", "href": where},
    )  # fmt: skip


@endpoint("GET", "/v1/usage/receipts/{receipt}", permission="usage.view")
def get_receipt(call: Call) -> Answer:
    """What became of a delivery, and of each of its events."""
    code = call.places["receipt"]
    found = receipts.find(code)
    if found is None:
        raise NoSuchReceipt(receipt=code)
    fates = [
        {name: value for name, value in vars(fate).items() if value not in ("", None)}
        for fate in receipts.fates(found)
    ]
    return Answer(body={**receipts.told(found), "fates": fates})


@endpoint("GET", "/v1/usage/totals", permission="usage.view")
def get_totals(call: Call) -> Answer:
    """What a subscription, or all of an account, has used so far in the newest periods."""
    names = [name for name in ("subscription", "account") if name in call.query]
    if len(names) != 1:
        raise BadQuery(name="subscription or account", why="what is asked for: give one of them")
    found = running.running_totals(**{names[0]: call.query[names[0]]}, at=clock.now())
    return Answer(body={names[0]: call.query[names[0]], "totals": found})


def _read(call: Call) -> tuple[Lines, str]:
    """The events of a body, and their format. Raises UnknownContent, NoEvents, TooManyEvents."""
    if call.content_type not in _TYPES:
        raise UnknownContent(known=", ".join(_TYPES), content_type=call.content_type or "nothing")
    shape, format = _TYPES[call.content_type]
    try:
        lines = lines_of(call.body, shape or shape_of(call.body))
    except NoJson as error:
        raise NoEvents(why=str(error)) from error
    if lines.count > EVENTS_MOST:
        raise TooManyEvents(events=lines.count, most=EVENTS_MOST)
    looks = cloudevents.NAME if cloudevents.sniff(lines.text) else "jsonl"
    return lines, format or looks


def _refuse(bad: pl.DataFrame, lines: Lines) -> None:
    """Raises MalformedEvents for a delivery with events that no catalogue makes usage of."""
    if bad.is_empty():
        return
    first = bad.head(_SHOWN_MOST).select(pl.col("line").alias("event"), "reason", "detail")
    raise MalformedEvents(count=bad.height, events=lines.count, errors=first.to_dicts())
