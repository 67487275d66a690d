"""What records that could not be rated would come to: an estimate. Pure."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import polars as pl

from meterline import pricing
from meterline.kernel.money import EXACT
from meterline.rating.rate import rate
from meterline.rating.tariff import Tariff

QUANTITY = pl.Decimal(38, 10)
Amounts = dict[str, Fraction]  # by currency


def rated_as(records: pl.DataFrame, plan_version_id: int, tariff: Tariff) -> Amounts:
    """What records (normalise's) would come to under a plan, as one period of one customer."""
    guided = records.with_columns(
        row=pl.int_range(pl.len(), dtype=pl.UInt32),
        start=pl.coalesce("start", pl.col("local").dt.replace_time_zone("UTC")),
        plan_version_id=pl.lit(plan_version_id, pl.Int64),
    ).drop("line", "local")
    found = rate(guided, tariff).rated.with_columns(line=pl.lit(1, pl.UInt32))
    return _sum(found, tariff)


def averages(totals: pl.DataFrame, tariff: Tariff) -> dict[str, Amounts]:
    """What a record of each meter comes to on average, by `totals`: line (a subscription's period),
    price_id, season, band, by_value, events, quantity, amount, denominator."""
    found: dict[str, Amounts] = {}
    for meter in tariff.meters:
        ids = [one.id for one in tariff.prices.values() if one.meter == meter]
        rows = totals.filter(pl.col("price_id").is_in(ids))
        events: dict[str, int] = {}
        for (price_id,), part in rows.partition_by("price_id", as_dict=True).items():
            currency = tariff.prices[price_id].currency
            events[currency] = events.get(currency, 0) + int(part["events"].sum())
        sums = _sum(rows, tariff)
        found[meter] = {code: sums[code] / many for code, many in events.items()
                        if many > 0 and code in sums}  # fmt: skip
    return found


def _sum(rows: pl.DataFrame, tariff: Tariff) -> Amounts:
    """What rated rows come to by currency: by their amounts, or priced as periods (`line`). Prices
    that look at each record of a period are left out."""
    sums: Amounts = {}
    for (price_id,), part in rows.partition_by("price_id", as_dict=True).items():
        price = tariff.prices[price_id]
        if pricing.needs_detail(price, tariff.meters):
            continue
        whole = _periods(part) if not (part["amount"] != 0).any() else None
        priced = part if whole is None else pricing.charge(price, whole, calendars=tariff.calendars)
        added = priced.group_by("denominator").agg(pl.col("amount").sum())
        for below, amount in added.iter_rows():
            sums[price.currency] = sums.get(price.currency, Fraction(0)) + Fraction(amount) / below
    return sums


def _periods(part: pl.DataFrame) -> pl.DataFrame:
    """Rows as pricing.charge takes them: one a line, season, band and value."""
    events = pl.col("events") if "events" in part.columns else pl.lit(1, pl.Int64)
    return (
        part.filter(pl.col("quantity").is_not_null())
        .with_columns(events=events)
        .group_by("line", "season", "band", "by_value", maintain_order=True)
        .agg(pl.col("quantity").sum().cast(QUANTITY), pl.col("events").sum().cast(pl.Int64))
        .with_columns(
            amount=pl.lit(Decimal(0)).cast(EXACT), denominator=pl.lit(1, pl.Int64),
            days=pl.lit(30, pl.Int32), demand=pl.lit(None, QUANTITY),
        )
    )  # fmt: skip
