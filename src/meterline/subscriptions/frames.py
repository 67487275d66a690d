"""Timelines and identifiers as frames, for whoever works on many subscriptions at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from meterline.platform.database import read_frame

INSTANT = pl.Datetime("us", "UTC")

PHASES: dict[str, Any] = {
    "subscription_id": pl.Int64,
    "account_id": pl.Int64,
    "code": pl.String,  # of the subscription
    "timezone": pl.String,  # of the account
    "start_at": INSTANT,
    "end_at": INSTANT,
    "plan_version_id": pl.Int64,
    "quantity": pl.Decimal(38, 10),
    "state": pl.String,
    "trial_end": pl.Date,
    "charge_start": pl.Date,
    "anchor": pl.Date,
    "day_start": pl.Time,
}
PHASE_COLUMNS: dict[str, Any] = {  # of timeline.Phase, as the table keeps them
    "start_at": INSTANT, "end_at": INSTANT, "plan_version_id": pl.Int64,
    "quantity": pl.Decimal(38, 10), "state": pl.String, "trial_end": pl.Date,
    "charge_start": pl.Date, "anchor": pl.Date, "day_start": pl.Time,
    "early_until": pl.Date, "early_version_id": pl.Int64,
}  # fmt: skip
IDENTIFIERS: dict[str, Any] = {
    "subscription_id": pl.Int64,
    "kind": pl.String,
    "value": pl.String,
    "start_at": INSTANT,
    "end_at": INSTANT,
}


def phases_frame(
    account_ids: Sequence[int] | None = None, subscription_ids: Sequence[int] | None = None
) -> pl.DataFrame:
    """Phases (columns: PHASES) by subscription and start; of all, or of those given."""
    return read_frame(
        """
        SELECT p.subscription_id, p.account_id, s.code, a.timezone, p.start_at, p.end_at,
            p.plan_version_id, p.quantity, p.state, p.trial_end, p.charge_start, p.anchor,
            p.day_start
        FROM subscriptions_phase p
        JOIN subscriptions_subscription s ON s.id = p.subscription_id
        JOIN customers_account a ON a.id = p.account_id
        WHERE (%s::bigint[] IS NULL OR p.account_id = ANY(%s::bigint[]))
            AND (%s::bigint[] IS NULL OR p.subscription_id = ANY(%s::bigint[]))
        ORDER BY p.subscription_id, p.start_at
        """,
        [_list(account_ids), _list(account_ids), _list(subscription_ids), _list(subscription_ids)],
        schema=PHASES,
    )


def identifiers_frame(values: Sequence[str] | None = None) -> pl.DataFrame:
    """Who holds which identifier when (columns: IDENTIFIERS); all, or those given."""
    wanted = None if values is None else list(values)
    return read_frame(
        """
        SELECT subscription_id, kind, value, start_at, end_at FROM subscriptions_identifier
        WHERE (%s::text[] IS NULL OR value = ANY(%s::text[])) AND start_at IS DISTINCT FROM end_at
        ORDER BY value, start_at
        """,
        [wanted, wanted],
        schema=IDENTIFIERS,
    )


def _list(ids: Sequence[int] | None) -> list[int] | None:
    return None if ids is None else list(ids)
