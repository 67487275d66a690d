"""Reading the snapshot of a chunk of accounts: SQL in, frames out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import cast
from zoneinfo import ZoneInfo

import polars as pl
from django.db import connection

from meterline.billing.charges import discount_group
from meterline.billing.charges.measured import wanted_detail
from meterline.billing.frames import (
    ACCOUNTS,
    BILLED,
    PHASES,
    TAXES,
    TOTALS,
    Commitment,
    EarlyFee,
    Minimum,
    Snapshot,
)
from meterline.billing.given import discounts_of
from meterline.billing.spans import gathered_prices
from meterline.catalog import services as catalog
from meterline.catalog.build import Tax
from meterline.kernel.cycle import BillingDay, sorted_days
from meterline.kernel.frames import empty
from meterline.kernel.interval import Interval
from meterline.platform.database import read_frame
from meterline.pricing.columns import exact_sum
from meterline.pricing.price import Meter, Price
from meterline.reads import services as reads
from meterline.subscriptions.periods import INSTANT
from meterline.usage import services as usage

Until = datetime | date  # a date: midnight in each account's zone
_BEGINNING = datetime(1, 1, 3, tzinfo=UTC)
_NO_TIME = timedelta(0)
_MONTH = Interval(months=1)


@catalog.as_one()
def load(
    account_ids: Sequence[int],
    until: Until,
    *,
    progressive: bool = False,
    since: Until | None = None,
) -> Snapshot:
    """Everything that the bills of these accounts depend on, as the database has it now.

    Accounts that have been billed past `until` already are left out: the clock never goes back.
    With `since`, as if nothing that reaches past it had been billed: what-if, and nobody left out.
    """
    accounts = _accounts(list(account_ids), until, since)
    ids = accounts["account_id"].to_list()
    phases = _phases(ids)
    versions = phases["plan_version_id"].unique().to_list()
    minimums = [Minimum(**row) for row in catalog.minimums(versions)]
    commitments = [Commitment(**row) for row in catalog.commitments(versions)]
    prices = catalog.prices(versions)
    discounts = discounts_of(ids)
    amounts_off = bool(discounts["amount"].count())
    counting = settled_by(minimums, commitments, prices, amounts_off=amounts_off)
    lag = late_by(minimums, commitments, prices) if since is None else _NO_TIME
    accounts = with_reach(accounts, counting, lag)
    billed = empty(BILLED)
    if since is None:
        billed = _billed(ids, accounts, standing(prices))
    prices = _with_billed(prices, billed)
    meters = catalog.meters()
    reach = cast(datetime, accounts["reach_at"].min() or _BEGINNING)
    until_last = cast(datetime, accounts["until_at"].max() or _BEGINNING)
    return Snapshot(
        progressive=progressive,
        accounts=accounts,
        billing_days=_billing_days(ids),
        phases=phases,
        prices=prices,
        minimums=minimums,
        commitments=commitments,
        meters=meters,
        calendars=catalog.calendars(),
        taxes=tax_frame(catalog.taxes()),
        totals=_totals(ids, earliest_period(prices, reach)),
        covered=usage.covered(ids, earliest_period(prices, reach)),
        detail=_detail(phases, prices, meters, reach, until_last),
        discounts=discounts,
        billed=billed,
        early_fees=[EarlyFee(**row) for row in catalog.early_fees(_broken_off(phases))],
        reads=reads.measured(ids, earliest_period(prices, reach)),
    )


def _broken_off(phases: pl.DataFrame) -> list[int]:
    """The plan versions whose early fee is due."""
    return phases["early_version_id"].drop_nulls().unique().to_list()


def settled_by(
    minimums: Sequence[Minimum],
    commitments: Sequence[Commitment],
    prices: Sequence[Price],
    *,
    amounts_off: bool,
) -> list[Interval]:
    """The intervals of what counts other lines: minimums, commitments, riders; and of what goes by
    amounts in diff: lines of several intervals, and whatever amounts are taken off."""
    riders = [price.interval for price in prices if price.model == "percent_of"]
    texts = [*(one.interval for one in minimums), *(one.interval for one in commitments)]
    shared = [price.interval for price in prices] if amounts_off or gathered_prices(prices) else []
    return [*map(Interval.parse, texts), *riders, *shared, *([_MONTH] if shared else [])]


def late_by(
    minimums: Sequence[Minimum], commitments: Sequence[Commitment], prices: Sequence[Price]
) -> timedelta:
    """How long after their own end minimums, commitments and riders may still change: until the
    last line that begins within them has ended, where those lines have other periods; riders may
    count riders."""
    every: list[Minimum | Commitment] = [*minimums, *commitments]
    counting = {(one.plan_version_id, one.interval, one.policy.align) for one in every}
    riders = [price for price in prices if price.model == "percent_of"]
    counting |= {(one.plan_version_id, str(one.interval), one.policy.align) for one in riders}
    others = [
        price.interval
        for version, interval, align in counting
        for price in prices
        if price.plan_version_id == version
        and (str(price.interval), price.policy.align) != (interval, align)
    ]
    each = Counter(rider.plan_version_id for rider in riders)
    return reach_of(others) * (1 + max(each.values(), default=0))


def with_reach(
    accounts: pl.DataFrame, intervals: Sequence[Interval], lag: timedelta = _NO_TIME
) -> pl.DataFrame:
    """`accounts` (horizon_at) with settled_at, `lag` before the horizon, and with reach_at: how far
    back lines are needed, by the longest interval of a minimum, a commitment or a rider, which
    count what lies in all of it."""
    return accounts.with_columns(settled_at=_before(pl.col("horizon_at"), lag)).with_columns(
        reach_at=_before(pl.col("settled_at"), reach_of(intervals))
    )


def _before(moment: pl.Expr, time_: timedelta) -> pl.Expr:
    first = pl.lit(_BEGINNING, INSTANT)
    return pl.when(moment > first + time_).then(moment - time_).otherwise(first)


def reach_of(intervals: Iterable[Interval]) -> timedelta:
    """The longest that one of the intervals lasts, at most."""
    return max((one.longest for one in intervals), default=timedelta(0))


def _midnights(accounts: pl.DataFrame, moment: Until) -> pl.Expr:
    """The instant in each account's zone."""
    zones = accounts["timezone"].unique().to_list()
    if not zones:
        return pl.lit(None, INSTANT)
    return pl.col("timezone").replace_strict(_until_at(zones, moment), return_dtype=INSTANT)


