"""What a load guides and rates by, read from the database: everything, or what few records need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

import polars as pl
from django.db import connection

from meterline.catalog import services as catalog
from meterline.kernel.cycle import BillingDay, sorted_days
from meterline.platform.database import read_frame
from meterline.rating.tariff import Tariff
from meterline.subscriptions.frames import identifiers_frame, phases_frame
from meterline.subscriptions.periods import BillingDays
from meterline.usage.guide import holdings
from meterline.usage.place import Timelines
from meterline.usage.process import Reference

FEW_RECORDS = 20_000


def newest_change() -> int:
    """The newest contract change that can be seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM subscriptions_change")
        return int(cursor.fetchone()[0])


def reference_of_all() -> Reference:
    """Identifiers, timelines, billing days and tariff of everybody."""
    return _reference(identifiers_frame(), phases_frame())


def reference_for(records: pl.DataFrame) -> Reference:
    """Those of whom `records` (identifier, subscription) name."""
    identifiers = identifiers_frame(_texts(records, "identifier"))
    codes = _texts(records, "subscription")
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM subscriptions_subscription WHERE code = ANY(%s)", [codes])
        named = [row[0] for row in cursor.fetchall()]
    ids = sorted({*named, *identifiers["subscription_id"].to_list()})
    return _reference(identifiers, phases_frame(subscription_ids=ids))


def _texts(records: pl.DataFrame, column: str) -> list[str]:
    if column not in records.columns:
        return []
    # a NUL cannot be part of anything that the database knows
    known = records[column].drop_nulls().unique()
    return known.filter(~known.str.contains("\0", literal=True)).to_list()


def _reference(identifiers: pl.DataFrame, phases: pl.DataFrame) -> Reference:
    by_identifier, by_code = holdings(identifiers, phases)
    return Reference(
        by_identifier=by_identifier,
        by_code=by_code,
        timelines=Timelines(
            phases=phases,
            billing_days=billing_days(phases["account_id"].unique().to_list()),
        ),
        tariff=tariff_of(phases),
    )


def tariff_of(phases: pl.DataFrame) -> Tariff:
    """The compiled tariff of the phases' plan versions."""
    return catalog.tariff(phases["plan_version_id"].unique().to_list())


def billing_days(account_ids: Sequence[int]) -> BillingDays:
    """The billing days of accounts, in order."""
    rows = read_frame(
        "SELECT account_id, since, day FROM customers_billingday WHERE account_id = ANY(%s)"
        " ORDER BY account_id, since, id",
        [list(account_ids)],
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
