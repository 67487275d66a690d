"""From lines with quantities to lines with amounts: price, prorate, clamp, round. Pure.

The one place where an amount of a charge is rounded.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from meterline import pricing
from meterline.billing.frames import PROPOSED, QUANTITY, Snapshot
from meterline.kernel.money import round_column, to_scaled
from meterline.pricing.columns import AmountTooLarge
from meterline.pricing.price import Limit, Price

_INT128_MAX = 1.7e38

LINES: dict[str, Any] = {
    "line": pl.UInt32,
    "account_id": pl.Int64,
    "subscription_id": pl.Int64,
    "plan_version_id": pl.Int64,
    "price_id": pl.Int64,
    "start_at": pl.Datetime("us", "UTC"),
    "end_at": pl.Datetime("us", "UTC"),
    "days": pl.Int32,
    "share_numerator": pl.Int64,
    "share_denominator": pl.Int64,
    "limit_numerator": pl.Int64,  # the share of minimum_amount and maximum_amount
    "limit_denominator": pl.Int64,
    "track": pl.String,
}

ROWS: dict[str, Any] = {  # what a line's price is applied to: one row a line, season, band, value
    "line": pl.UInt32,
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "quantity": QUANTITY,
    "events": pl.Int64,
    "amount": pl.Decimal(38, 20),
    "denominator": pl.Int64,
    "days": pl.Int32,
    "demand": QUANTITY,
}


def price_lines(lines: pl.DataFrame, rows: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """PROPOSED lines of `lines` (LINES) whose prices are applied to `rows` (ROWS).

    A line gives one proposed line for each season, band and value that its price model tells
    apart. Lines of zero are left out. A column `intervals`, where not null, is the quantity of
    the line: a price of a shorter interval than the billing cycle. A column `covered` tells what
    allowances covered, for the explanation. `rows` may have a `divisor` of their quantity.
    """
    if lines.is_empty():
        return pl.DataFrame(schema=PROPOSED)
    by_id = {price.id: price for price in snapshot.prices}
    keyed = rows.join(lines.select("line", "price_id"), on="line", how="inner")
    parts = []
    for key, part in keyed.partition_by("price_id", as_dict=True, include_key=False).items():
        price = by_id[key[0]]
        charged = pricing.charge(price, part, calendars=snapshot.calendars)
        parts.append(_clamp(price, charged, lines, part))
    charged = pl.concat(parts)
    evidence = _evidence(keyed)
    return _proposed(lines, charged, evidence, snapshot)


def _clamp(
    price: Price, charged: pl.DataFrame, lines: pl.DataFrame, rows: pl.DataFrame
) -> pl.DataFrame:
    """Exact amounts with the line's share, within the price's minimum and maximum amount.

    Where a price has several lines a period (bands), what a limit adds or takes is put on the
    first of them, in the order of value, band and season.
    """
    if price.minimum_amount is not None:  # a least amount is due though nothing is priced
        charged = pl.concat([charged, _unpriced(charged, rows)])
    joined = charged.join(
        lines.select(
            "line",
            "share_numerator",
            "share_denominator",
            "limit_numerator",
            "limit_denominator",
            "days",
        ),
        on="line",
    ).with_columns(
        numerator=to_scaled(pl.col("amount")) * pl.col("share_numerator").cast(pl.Int128),
        divisor=pl.col("denominator").cast(pl.Int128) * pl.col("share_denominator").cast(pl.Int128),
    )
    _check_range(price.name, joined)
    for limit, least in ((price.minimum_amount, True), (price.maximum_amount, False)):
        if limit is not None:
            joined = _apply_limit(joined, limit, least=least)
    return joined.select(
        "line", "season", "band", "by_value", "quantity", "numerator", "divisor",
        pl.lit(price.id, pl.Int64).alias("price_id"),
    )  # fmt: skip


def _unpriced(charged: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """A charged row of nothing for each line of which the model made none."""
    absent = rows.select("line").unique().join(charged, on="line", how="anti")
    return absent.select(
        "line",
        *(pl.lit(None, pl.String).alias(name) for name in ("season", "band", "by_value")),
        pl.lit(0).cast(QUANTITY).alias("quantity"),
        pl.lit(0).cast(charged.schema["amount"]).alias("amount"),
        pl.lit(1, pl.Int64).alias("denominator"),
    )


def _apply_limit(joined: pl.DataFrame, limit: Limit, *, least: bool) -> pl.DataFrame:
    scaled = int(limit.amount.scaleb(20))
    if limit.per_day:
        bound, divisor = pl.col("days").cast(pl.Int128), pl.lit(1, pl.Int128)
    else:
        bound = pl.col("limit_numerator").cast(pl.Int128)
        divisor = pl.col("limit_denominator").cast(pl.Int128)
    ordered = joined.sort("line", "by_value", "band", "season")  # so that it is the same one again
    common = ordered.with_columns(
        bound=bound * pl.lit(scaled, pl.Int128), bound_divisor=divisor
    ).with_columns(
        numerator=pl.col("numerator") * pl.col("bound_divisor"),
        bound=pl.col("bound") * pl.col("divisor"),
        divisor=pl.col("divisor") * pl.col("bound_divisor"),
    )
    gap = pl.col("bound").first() - pl.col("numerator").sum()
    wanted = pl.max_horizontal(gap, 0) if least else pl.min_horizontal(gap, 0)
    first = pl.int_range(pl.len()) == 0
    return common.with_columns(
        numerator=pl.col("numerator") + pl.when(first).then(wanted).otherwise(0).over("line")
    ).drop("bound", "bound_divisor")


def _check_range(name: str, frame: pl.DataFrame) -> None:
    # floats are only compared, to the largest Int128
    names = ("amount", "share_numerator", "denominator", "share_denominator")
    found = frame.select(pl.col(names).cast(pl.Float64).abs().max()).row(0)
    amount, numerator, denominator, divisor = (largest or 0 for largest in found)
    for one, other, scale in ((amount, numerator, 1e20), (denominator, divisor, 1.0)):
        if one * other * scale > _INT128_MAX:
            raise AmountTooLarge(what=name, quantity=one)


def _evidence(rows: pl.DataFrame) -> pl.DataFrame:
    """What each line's explanation needs of its rows, as a list of structs of texts."""
    text = [
        pl.col(name).cast(pl.String)
        for name in ("quantity", "divisor", "events", "days", "demand", "amount", "denominator")
        if name in rows.columns
    ]
    return rows.group_by("line").agg(pl.struct("season", "band", "by_value", *text).alias("rows"))