def _until_at(zones: Sequence[str], until: Until) -> dict[str, datetime]:
    """The instant until which accounts of each zone are billed."""
    if isinstance(until, datetime):
        return dict.fromkeys(zones, until)
    midnight = datetime.combine(until, time(0))
    return {zone: midnight.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for zone in zones}


def _accounts(ids: list[int], until: Until, since: Until | None) -> pl.DataFrame:
    """ACCOUNTS but settled_at and reach_at. The horizon is the last bill, or what has changed
    before it since: usage that came late, contracts changed back-dated, a billing day moved within
    what was billed ahead. Two days of margin cover zones and day boundaries."""
    frame = read_frame(
        """
        SELECT a.id, a.code, a.seller_id, a.currency, a.timezone, a.tax_region,
            s.payment_terms_days, b.billed_until,
            least(
                b.billed_until,
                (SELECT min(t.period_start) FROM usage_total t
                 WHERE t.account_id = a.id AND t.batch_id > b.last_batch_id)::timestamptz,
                (SELECT min(c.effective_at) FROM subscriptions_change c
                 JOIN subscriptions_subscription x ON x.id = c.subscription_id
                 WHERE x.account_id = a.id AND c.id > b.last_change_id),
                (SELECT min(d.since) FROM customers_billingday d
                 WHERE d.account_id = a.id AND d.id > b.last_billing_day_id)::timestamptz
            ) AS horizon_at
        FROM customers_account a
        JOIN customers_seller s ON s.id = a.seller_id
        LEFT JOIN billing_accountstate b ON b.account_id = a.id
        WHERE a.id = ANY(%s)
        ORDER BY a.id
        """,
        [ids],
        schema={
            **{name: kind for name, kind in ACCOUNTS.items() if name not in _DERIVED},
            "billed_until": INSTANT,
            "horizon_at": INSTANT,
        },
    )
    until_at = _midnights(frame, until)
    if since is not None:
        return frame.with_columns(until_at=until_at, horizon_at=_midnights(frame, since)).drop(
            "billed_until"
        )
    before = pl.col("horizon_at") - timedelta(days=2)
    return (
        frame.with_columns(
            until_at=until_at, horizon_at=before.fill_null(pl.lit(_BEGINNING, INSTANT))
        )
        .filter(pl.col("billed_until").is_null() | (pl.col("billed_until") <= pl.col("until_at")))
        .drop("billed_until")
    )


