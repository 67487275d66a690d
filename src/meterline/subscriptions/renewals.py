"""Telling of terms that were renewed: an event for each, once."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from django.db import connection, transaction

from meterline.platform import clock, events
from meterline.subscriptions import distinct, store
from meterline.subscriptions.frames import INSTANT
from meterline.subscriptions.log import renewal_after, term_end

_CHUNK = 10_000
_MOMENT = timedelta(microseconds=1)


def tell(at: datetime | None = None) -> int:
    """Emit `subscription.renewed` for each term that followed by itself up to `at`; how many. Told
    again, there are none. Each few thousand subscriptions are a transaction of their own."""
    moment, told = at or clock.now(), 0
    while (found := _tell_some(moment)) is not None:
        told += found
    return told


@transaction.atomic
def _tell_some(moment: datetime) -> int | None:
    """Those of the next subscriptions; None where nothing is left."""
    store.lock_log()
    due = _due(moment)
    if not due:
        return None
    logs = distinct.logs(list(due))
    keyed = distinct.keyed(logs, list(due)).with_columns(
        since=pl.col("subscription_id").replace_strict(
            {one: since for one, (since, _) in due.items()}, return_dtype=INSTANT
        ),
        end_at=pl.col("subscription_id").replace_strict(
            {one: end for one, (_, end) in due.items()}, return_dtype=INSTANT
        ),
    )
    key = ["key", "since", "end_at"]
    groups = distinct.with_logs(keyed.unique(key, keep="first", maintain_order=True), logs)
    made = [_renewed(row, moment) for row in groups.iter_rows(named=True)]
    following = pl.Series("renews_at", [one[1] for one in made], dtype=INSTANT)
    rows = keyed.join(
        groups.select(*key, following, pl.Series("told", [one[0] for one in made], dtype=_TOLD)),
        on=key, nulls_equal=True, maintain_order="left",
    )  # fmt: skip
    return _write(rows)


_TOLD = pl.List(pl.String)


def _due(moment: datetime) -> dict[int, tuple[datetime, datetime | None]]:
    """Subscriptions to look at: since when, and when they end."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT s.id, s.renews_at,
                (SELECT CASE WHEN bool_or(p.end_at IS NULL) THEN NULL
                             ELSE coalesce(max(p.end_at), s.started_at) END
                 FROM subscriptions_phase p WHERE p.subscription_id = s.id)
            FROM subscriptions_subscription s WHERE s.renews_at <= %s
            ORDER BY s.renews_at, s.id LIMIT %s
            """,
            [moment, _CHUNK],
        )
        return {one: (since, end) for one, since, end in cursor.fetchall()}


def _renewed(row: dict[str, Any], moment: datetime) -> tuple[list[str], datetime | None]:
    """What to tell of the contracts of one log, each as JSON without its last brace, and when they
    are to be looked at again."""
    contract = distinct.contract(row)
    log, zone, told = contract.in_force, contract.zone, []
    at = renewal_after(log, row["since"] - _MOMENT, row["end_at"], zone)
    while at is not None and at <= moment:
        until = term_end(log, at, zone, notice=False)
        facts = {"renewed_at": at.isoformat(), "until": until and until.isoformat()}
        told.append(json.dumps(facts)[:-1])
        at = renewal_after(log, at, row["end_at"], zone)
    return told, at


def _write(rows: pl.DataFrame) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE subscriptions_subscription s SET renews_at = n.renews_at"
            " FROM unnest(%s::bigint[], %s::timestamptz[]) AS n (id, renews_at)"
            " WHERE s.id = n.id",
            [rows["subscription_id"].to_list(), rows["renews_at"].to_list()],
        )
    told = rows.select("code", "told").explode("told").drop_nulls("told")
    code = pl.struct("code").struct.json_encode().str.strip_prefix("{")
    events.emit_many(
        "subscription.renewed",
        told.select(
            pl.concat_str(pl.lit("subscription:"), "code").alias("subject"),
            pl.concat_str("told", pl.lit(", "), code).alias("payload"),
        ),
    )
    return told.height
