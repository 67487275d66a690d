"""A selection of usage by words, and what rating it anew makes of what customers were charged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl

from meterline.catalog import services as catalog
from meterline.customers.lookup import account_by_code
from meterline.customers.models import Account
from meterline.platform.database import read_frame
from meterline.subscriptions.store import find
from meterline.usage.errors import NothingSelected, UnknownBatch, UnknownPrice
from meterline.usage.models import Batch
from meterline.usage.parts import Selection

LARGEST = 10
Moment = date | datetime | None


def selected(
    *,
    batch: int | None = None,
    account: str | None = None,
    subscription: str | None = None,
    price: str | None = None,
    start: Moment = None,
    end: Moment = None,
) -> Selection:
    """A selection by number and codes; `price`: its code, or PLAN.CODE; days are of UTC, `end` is
    not included.

    Raises NothingSelected where nothing is named, and what says that something is not known.
    """
    if all(one is None for one in (batch, account, subscription, price, start, end)):
        raise NothingSelected
    if batch is not None and not Batch.objects.filter(pk=batch).exists():
        raise UnknownBatch(batch_id=batch)
    return Selection(
        batch_id=batch,
        account_ids=None if account is None else [account_by_code(account).pk],
        subscription_ids=None if subscription is None else [find(subscription).pk],
        price_ids=None if price is None else _prices(price),
        start=_instant(start), end=_instant(end),
    )  # fmt: skip


def _prices(text: str) -> list[int]:
    """The ids of a price in all versions of its plans."""
    found = [
        one.id
        for one in catalog.tariff().prices.values()
        if text in (one.code, f"{one.plan}.{one.code}")
    ]
    if not found:
        raise UnknownPrice(price=text)
    return found


def _instant(moment: Moment) -> datetime | None:
    if moment is None or isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time(0), tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What usage of the periods concerned comes to, before and after: of a price, or of an account
    and a currency. Amounts are exact to six decimals; 0 where a period is priced as a whole."""

    name: str
    currency: str
    quantity_before: Decimal
    quantity_after: Decimal
    before: Decimal
    after: Decimal

    @property
    def by(self) -> Decimal:
        """How much more it is."""
        return self.after - self.before


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What batches change: by price, and the accounts for which it is most."""

    prices: tuple[Moved, ...]
    accounts: tuple[Moved, ...]
    accounts_count: int


_SCHEMA: dict[str, Any] = {
    "account_id": pl.Int64, "price_id": pl.Int64, "quantity_before": pl.Decimal(38, 10),
    "quantity_by": pl.Decimal(38, 10), "before": pl.Decimal(38, 6), "by": pl.Decimal(38, 6),
}  # fmt: skip


def difference(batch_ids: Sequence[int]) -> Difference:
    """What batches that supersede others change."""
    rows = read_frame(
        """
        WITH made AS (
            SELECT account_id, subscription_id, price_id, period_start, sum(quantity) AS quantity,
                sum(amount / denominator) AS amount
            FROM usage_total WHERE batch_id = ANY(%s) GROUP BY 1, 2, 3, 4),
        stood AS (
            SELECT t.account_id, t.subscription_id, t.price_id, t.period_start,
                sum(t.quantity) AS quantity, sum(t.amount / t.denominator) AS amount
            FROM usage_total t
            JOIN made USING (account_id, subscription_id, price_id, period_start)
            WHERE t.batch_id <> ALL(%s) GROUP BY 1, 2, 3, 4)
        SELECT account_id, price_id, coalesce(sum(s.quantity), 0), sum(m.quantity),
            round(coalesce(sum(s.amount), 0), 6), round(sum(m.amount), 6)
        FROM made m LEFT JOIN stood s USING (account_id, subscription_id, price_id, period_start)
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        [list(batch_ids), list(batch_ids)],
        schema=_SCHEMA,
    )
    known = catalog.tariff().prices
    prices = {one.id: (f"{one.plan}.{one.code}", one.currency) for one in known.values()}
    named = rows.with_columns(
        _by_id("price_id", {key: name for key, (name, _) in prices.items()}, "price"),
        _by_id("price_id", {key: currency for key, (_, currency) in prices.items()}, "currency"),
    )
    accounts = named.group_by("account_id", "currency").agg(pl.col(_SUMMED).sum())
    largest = accounts.sort(pl.col("by").abs(), "account_id", descending=[True, False])
    largest = largest.filter(pl.col("by") != 0).head(LARGEST)
    codes = dict(
        Account.objects.filter(pk__in=largest["account_id"].to_list()).values_list("pk", "code")
    )
    shown = largest.with_columns(_by_id("account_id", codes, "name"))
    by_price = named.group_by(pl.col("price").alias("name"), "currency").agg(pl.col(_SUMMED).sum())
    return Difference(
        prices=_moved(by_price.sort("name", "currency")), accounts=_moved(shown),
        accounts_count=rows["account_id"].n_unique(),
    )  # fmt: skip


_SUMMED = ["quantity_before", "quantity_by", "before", "by"]


def _by_id(column: str, names: dict[int, str], called: str) -> pl.Expr:
    return pl.col(column).replace_strict(names, return_dtype=pl.String, default=None).alias(called)


def _moved(rows: pl.DataFrame) -> tuple[Moved, ...]:
    return tuple(
        Moved(
            name=row["name"], currency=row["currency"], quantity_before=row["quantity_before"],
            quantity_after=row["quantity_before"] + row["quantity_by"], before=row["before"],
            after=row["before"] + row["by"],
        )
        for row in rows.iter_rows(named=True)
    )  # fmt: skip