_DERIVED = ("until_at", "horizon_at", "settled_at", "reach_at")


def _billing_days(ids: list[int]) -> dict[int, Sequence[BillingDay]]:
    rows = read_frame(
        "SELECT account_id, since, day FROM customers_billingday WHERE account_id = ANY(%s)"
        " ORDER BY account_id, since, id",
        [ids],
        schema={"account_id": pl.Int64, "since": pl.Date, "day": pl.Int64},
    )
    days: dict[int, list[BillingDay]] = {account: [] for account in ids}
    for account, since, day in rows.iter_rows():
        days[account].append(BillingDay(since, day))
    return {account: sorted_days(found) for account, found in days.items()}


def _phases(ids: list[int]) -> pl.DataFrame:
    return read_frame(
        """
        SELECT p.subscription_id, p.account_id, s.started_at, p.start_at, p.end_at,
            p.plan_version_id, p.quantity, p.state, p.trial_end, p.charge_start, p.anchor,
            p.day_start, p.early_until, p.early_version_id
        FROM subscriptions_phase p
        JOIN subscriptions_subscription s ON s.id = p.subscription_id
        WHERE p.account_id = ANY(%s)
        ORDER BY p.subscription_id, p.start_at
        """,
        [ids],
        schema=PHASES,
    )


def standing(prices: Sequence[Price]) -> timedelta:
    """How long before its end a charge may begin some of whose days are billed for good: what is
    billed of a price that is not prorated, or under `credit: none`, does not come back."""
    recurring = [price for price in prices if price.kind == "recurring"]
    if all(price.policy.credit == "prorated" and price.prorate for price in recurring):
        return _NO_TIME
    return reach_of([_MONTH, *(price.interval for price in recurring)])


def _billed(ids: list[int], accounts: pl.DataFrame, standing: timedelta) -> pl.DataFrame:
    reach = cast(datetime, accounts["reach_at"].min() or _BEGINNING)
    earliest = reach - standing if reach - _BEGINNING > standing else _BEGINNING
    elsewhere = {
        "plan_version_id": "NULL", "inputs": "NULL", "line_id": "l.id",
        "adjusted": "coalesce(a.adjusted, 0)",
        "corrects": "l.kind IN ('recurring', 'discount') AND l.inputs ? 'before'",
        "terms": f"CASE WHEN l.kind = 'discount' AND l.inputs -> '{discount_group.BY_AMOUNT}' ="
                 " 'true' THEN coalesce(l.inputs ->> 'fixed', l.inputs ->> 'percent') END",
    }  # fmt: skip
    columns = ", ".join(f"{elsewhere.get(name, f'l.{name}')} AS {name}" for name in BILLED)
    return read_frame(
        f"""
        SELECT {columns} FROM invoices_line l
        LEFT JOIN (
            SELECT split_part(track, '|', 2)::bigint AS line_id, sum(amount) AS adjusted
            FROM invoices_line WHERE account_id = ANY(%s) AND kind = 'adjustment' GROUP BY 1
        ) a ON a.line_id = l.id
        WHERE l.account_id = ANY(%s) AND l.end_at >= %s AND l.kind <> 'adjustment'
        """,
        [ids, ids, earliest],
        schema=BILLED,
    )


