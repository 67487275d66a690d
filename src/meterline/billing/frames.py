"""The snapshot that a bill is a function of, and the frames between its steps. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

import polars as pl

from meterline.kernel.calendar import CalendarSpec
from meterline.kernel.cycle import BillingDay
from meterline.kernel.money import EXACT, MONEY, decimals
from meterline.kernel.policy import Policy
from meterline.pricing.price import Meter, Price
from meterline.subscriptions.periods import INSTANT, runs

QUANTITY = pl.Decimal(38, 10)

ACCOUNTS: dict[str, Any] = {
    "account_id": pl.Int64,
    "account_code": pl.String,
    "seller_id": pl.Int64,
    "currency": pl.String,
    "timezone": pl.String,
    "tax_region": pl.String,
    "payment_terms_days": pl.Int64,
    "until_at": INSTANT,  # what is due then is billed
    "horizon_at": INSTANT,  # charges that end on or before it are settled
    "settled_at": INSTANT,  # <= horizon_at: the same for what counts lines, which may come later
    "reach_at": INSTANT,  # <= settled_at: from where lines are needed, e.g. for a year's minimum
}

PHASES: dict[str, Any] = {
    "subscription_id": pl.Int64,
    "account_id": pl.Int64,
    "started_at": INSTANT,  # of the subscription
    "start_at": INSTANT,
    "end_at": INSTANT,
    "plan_version_id": pl.Int64,
    "quantity": QUANTITY,
    "state": pl.String,
    "trial_end": pl.Date,
    "charge_start": pl.Date,
    "anchor": pl.Date,
    "day_start": pl.Time,
    "early_until": pl.Date,  # of the last phase, where it breaks off a term
    "early_version_id": pl.Int64,  # whose early fee is due
}

TOTALS: dict[str, Any] = {  # summed over batches
    "subscription_id": pl.Int64,
    "price_id": pl.Int64,
    "period_start": pl.Date,
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "events": pl.Int64,
    "quantity": QUANTITY,
    "amount": EXACT,
    "denominator": pl.Int64,
}

COVERED: dict[str, Any] = {  # what allowances covered, summed over batches
    "subscription_id": pl.Int64,
    "price_id": pl.Int64,
    "period_start": pl.Date,
    "allowance": pl.String,  # its code
    "money": pl.Boolean,  # whether the amount is money; else units
    "amount": EXACT,
    "denominator": pl.Int64,
}

TAXES: dict[str, Any] = {
    "tax_code": pl.String,
    "tax_region": pl.String,
    "percent": pl.Decimal(12, 6),
    "from_date": pl.Date,
}

DISCOUNTS: dict[str, Any] = {  # given to subscriptions; those of an account to each of its own
    "account_id": pl.Int64,
    "subscription_id": pl.Int64,
    "of_account": pl.Boolean,  # given to the account: an amount is shared by its subscriptions
    "position": pl.Int32,  # the order in which they were given
    "discount_code": pl.String,
    "percent": QUANTITY,  # one of percent and amount is null
    "amount": QUANTITY,
    "applies_to": pl.List(pl.String),  # price codes; empty: all prices
    "plans": pl.List(pl.String),  # plan codes; empty: all plans
    "on_invoice": pl.Boolean,  # on all lines that fall due together
    "periods": pl.Int32,  # null: for ever
    "since_at": INSTANT,  # charge periods that begin within [since_at, until_at)
    "until_at": INSTANT,  # null: for ever
    "stacking": pl.Int32,  # lower ones are taken off first
    "of_gross": pl.Boolean,  # of what the line came to, and not of what is left
    "exclusive": pl.Boolean,  # no other is taken off where it is
}

PROPOSED: dict[str, Any] = {
    "account_id": pl.Int64,
    "subscription_id": pl.Int64,
    "plan_version_id": pl.Int64,
    "price_id": pl.Int64,
    "price_code": pl.String,
    "name": pl.String,
    "kind": pl.String,
    "start_at": INSTANT,
    "end_at": INSTANT,
    "quantity": QUANTITY,
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "amount": MONEY,  # rounded
    "tax_code": pl.String,
    "advance": pl.Boolean,
    "track": pl.String,
    "inputs": pl.String,  # JSON
}

USAGE_TRACK = r"^(discount\|[^|]*\|)*usage\|"  # of usage, and of discounts on it

BILLED: dict[str, Any] = {  # lines of issued documents that reach past the horizon
    **PROPOSED,
    "tax_percent": pl.Decimal(12, 6),
    "line_id": pl.Int64,  # in the order in which they were issued
    "adjusted": MONEY,  # what credit notes by hand have taken from it, below zero
    "corrects": pl.Boolean,  # another amount of days that had been billed
    "terms": pl.String,  # of discounts that go by amounts: the amount, or the percentage
}


@dataclass(frozen=True, kw_only=True)
class Minimum:
    """A plan's minimum spend: what its lines lack is made up for at the end of its interval."""

    plan_version_id: int
    plan: str
    amount: Decimal
    interval: str
    price_codes: tuple[str, ...]  # empty: all usage
    shared: bool  # one for all subscriptions of an account
    tax_code: str | None
    policy: Policy
    currency: str


