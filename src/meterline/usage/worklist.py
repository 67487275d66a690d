"""Open rejects as work: what is missing, how many wait for it, what they would come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import polars as pl
from django.core.cache import cache
from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from meterline.catalog import services as catalog
from meterline.kernel.money import decimals
from meterline.platform import clock
from meterline.platform.database import read_frame
from meterline.rating.tariff import Tariff
from meterline.usage.load import CHECK
from meterline.usage.models import Reject
from meterline.usage.normalise import normalise
from meterline.usage.services import as_decoded
from meterline.usage.stake import Amounts, averages, rated_as

UNOWNED = ("unknown_identifier", "inactive_subscription")  # whose it is is not known
_UNKNOWN_TO_US = ("unknown_meter", "malformed", CHECK)
_MOST = 200  # groups
_SAMPLE = 2_000  # records of a group, and periods of a price, that are looked at
_REMEMBERED = 600
_MISSING = f"""
    CASE WHEN reason IN {UNOWNED}
            THEN coalesce(nullif(record->>'subscription', ''), record->>'identifier', '')
        WHEN reason IN ('unknown_meter', 'no_price') THEN coalesce(record->>'meter', '')
        WHEN reason = '{CHECK}' THEN ''
        WHEN reason = 'unknown_destination'
            THEN coalesce(substring(detail from '^.* no row for .{{0,3}}'), detail)
        ELSE detail END"""

How = Literal["plan", "average", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Open rejects that lack the same."""

    reason: str
    missing: str  # the identifier, the meter, the row of a card ...
    meter: str
    count: int
    first_at: datetime  # when the first of them came
    last_at: datetime
    sample: int  # one of them
    detail: str  # of that one
    how: How  # of the estimate: by the most common plan of the meter, or the meter's average record
    plan: str  # that plan
    stake: tuple[tuple[str, Decimal], ...]  # currency, about how much; empty: not known


def groups(*, most: int = _MOST) -> list[Group]:
    """The groups of all open rejects, those with most at stake first. Kept for some minutes as
    long as no reject comes or goes."""
    key = f"usage-worklist:{connection.settings_dict['NAME']}:{most}:{_state()}"
    found: list[Group] | None = cache.get(key)
    if found is None:
        found = _groups(most)
        cache.set(key, found, _REMEMBERED)
    return found


def group(reason: str, missing: str) -> Group | None:
    """One group; None: none of it is open any more."""
    return next(iter(_groups(1, reason, missing)), None)


def ids_of(reason: str, missing: str) -> list[int]:
    """The open rejects of a group."""
    return list(_of(reason, missing).values_list("pk", flat=True))


def _of(reason: str, missing: str) -> QuerySet[Reject]:
    """The open rejects of a group, the newest first."""
    found = Reject.objects.filter(state="open", reason=reason).annotate(lacks=RawSQL(_MISSING, ()))
    return found.filter(lacks=missing).order_by("-pk")