def _with_billed(found: list[Price], billed: pl.DataFrame) -> list[Price]:
    """`found`, and the prices of the other plan versions by which something was billed."""
    known = {price.id for price in found}
    missing = [i for i in billed["price_id"].drop_nulls().unique().to_list() if i not in known]
    if missing:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT plan_version_id FROM catalog_price WHERE id = ANY(%s)",
                [missing],
            )
            return found + catalog.prices([row[0] for row in cursor.fetchall()])
    return found


def tax_frame(taxes: Iterable[Tax]) -> pl.DataFrame:
    """TAXES of the catalogue's taxes."""
    rows = [
        {
            "tax_code": tax.code, "tax_region": rate.region, "percent": rate.percent,
            "from_date": rate.from_date or date(1, 1, 1),
        }
        for tax in taxes
        for rate in tax.rates
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=TAXES)


def earliest_period(prices: Sequence[Price], reach: datetime) -> date:
    """The earliest period start that a period which ends after `reach` can have."""
    longest = reach_of(price.interval for price in prices if price.kind == "usage")
    return (reach - longest).date() if reach - _BEGINNING > longest else date(1, 1, 1)


def _totals(ids: list[int], earliest: date) -> pl.DataFrame:
    frame = read_frame(
        """
        SELECT subscription_id, price_id, period_start, season, band, by_value,
            sum(events), sum(quantity), sum(amount), denominator
        FROM usage_total
        WHERE account_id = ANY(%s) AND period_start >= %s
        GROUP BY subscription_id, price_id, period_start, season, band, by_value, denominator
        HAVING sum(events) <> 0 OR sum(quantity) <> 0 OR sum(amount) <> 0
        """,
        [ids, earliest],
        schema=TOTALS,
    )
    return join_denominators(frame)


def join_denominators(totals: pl.DataFrame) -> pl.DataFrame:
    """One row a key: amounts over different denominators are added exactly."""
    key = [name for name in totals.columns if name not in _SUMMED]
    several = pl.len().over(key) > 1
    mixed = totals.filter(several)
    if mixed.is_empty():
        return totals
    rows = []
    for _, group in mixed.group_by(key):
        first = group.row(0, named=True)
        quantity = cast(Decimal, group["quantity"].sum())
        amount, denominator = exact_sum("the usage of a period", group, quantity)
        first.update(
            events=group["events"].sum(),
            quantity=quantity,
            amount=amount,
            denominator=denominator,
        )
        rows.append(first)
    return pl.concat([totals.filter(~several), pl.DataFrame(rows, schema=TOTALS)])


_SUMMED = ("events", "quantity", "amount", "denominator")


def _detail(
    phases: pl.DataFrame,
    prices: Sequence[Price],
    meters: Mapping[str, Meter],
    reach: datetime,
    until: datetime,
) -> pl.DataFrame:
    """Records of the prices that look at each of them, as far back as they look."""
    needed = wanted_detail(prices, meters)
    if not needed.recent and not needed.whole:
        return empty(usage.detail_schema(ids=needed.ids, fields=needed.properties))
    longest = reach_of(price.interval for price in needed.recent)
    start = reach - longest if reach - _BEGINNING > longest else _BEGINNING
    found = []
    for group, since in ((needed.recent, start), (needed.whole, _BEGINNING)):
        versions = [price.plan_version_id for price in group]
        subscriptions = phases.filter(pl.col("plan_version_id").is_in(versions))
        found.append(
            usage.detail(
                subscriptions["subscription_id"].unique().to_list(), [p.id for p in group],
                since, until, ids=needed.ids, fields=needed.properties,
            )
        )  # fmt: skip
    return pl.concat(found)
