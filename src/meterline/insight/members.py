"""The subscriptions of some plans within a window: read, and sorted into what can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from meterline.insight.segment import Condition
from meterline.insight.window import Window
from meterline.platform.database import read_frame

MEMBERS: dict[str, Any] = {  # a row a subscription and plan version that it ever had
    "account_id": pl.Int64,
    "account": pl.String,  # code
    "currency": pl.String,
    "subscription_id": pl.Int64,
    "plan_version_id": pl.Int64,
    "plan": pl.String,
}
OTHER_CURRENCY = "other_currency"


def load(plans: Sequence[str], window: Window, segment: Sequence[Condition]) -> pl.DataFrame:
    """MEMBERS: subscriptions that had one of the plans in the window, with all their versions of
    these plans, by account. A day more on both sides covers the zones."""
    where = "".join(f" AND {one.column} = ANY(%s)" for one in segment)
    day = timedelta(days=1)
    return read_frame(
        f"""
        SELECT DISTINCT a.id, a.code, a.currency, p.subscription_id, p.plan_version_id, w.plan_code
        FROM subscriptions_phase p
        JOIN catalog_planversion w ON w.id = p.plan_version_id
        JOIN customers_account a ON a.id = p.account_id
        WHERE w.plan_code = ANY(%s) AND p.subscription_id IN (
            SELECT f.subscription_id FROM subscriptions_phase f
            JOIN catalog_planversion v ON v.id = f.plan_version_id
            JOIN customers_account a ON a.id = f.account_id
            JOIN customers_seller s ON s.id = a.seller_id
            JOIN customers_customer c ON c.id = a.customer_id
            JOIN customers_party t ON t.id = c.party_id
            WHERE v.plan_code = ANY(%s) AND f.start_at < %s
                AND (f.end_at IS NULL OR f.end_at >= %s){where}
        )
        ORDER BY a.id, p.subscription_id, p.plan_version_id
        """,
        [
            list(plans), list(plans), window.until + day, window.since - day,
            *(list(one.values) for one in segment),
        ],
        schema=MEMBERS,
    )  # fmt: skip


def standing(plans: Sequence[str], at: datetime, most: int | None = None) -> dict[str, int]:
    """Subscriptions that have one of the plans at an instant, or will, counted up to `most`; by
    plan."""
    found = read_frame(
        """
        SELECT w.plan, count(DISTINCT h.subscription_id) FROM unnest(%s::text[]) AS w (plan)
        CROSS JOIN LATERAL (
            SELECT p.subscription_id FROM subscriptions_phase p
            JOIN catalog_planversion v ON v.id = p.plan_version_id
            WHERE v.plan_code = w.plan AND (p.end_at IS NULL OR p.end_at > %s) LIMIT %s
        ) h
        GROUP BY w.plan ORDER BY w.plan
        """,
        [list(plans), at, most],
        schema={"plan": pl.String, "subscriptions": pl.Int64},
    )
    return dict(found.iter_rows())


def comparable(
    members: pl.DataFrame, currencies: Mapping[int, str], versions: Mapping[int, int]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The members that can be billed under the file, and how many subscriptions cannot, by reason.

    `versions`: plan version -> its counterpart under the file; `currencies`: of counterparts.
    """
    if members.is_empty():
        return members, {}
    billed_in = {version: currencies[other] for version, other in versions.items()}
    lost = members.filter(
        pl.col("plan_version_id").replace_strict(billed_in, return_dtype=pl.String)
        != pl.col("currency")
    )
    if lost.is_empty():
        return members, {}
    left = members.join(lost, on="subscription_id", how="anti", maintain_order="left")
    return left, {OTHER_CURRENCY: lost["subscription_id"].n_unique()}


def by_plan(members: pl.DataFrame) -> dict[str, int]:
    """Subscriptions of each plan."""
    counts = members.group_by("plan").agg(pl.col("subscription_id").n_unique()).sort("plan")
    return dict(counts.iter_rows())


def unfit(members: pl.DataFrame, prices: Mapping[int, Sequence[str]]) -> dict[str, int]:
    """plan.price -> subscriptions that override it in a way that the file does not take.

    `prices`: plan version -> codes of prices.
    """
    found: dict[str, set[int]] = {}
    wrong = members.filter(pl.col("plan_version_id").is_in(list(prices)))
    for row in wrong.iter_rows(named=True):
        for code in prices[row["plan_version_id"]]:
            found.setdefault(f"{row['plan']}.{code}", set()).add(row["subscription_id"])
    return {name: len(ids) for name, ids in sorted(found.items())}
