"""Usage of an unknown or ported number waits for its owner: once somebody has the identifier at the
time of a record, the record is tried again by itself."""

from __future__ import annotations

import polars as pl
from django.db import connection

from meterline.platform import clock
from meterline.usage import reference as references
from meterline.usage.guide import guide
from meterline.usage.models import Batch, Reject
from meterline.usage.normalise import normalise
from meterline.usage.services import as_decoded, recycle
from meterline.usage.worklist import UNOWNED

_MOST = 20_000  # rejects at a time


def with_owner() -> list[int]:
    """The open rejects whose identifier (or code) somebody has now, at the time of the record."""
    found: list[int] = []
    after = 0
    while ids := _candidates(after):
        found += _guided(ids)
        after = ids[-1]
    return found


def recycle_owned() -> Batch | None:
    """Try again what has an owner now; None: nothing has."""
    ids = with_owner()
    return recycle(ids, why="its identifier has an owner now") if ids else None


def _guided(ids: list[int]) -> list[int]:
    """Those rejects that would find a subscription."""
    rows = list(Reject.objects.filter(pk__in=ids).order_by("pk"))
    places = pl.DataFrame(
        {"line": range(1, len(rows) + 1), "pk": [row.pk for row in rows]},
        schema={"line": pl.UInt32, "pk": pl.Int64},
    )
    records = as_decoded([row.record for row in rows]).with_columns(places["line"])
    typed, _ = normalise(records, source="", now=clock.now())
    guided, _ = guide(typed, references.reference_for(typed).holders)
    return places.join(guided.select("line"), on="line", how="semi")["pk"].to_list()


def _candidates(after: int) -> list[int]:
    """The next open rejects whose identifier somebody has or had."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT r.id FROM usage_reject r
            WHERE r.state = 'open' AND r.id > %s AND r.reason = ANY(%s) AND (
                EXISTS (SELECT 1 FROM subscriptions_identifier i
                        WHERE i.value = r.record->>'identifier')
                OR EXISTS (SELECT 1 FROM subscriptions_subscription s
                           WHERE s.code = r.record->>'subscription'))
            ORDER BY r.id LIMIT %s
            """,
            [after, list(UNOWNED), _MOST],
        )
        return [row[0] for row in cursor.fetchall()]
