"""The few distinct logs behind many subscriptions: each is worked out once, and joined."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from meterline.kernel.cycle import BillingDay, sorted_days
from meterline.platform.database import read_frame
from meterline.subscriptions import decide, store
from meterline.subscriptions.frames import INSTANT

LOG: dict[str, Any] = {
    "subscription_id": pl.Int64,
    "id": pl.Int64,
    "position": pl.Int64,
    "kind": pl.String,
    "effective_at": INSTANT,
    "payload": pl.String,
    "of_position": pl.Int64,
}


def logs(ids: Sequence[int]) -> pl.DataFrame:
    """The logs of subscriptions (columns: LOG); entries refer to each other by position."""
    return read_frame(
        """
        WITH log AS (
            SELECT c.*, row_number() OVER (PARTITION BY subscription_id ORDER BY id) AS position
            FROM subscriptions_change c WHERE subscription_id = ANY(%s)
        )
        SELECT l.subscription_id, l.id, l.position, l.kind, l.effective_at,
            (l.payload - 'of')::text, o.position
        FROM log l LEFT JOIN log o ON o.id = (l.payload->>'of')::bigint
        ORDER BY l.subscription_id, l.position
        """,
        [list(ids)],
        schema=LOG,
    )


def keyed(logs: pl.DataFrame, ids: Sequence[int]) -> pl.DataFrame:
    """subscription_id, account_id, code, timezone, days (the account's billing days), key: equal
    for equal logs in one zone and with the same billing days."""
    owners = read_frame(
        """
        SELECT s.id, s.account_id, s.code, a.timezone,
            (SELECT string_agg(b.since || ' ' || coalesce(b.day, 0), ',' ORDER BY b.since, b.id)
             FROM customers_billingday b WHERE b.account_id = a.id)
        FROM subscriptions_subscription s JOIN customers_account a ON a.id = s.account_id
        WHERE s.id = ANY(%s) ORDER BY s.id
        """,
        [list(ids)],
        schema={
            "subscription_id": pl.Int64, "account_id": pl.Int64, "code": pl.String,
            "timezone": pl.String, "days": pl.String,
        },
    )  # fmt: skip
    text = pl.concat_str(
        "kind", pl.col("effective_at").cast(pl.String), "payload",
        pl.col("of_position").cast(pl.String).fill_null(""), separator="|",
    )  # fmt: skip
    whole = logs.group_by("subscription_id").agg(log=text.sort_by("position").str.join("\n"))
    return (
        owners.join(whole, on="subscription_id", maintain_order="left")
        .with_columns(key=pl.struct("timezone", "days", "log").rank("dense"))
        .drop("log")
    )


def with_logs(groups: pl.DataFrame, logs: pl.DataFrame) -> pl.DataFrame:
    """`groups` with `log`, the entries of each as a list of structs."""
    entries = logs.group_by("subscription_id").agg(
        pl.struct("position", "kind", "effective_at", "payload", "of_position")
        .sort_by("position")
        .alias("log")
    )
    return groups.join(entries, on="subscription_id", maintain_order="left")


def contract(row: Mapping[str, Any]) -> decide.Contract:
    """The contract of a row of `with_logs`, without its timeline. Entries have their positions as
    numbers."""
    log = tuple(
        store.change_of(
            one["position"], one["kind"], one["effective_at"],
            {**json.loads(one["payload"]), "of": one["of_position"]},
        )
        for one in row["log"]
    )  # fmt: skip
    return decide.Contract(
        timeline=(), zone=ZoneInfo(row["timezone"]), log=log,
        billing_days=_billing_days(row["days"]),
    )  # fmt: skip


def overrides(row: Mapping[str, Any]) -> dict[int, Any]:
    """The overrides that each entry of a log came with, by its position."""
    return {one["position"]: json.loads(one["payload"]).get("overrides") for one in row["log"]}


@lru_cache(maxsize=4096)
def _billing_days(text: str) -> tuple[BillingDay, ...]:
    """Of `2020-01-01 15,2024-01-01 0`: 0 is the anniversary."""
    pairs = (one.split(" ") for one in text.split(","))
    return sorted_days([BillingDay(date.fromisoformat(s), int(day) or None) for s, day in pairs])