def _proposed(
    lines: pl.DataFrame,
    charged: pl.DataFrame,
    evidence: pl.DataFrame,
    snapshot: Snapshot,
) -> pl.DataFrame:
    prices = snapshot.price_columns.select(
        "price_id", "price_code", "name", "kind", "tax_code", "advance", "rounding", "places"
    )
    joined = (
        charged.join(lines.drop("price_id"), on="line")
        .join(prices, on="price_id")
        .join(evidence, on="line")
        .with_columns(
            amount=round_column(
                pl.col("numerator"),
                pl.col("divisor"),
                pl.col("places"),
                pl.col("rounding"),
            )
        )
        .filter(pl.col("amount") != 0)
    )
    if "intervals" in joined.columns:
        joined = joined.with_columns(quantity=pl.coalesce("intervals", "quantity"))
    covered = ["covered"] if "covered" in joined.columns else []
    parts = [pl.col(name).fill_null("") for name in ("season", "band", "by_value")]
    return joined.with_columns(
        track=pl.concat_str(pl.col("track"), *parts, separator="|"),
        inputs=pl.struct(
            "rows",
            pl.col("season").alias("season"),
            pl.col("band").alias("band"),
            pl.col("by_value").alias("by_value"),
            pl.concat_str("share_numerator", "share_denominator", separator="/").alias("share"),
            pl.col("quantity").cast(pl.String).alias("quantity"),
            pl.concat_str(
                pl.col("numerator").cast(pl.String), pl.col("divisor").cast(pl.String),
                separator="/",
            ).alias("exact"),
            "rounding",
            pl.col("places").alias("decimals"),
            *covered,
        ).struct.json_encode(),
    ).select(_AS_PROPOSED)  # fmt: skip


_AS_PROPOSED = [pl.col(name).cast(kind) for name, kind in PROPOSED.items()]
