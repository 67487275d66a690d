"""Reading the discounts that a chunk of accounts was given: SQL in, frames out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from meterline.billing.frames import DISCOUNTS
from meterline.catalog import services as catalog
from meterline.catalog.build import Discount
from meterline.kernel.frames import empty
from meterline.platform.database import read_frame

_FOUND: dict[str, Any] = {
    **{name: DISCOUNTS[name] for name in ("account_id", "subscription_id", "of_account",
                                          "position", "discount_code", "since_at", "until_at")},
    "timezone": pl.String,
}  # fmt: skip


def discounts_of(
    account_ids: list[int], known: Mapping[str, Discount] | None = None
) -> pl.DataFrame:
    """DISCOUNTS of these accounts and of their subscriptions; `known`: what they are, by code, if
    not what the catalogue says."""
    rows = read_frame(
        """
        SELECT s.account_id, s.id, false, d.position, d.discount_code, d.since_at, d.until_at,
            a.timezone
        FROM subscriptions_discount d
        JOIN subscriptions_subscription s ON s.id = d.subscription_id
        JOIN customers_account a ON a.id = s.account_id
        WHERE s.account_id = ANY(%s)
        UNION ALL
        SELECT s.account_id, s.id, true, d.position, d.discount_code, d.since_at, d.until_at,
            a.timezone
        FROM subscriptions_discount d
        JOIN subscriptions_subscription s ON s.account_id = d.account_id
        JOIN customers_account a ON a.id = d.account_id
        WHERE d.account_id = ANY(%s)
        """,
        [account_ids, account_ids],
        schema=_FOUND,
    )
    if rows.is_empty():
        return empty(DISCOUNTS)
    keys = rows.select("discount_code", "timezone").unique().rows()
    return (
        rows.join(
            _terms(keys, catalog.discounts() if known is None else known),
            on=["discount_code", "timezone"],
        )
        .with_columns(
            since_at=pl.max_horizontal("since_at", "from_at"),
            until_at=pl.min_horizontal("until_at", "to_at"),
        )
        .select(DISCOUNTS.keys())
    )


def _terms(keys: list[tuple[str, str]], known: Mapping[str, Discount]) -> pl.DataFrame:
    """What is known of discounts, their dates as midnights of a zone."""
    rows = []
    for code, zone in keys:
        one = known[code]
        limits = {"from_at": _midnight(one.from_date, zone), "to_at": _midnight(one.to_date, zone)}
        rows.append({"discount_code": code, "timezone": zone, **vars(one), **limits})
    schema = {
        name: kind for name, kind in DISCOUNTS.items()
        if name not in _FOUND or name == "discount_code"
    }  # fmt: skip
    instant = DISCOUNTS["since_at"]
    return pl.DataFrame(
        rows, schema={"timezone": pl.String, **schema, "from_at": instant, "to_at": instant}
    )


def _midnight(day: date | None, zone: str) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(UTC)
