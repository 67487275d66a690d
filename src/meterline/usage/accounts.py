"""The billing days of accounts, read for placing usage in periods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

import polars as pl

from meterline.kernel.cycle import BillingDay, sorted_days
from meterline.platform.database import read_frame
from meterline.subscriptions.periods import BillingDays


def billing_days(account_ids: Sequence[int] | None = None) -> BillingDays:
    """The billing days of accounts, in order; of all, or of those given."""
    wanted = None if account_ids is None else list(account_ids)
    rows = read_frame(
        "SELECT account_id, since, day FROM customers_billingday"
        " WHERE %s::bigint[] IS NULL OR account_id = ANY(%s::bigint[])"
        " ORDER BY account_id, since, id",
        [wanted, wanted],
        schema={"account_id": pl.Int64, "since": pl.Date, "day": pl.Int64},
    )
    if rows.height == rows["account_id"].n_unique():  # as it mostly is
        return {account: _interned((since,), (day,)) for account, since, day in rows.iter_rows()}
    grouped = rows.group_by("account_id").agg("since", "day")
    return {
        account: _interned(tuple(since), tuple(day)) for account, since, day in grouped.iter_rows()
    }


@lru_cache(maxsize=4096)
def _interned(since: tuple[date, ...], day: tuple[int | None, ...]) -> Sequence[BillingDay]:
    """Most accounts have the same billing days."""
    return sorted_days([BillingDay(*pair) for pair in zip(since, day, strict=True)])