@dataclass(frozen=True, kw_only=True)
class Commitment:
    """A plan's volume commitment: what is used less is paid for at the end of its interval."""

    plan_version_id: int
    plan: str
    code: str
    name: str
    quantity: Decimal
    interval: str
    price_codes: tuple[str, ...]  # usage prices whose quantities count
    unit_amount: Decimal  # of what is missing
    tax_code: str | None
    policy: Policy
    currency: str


@dataclass(frozen=True, kw_only=True)
class EarlyFee:
    """What breaking off a term costs: one of amount, per_month and percent is not None."""

    plan_version_id: int
    amount: Any  # Decimal
    per_month: Any  # Decimal, for each started month that is left
    percent: Any  # Decimal, of the recurring charges that are left
    name: str
    tax_code: str | None
    currency: str
    rounding: str


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All that a batch of accounts' bills depend on; one account on a page is a batch of one."""

    progressive: bool
    accounts: pl.DataFrame
    billing_days: Mapping[int, Sequence[BillingDay]]
    phases: pl.DataFrame
    prices: Sequence[Price]
    minimums: Sequence[Minimum]
    commitments: Sequence[Commitment]
    meters: Mapping[str, Meter]
    calendars: Mapping[str, CalendarSpec]
    taxes: pl.DataFrame
    totals: pl.DataFrame
    covered: pl.DataFrame  # COVERED
    detail: pl.DataFrame  # records of prices that look at each of them (usage.services.detail)
    discounts: pl.DataFrame
    billed: pl.DataFrame
    early_fees: Sequence[EarlyFee] = ()
    reads: pl.DataFrame = field(default_factory=pl.DataFrame)  # reads.billed.MEASURED

    @cached_property
    def price_columns(self) -> pl.DataFrame:
        """`price_frame` of the prices."""
        return price_frame(self.prices)

    @cached_property
    def runs(self) -> pl.DataFrame:
        """`runs` of the phases: what prices that do not look at the quantity are charged over."""
        return runs(self.phases)

    @cached_property
    def limits(self) -> pl.DataFrame:
        """Of each account: until_at, horizon_at, settled_at and reach_at."""
        return self.accounts.select(
            "account_id", "until_at", "horizon_at", "settled_at", "reach_at"
        )


def price_frame(prices: Sequence[Price]) -> pl.DataFrame:
    """The prices' columns that charges select and join by."""
    rows = [
        {
            "plan_version_id": price.plan_version_id,
            "price_id": price.id,
            "price_code": price.code,
            "name": price.name,
            "kind": price.kind,
            "model": price.model,
            "interval": str(price.interval),
            "average_days": price.interval.average_days[0] / price.interval.average_days[1],
            "advance": price.timing == "advance",
            "prorate": price.prorate,
            "due": price.due,
            "tax_code": price.tax,
            "align": price.policy.align,
            "day_count": price.policy.day_count,
            "rounding": price.policy.rounding,
            "tax_rounding": price.policy.tax_rounding,
            "places": decimals(price.currency),
        }
        for price in prices
    ]
    return pl.DataFrame(rows, schema=_PRICE_COLUMNS)


_PRICE_COLUMNS: dict[str, Any] = {
    "plan_version_id": pl.Int64,
    "price_id": pl.Int64,
    "price_code": pl.String,
    "name": pl.String,
    "kind": pl.String,
    "model": pl.String,
    "interval": pl.String,
    "average_days": pl.Float64,  # only compared, to tell the longer of two intervals
    "advance": pl.Boolean,
    "prorate": pl.Boolean,
    "due": pl.String,
    "tax_code": pl.String,
    "align": pl.String,
    "day_count": pl.String,
    "rounding": pl.String,
    "tax_rounding": pl.String,
    "places": pl.Int64,
}