def _state() -> str:
    """Something else whenever an open reject comes, goes or changes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT max(id) FROM usage_reject), count(*), coalesce(sum(id), 0),"
            " (SELECT coalesce(max(id), 0) FROM platform_auditentry"
            "  WHERE action = 'usage.reject_edit')"
            " FROM usage_reject WHERE state = 'open'"
        )
        return "-".join(str(value) for value in cursor.fetchone())


def _groups(most: int, reason: str | None = None, missing: str | None = None) -> list[Group]:
    rows = read_frame(
        f"""
        WITH waiting AS (
            SELECT id, batch_id, reason, {_MISSING} AS missing, record->>'meter' AS meter
            FROM usage_reject
            WHERE state = 'open' AND (%s::text IS NULL OR reason = %s)
        )
        SELECT w.reason, w.missing, coalesce(max(w.meter), ''), count(*), min(b.committed_at),
            max(b.committed_at), max(w.id),
            (SELECT detail FROM usage_reject r WHERE r.id = max(w.id))
        FROM waiting w JOIN usage_batch b ON b.id = w.batch_id
        WHERE %s::text IS NULL OR w.missing = %s
        GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2 LIMIT %s
        """,
        [reason, reason, missing, missing, most],
        schema=_GROUPS,
    )
    if rows.is_empty():
        return []
    tariff = catalog.tariff()
    means = _averages(tariff)
    plans: dict[str, tuple[int, str] | None] = {}
    found = [_estimated(row, tariff, means, plans) for row in rows.iter_rows(named=True)]
    return sorted(found, key=lambda one: -sum((amount for _, amount in one.stake), Decimal(0)))


_GROUPS: dict[str, Any] = {
    "reason": pl.String, "missing": pl.String, "meter": pl.String, "count": pl.Int64,
    "first_at": pl.Datetime("us", "UTC"), "last_at": pl.Datetime("us", "UTC"),
    "sample": pl.Int64, "detail": pl.String,
}  # fmt: skip


def _estimated(
    row: dict[str, Any],
    tariff: Tariff,
    means: dict[str, Amounts],
    plans: dict[str, tuple[int, str] | None],
) -> Group:
    """A group with what it would come to."""
    meter, how, plan = row["meter"], "unknown", ""
    stake: Amounts = {}
    if row["reason"] in UNOWNED and meter in tariff.meters:
        if meter not in plans:
            plans[meter] = _commonest(meter, tariff)
        if chosen := plans[meter]:
            how, plan = "plan", chosen[1]
            stake = _under(chosen[0], row, tariff)
    elif meter in means and means[meter] and row["reason"] not in _UNKNOWN_TO_US:
        how = "average"
        stake = {currency: mean * row["count"] for currency, mean in means[meter].items()}
    return Group(
        **row, how=how, plan=plan,  # type: ignore[arg-type]
        stake=tuple((currency, round(Decimal(amount.numerator) / amount.denominator,
                                     decimals(currency)))
                    for currency, amount in sorted(stake.items())),
    )  # fmt: skip


def _under(version: int, row: dict[str, Any], tariff: Tariff) -> Amounts:
    """What the records of a group would come to under a plan; of many, some speak for all."""
    some = list(_of(row["reason"], row["missing"]).values_list("record", flat=True)[:_SAMPLE])
    if not some:
        return {}
    records = as_decoded(some).with_row_index("line", offset=1)
    typed, _ = normalise(records, source="", now=clock.now())
    found = rated_as(typed, version, tariff)
    return {currency: amount * row["count"] / len(some) for currency, amount in found.items()}


def _commonest(meter: str, tariff: Tariff) -> tuple[int, str] | None:
    """The plan version with most subscriptions now that prices a meter, and its plan."""
    versions = tariff.table.filter(pl.col("meter") == meter)["plan_version_id"].unique().to_list()
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT plan_version_id FROM subscriptions_phase WHERE plan_version_id = ANY(%s)"
            " AND start_at <= %s AND (end_at IS NULL OR end_at > %s)"
            " GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
            [versions, now, now],
        )
        found = cursor.fetchone()
    if found is None:
        return None
    return found[0], next(p.plan for p in tariff.prices.values() if p.plan_version_id == found[0])


def _averages(tariff: Tariff) -> dict[str, Amounts]:
    """What a record of each meter comes to on average, by the newest periods."""
    newest = read_frame(
        """
        SELECT dense_rank() OVER (ORDER BY subscription_id, period_start), price_id, season, band,
            by_value, sum(events), sum(quantity), sum(amount), denominator
        FROM (SELECT * FROM usage_total ORDER BY id DESC LIMIT %s) t
        GROUP BY subscription_id, period_start, price_id, season, band, by_value, denominator
        HAVING sum(events) > 0
        """,
        [10 * _SAMPLE],
        schema=_TOTALS,
    )
    return averages(newest, tariff)


_TOTALS: dict[str, Any] = {
    "line": pl.UInt32, "price_id": pl.Int64, "season": pl.String, "band": pl.String,
    "by_value": pl.String, "events": pl.Int64, "quantity": pl.Decimal(38, 10),
    "amount": pl.Decimal(38, 20), "denominator": pl.Int64,
}  # fmt: skip
