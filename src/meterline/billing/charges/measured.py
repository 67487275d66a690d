"""Usage prices that look at each record of a period: which records, and what they measure. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from meterline import pricing
from meterline.billing.frames import QUANTITY, Snapshot
from meterline.billing.price_lines import ROWS
from meterline.pricing.price import Meter, Price
from meterline.rating.properties import column
from meterline.rating.values import by_values

Meters = Mapping[str, Meter]
_MEASURED = {**ROWS, "divisor": pl.Int64}


@dataclass(frozen=True, kw_only=True)
class WantedDetail:
    """The prices whose records are read, and which of their fields."""

    recent: tuple[Price, ...]  # of the periods that are charged
    whole: tuple[Price, ...]  # from the beginning: ratchets, and meters that carry
    ids: bool
    properties: tuple[str, ...]


def wanted_detail(prices: Sequence[Price], meters: Meters) -> WantedDetail:
    """What must be read of the records for these prices."""
    detailed = [price for price in prices if pricing.needs_detail(price, meters)]
    carrying = [price for price in detailed if pricing.carries(price, meters)]
    back = {price.id: price for price in detailed if pricing.looks_back(price)}
    for price in carrying:
        back |= {donor.id: donor for donor in _donors(price, prices)}
    properties = {
        str(meters[price.meter or ""].value)
        for price in detailed
        if meters[price.meter or ""].aggregation == "unique"
    }.union(*(price.by for price in carrying))
    return WantedDetail(
        recent=tuple(price for price in detailed if price.id not in back),
        whole=tuple(back.values()),
        ids=any(pricing.needs_order(price, meters) for price in detailed),
        properties=tuple(sorted(properties)),
    )


def _donors(price: Price, prices: Sequence[Price]) -> list[Price]:
    """Prices under which the meter's earlier records were rated: itself, and one of each other
    plan version, since what a meter carries outlives a change of plan."""
    found = {price.plan_version_id: price}
    for other in sorted(prices, key=lambda one: one.id):
        if other.kind == "usage" and other.meter == price.meter:
            found.setdefault(other.plan_version_id, other)
    return list(found.values())


def measured(lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """ROWS and divisor of the lines whose price measures the period's records one by one."""
    found = [
        _measure(price, lines.filter(pl.col("price_id") == price.id), snapshot)
        for price in snapshot.prices
        if pricing.needs_detail(price, snapshot.meters)
    ]
    return pl.concat([pl.DataFrame(schema=_MEASURED), *found])


def _measure(price: Price, lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    if lines.is_empty():
        return pl.DataFrame(schema=_MEASURED)
    meter = snapshot.meters[price.meter or ""]
    carried = pricing.carries(price, snapshot.meters)
    records = _with_value(
        _earlier(price, lines, snapshot) if carried else _of_period(price, lines, snapshot), meter
    )
    facts = lines.select("line", "start_at", "cycle_from", "cycle_to", end_at="known_at")
    found = pricing.measure(price, records, facts, meter=meter, calendars=snapshot.calendars)
    named = found.join(
        lines.select("line", "subscription_id", pl.col("start_date").alias("period_start")),
        on="line",
    )
    billed = pricing.billed_quantity(price, named)
    return (
        lines.select("line", "days")
        .join(billed.drop("subscription_id", "period_start"), on="line")
        .with_columns(demand=pl.lit(None, QUANTITY))
        .select(pl.col(name).cast(kind) for name, kind in _MEASURED.items())
    )


def _of_period(price: Price, lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """The price's records by line, each in the period in which it was rated."""
    records = snapshot.detail.filter(
        pl.col("price_id") == price.id, pl.col("quantity").is_not_null()
    )
    return lines.select("line", "subscription_id", "start_date").join(
        records,
        left_on=["subscription_id", "start_date"],
        right_on=["subscription_id", "period_start"],
    )


def _earlier(price: Price, lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """All records of the meter before each line's end, by line, with the price's values."""
    donors = [donor.id for donor in _donors(price, snapshot.prices)]
    records = snapshot.detail.filter(
        pl.col("price_id").is_in(donors), pl.col("quantity").is_not_null()
    ).with_columns(season=pl.lit(None, pl.String), band=pl.lit(None, pl.String))
    fields = [records[column(name)] for name in price.by]
    value = by_values(fields) if fields else pl.lit(None, pl.String)
    return (
        records.with_columns(by_value=value)
        .join(lines.select("line", "subscription_id", "end_at"), on="subscription_id")
        .filter(pl.col("start") < pl.col("end_at"))
        .drop("end_at")
    )


def _with_value(records: pl.DataFrame, meter: Meter) -> pl.DataFrame:
    """`records` with `value`, of which a `unique` meter counts the distinct ones, and an id."""
    value = pl.lit(None, pl.String)
    if meter.aggregation == "unique":
        value = pl.col(column(str(meter.value)))
    kept = records if "id" in records.columns else records.with_columns(id=pl.lit(""))
    return kept.with_columns(value=value)
