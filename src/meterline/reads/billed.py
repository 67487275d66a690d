"""What bills show of the reads behind their lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
from django.db import connection

from meterline.kernel.frames import empty
from meterline.platform.database import read_frame
from meterline.reads.frames import INSTANT, QUANTITY

MEASURED: dict[str, Any] = {
    "subscription_id": pl.Int64,
    "usage_meter": pl.String,
    "start_at": INSTANT,
    "end_at": INSTANT,
    "serial": pl.String,
    "code": pl.String,
    "from_value": pl.String,  # what the register showed; null: of a virtual one
    "to_value": pl.String,
    "from_quality": pl.String,
    "to_quality": pl.String,
    "quality": pl.String,
    "quantity": QUANTITY,
}


def measured(account_ids: Sequence[int], earliest: date) -> pl.DataFrame:
    """MEASURED: the pieces of consumption of accounts' subscriptions that begin from a day on."""
    with connection.cursor() as cursor:  # most installations have no meters: they pay nothing
        cursor.execute("SELECT EXISTS (SELECT 1 FROM reads_piece)")
        if not cursor.fetchone()[0]:
            return empty(MEASURED)
    return read_frame(
        """
        SELECT i.subscription_id, p.usage_meter, p.start_at, p.end_at, p.serial, p.code,
            (p.from_units / 10.0 ^ r.decimals)::numeric(24, 6)::text,
            (p.to_units / 10.0 ^ r.decimals)::numeric(24, 6)::text,
            p.from_quality, p.to_quality, p.quality, p.quantity
        FROM subscriptions_subscription s
        JOIN subscriptions_identifier i ON i.subscription_id = s.id
        JOIN reads_piece p ON p.identifier = i.value AND p.gone_at IS NULL
            AND p.start_at >= i.start_at AND (i.end_at IS NULL OR p.start_at < i.end_at)
        LEFT JOIN reads_register r ON r.id = p.register_id
        WHERE s.account_id = ANY(%s) AND p.start_at >= %s::date - interval '2 days'
        ORDER BY i.subscription_id, p.code, p.start_at
        """,
        [list(account_ids), earliest],
        schema=MEASURED,
    )
