"""Events: stored in the transaction that causes them, published afterwards by the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
from django.db import connection, transaction
from psycopg.types.json import Jsonb

from meterline.platform import clock
from meterline.platform.database import write_frame
from meterline.platform.models import Event

Subscriber = Callable[[Event], None]
_subscribers: dict[str, list[Subscriber]] = {}


def emit(name: str, subject: str, payload: Mapping[str, Any]) -> None:
    """Store an event, e.g. `subscription.changed` of `subscription:12`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO platform_event (at, name, subject, payload) VALUES (%s, %s, %s, %s)",
            [clock.now(), name, subject, Jsonb(dict(payload))],
        )


def emit_many(name: str, rows: pl.DataFrame) -> None:
    """Store many events of one name. `rows`: subject String, payload String (JSON)."""
    write_frame(
        "platform_event",
        rows.select(
            pl.lit(clock.now()).dt.convert_time_zone("UTC").alias("at"),
            pl.lit(name).alias("name"),
            "subject",
            "payload",
        ),
    )


def subscribe(name: str, subscriber: Subscriber) -> None:
    """Call `subscriber` with each event of a name when it is published; it may be called again
    for the same event after a crash."""
    _subscribers.setdefault(name, []).append(subscriber)


def publish(limit: int = 1000) -> int:
    """Hand the oldest unpublished events to their subscribers; returns how many."""
    with transaction.atomic():
        events = list(
            Event.objects.select_for_update(skip_locked=True)
            .filter(published_at=None)
            .order_by("id")[:limit]
        )
        for event in events:
            for subscriber in _subscribers.get(event.name, ()):
                subscriber(event)
        ids = [event.pk for event in events]
        Event.objects.filter(pk__in=ids).update(published_at=clock.now())
    return len(events)
