"""How a period's records come together: the meter's aggregation, where totals do not tell it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl

from meterline.kernel.money import EXACT, from_scaled
from meterline.pricing.columns import check_range, units
from meterline.pricing.models import percentage
from meterline.pricing.price import Meter, Price
from meterline.pricing.registry import model

_ADDITIVE = ("count", "sum")
GROUP = ("line", "season", "band", "by_value")
MEASURED: dict[str, Any] = {
    "line": pl.UInt32,
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "quantity": pl.Decimal(38, 10),
    "divisor": pl.Int64,  # the quantity is quantity / divisor
    "events": pl.Int64,
    "amount": EXACT,
    "denominator": pl.Int64,
}
_NOTHING = pl.lit(0).cast(EXACT)
_ONE = pl.lit(1, pl.Int64)
_UNITS = (86_400_000_000, 3_600_000_000, 1_000_000, 1)  # a day, an hour, a second in microseconds


def adds_up(price: Price, meter: Meter) -> bool:
    """Whether the sums of a period's records are all that the price's aggregation needs."""
    if model(price.model).prices_events:
        return True
    return meter.aggregation in _ADDITIVE and not meter.carry


def measured(
    price: Price, records: pl.DataFrame, lines: pl.DataFrame, meter: Meter
) -> pl.DataFrame:
    """MEASURED rows of each line, a row for each season, band and value; without records one of 0.

    `records`: line, start, id, quantity (not null), value (String, of a `unique` meter), season,
    band, by_value; those of the line's period, with `carry` all before its end. `lines`: line,
    start_at, end_at (of the period, or how far it is known), cycle_from, cycle_to (instants of the
    whole cycle).
    """
    if price.model == "percentage":
        found = _sum(percentage.amounts(price, records)).with_columns(
            denominator=pl.lit(percentage.PARTS, pl.Int64)
        )
    else:
        found = _aggregate(price, records, lines, meter)
    silent = lines.join(found, on="line", how="anti").select(
        "line",
        *(pl.lit(None, pl.String).alias(name) for name in ("season", "band", "by_value")),
        pl.lit(0).cast(pl.Decimal(38, 10)).alias("quantity"),
        pl.lit(1, pl.Int64).alias("divisor"),
        pl.lit(0, pl.Int64).alias("events"),
        pl.lit(0).cast(EXACT).alias("amount"),
        pl.lit(1, pl.Int64).alias("denominator"),
    )
    columns = [pl.col(name).cast(kind) for name, kind in MEASURED.items()]
    return pl.concat([found.select(columns), silent.select(columns)])


def _sum(records: pl.DataFrame) -> pl.DataFrame:
    return _grouped(records, pl.col("quantity").sum(), amount=pl.col("amount").sum())


def _aggregate(
    price: Price, records: pl.DataFrame, lines: pl.DataFrame, meter: Meter
) -> pl.DataFrame:
    """The quantity of each group by the meter's aggregation."""
    quantity = pl.col("quantity")
    match meter.aggregation:
        case "count" | "sum":
            return _grouped(records, quantity.sum())
        case "max":
            return _grouped(records, quantity.max())
        case "latest":
            return _grouped(records.sort("start", "id"), quantity.last())
        case "unique":
            return _grouped(records, pl.col("value").n_unique().cast(pl.Decimal(38, 10)))
        case "average":
            return _grouped(records, quantity.sum(), divisor=pl.len())
        case "weighted_sum":
            return _weighted(price, records, lines)


def _grouped(
    records: pl.DataFrame,
    quantity: pl.Expr,
    *,
    amount: pl.Expr = _NOTHING,
    divisor: pl.Expr = _ONE,
) -> pl.DataFrame:
    return records.group_by(GROUP, maintain_order=True).agg(
        quantity=quantity, amount=amount, divisor=divisor, denominator=_ONE, events=pl.len()
    )


def _weighted(price: Price, records: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """The mean level over the whole cycle: each delta x the time from it to the period's end.

    Deltas from before the period (`carry`) count from its start. The time is elapsed time.
    """
    timed = records.join(lines, on="line").with_columns(
        held=(pl.col("end_at") - pl.max_horizontal("start", "start_at")).dt.total_microseconds(),
        cycle=(pl.col("cycle_to") - pl.col("cycle_from")).dt.total_microseconds(),
    )
    unit: Any = pl
    for size in _UNITS[:-1]:
        fits = (pl.col("held") % size == 0).all() & (pl.col("cycle") % size == 0).all()
        unit = unit.when(fits.over("line")).then(pl.lit(size, pl.Int64))
    timed = timed.with_columns(unit=unit.otherwise(pl.lit(1, pl.Int64)))
    timed = timed.with_columns(pl.col("held") // pl.col("unit"), pl.col("cycle") // pl.col("unit"))
    longest = timed.select(
        pl.col("quantity").abs().sum(), pl.lit(1, pl.Int64).alias("divisor"), pl.col("held").max()
    )
    check_range(price.name, longest, [Decimal(longest["held"][0] or 0)], scale=10)
    held = from_scaled(units() * pl.col("held").cast(pl.Int128), 10)
    return _grouped(timed, held.sum(), divisor=pl.col("cycle").first())
