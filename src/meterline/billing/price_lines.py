"""From lines with quantities to lines with amounts: price, prorate, clamp, round. Pure.

The one place where an amount of a charge is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Context
from fractions import Fraction
from math import prod
from typing import Any

import polars as pl

from meterline import pricing
from meterline.billing.frames import PROPOSED, QUANTITY, Snapshot
from meterline.kernel.money import MONEY, decimals, round_column, round_fraction, split, to_scaled
from meterline.pricing.columns import AmountTooLarge
from meterline.pricing.price import Limit, Price

_WIDE = Context(prec=60)  # nothing is rounded on the way

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
    allowances covered, for the explanation; `stub`, for amounts that are taken off, the share of
    its period that a line has, where that is not how it is priced. `rows` may have a `divisor` of
    their quantity.
    """
    if lines.is_empty():
        return pl.DataFrame(schema=PROPOSED)
    by_id = {price.id: price for price in snapshot.prices}
    keyed = rows.join(lines.select("line", "price_id"), on="line", how="inner")
    parts = []
    for key, part in keyed.partition_by("price_id", as_dict=True, include_key=False).items():
        price = by_id[key[0]]
        charged = pricing.charge(price, part, calendars=snapshot.calendars)
        parts.append(_amounts(price, charged, lines, part))
    charged = pl.concat(parts)
    evidence = _evidence(keyed)
    return _proposed(lines, charged, evidence, snapshot)


def _amounts(
    price: Price, charged: pl.DataFrame, lines: pl.DataFrame, rows: pl.DataFrame
) -> pl.DataFrame:
    """_AMOUNTS: `charged` x the line's share, within the price's least and greatest amount,
    rounded.

    Where a price has several lines a period (bands) and a limit holds, they come to its rounded
    amount, in the order of value, band and season. Those are worked out one by one, as are whole
    numbers that 128 bits do not hold.
    """
    if price.minimum_amount is not None:  # a least amount is due though nothing is priced
        charged = pl.concat([charged, _unpriced(charged, rows)])
    joined = charged.join(lines.select("line", "days", *_SHARES), on="line").sort(
        "line", "by_value", "band", "season"
    )
    limits = [
        (limit, least)
        for limit, least in ((price.minimum_amount, True), (price.maximum_amount, False))
        if limit is not None
    ]
    alone = not limits or not joined["line"].is_duplicated().any()
    found = _in_columns if alone and _fits(price, joined, len(limits)) else _one_by_one
    return found(price, joined, limits).select(
        pl.col(name).cast(kind) for name, kind in _AMOUNTS.items()
    )


_SHARES = ("share_numerator", "share_denominator", "limit_numerator", "limit_denominator")
_AMOUNTS: dict[str, Any] = {
    "line": pl.UInt32,
    "price_id": pl.Int64,
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "quantity": QUANTITY,
    "amount": MONEY,
    "exact": pl.String,  # numerator/divisor, in units of 10^-20
}
Limits = Sequence[tuple[Limit, bool]]  # whether it is the least, or the greatest amount


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


def _fits(price: Price, joined: pl.DataFrame, limits: int) -> bool:
    """Whether no whole number on the way to the rounded amounts leaves 128 bits."""
    if joined.is_empty():
        return True
    most = joined.select(
        to_scaled(pl.col("amount")).abs().max(), "denominator", "days", *_SHARES
    ).max().row(0, named=True)  # fmt: skip
    bounds = [most["limit_denominator"]] * limits
    divisor = prod([most["denominator"], most["share_denominator"], *bounds])
    amount = max(
        [Fraction(most["amount"] * most["share_numerator"], most["denominator"]), Fraction(1)]
        + [_scaled(limit) * max(most["days"], most["limit_numerator"])
           for limit in (price.minimum_amount, price.maximum_amount) if limit is not None]
    )  # fmt: skip
    return bool(max(amount * divisor, divisor * 10**20) * 4 < 2**127)


def _scaled(limit: Limit) -> int:
    return int(limit.amount.scaleb(20, _WIDE))


def _in_columns(price: Price, joined: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    found = joined.with_columns(
        numerator=to_scaled(pl.col("amount")) * pl.col("share_numerator").cast(pl.Int128),
        divisor=pl.col("denominator").cast(pl.Int128) * pl.col("share_denominator").cast(pl.Int128),
    )
    for limit, least in limits:
        found = _within(found, limit, least=least)
    numerator, divisor = pl.col("numerator"), pl.col("divisor")
    return found.with_columns(
        price_id=pl.lit(price.id, pl.Int64),
        amount=round_column(numerator, divisor, decimals(price.currency), price.policy.rounding),
        exact=pl.concat_str(numerator.cast(pl.String), divisor.cast(pl.String), separator="/"),
    )


def _within(found: pl.DataFrame, limit: Limit, *, least: bool) -> pl.DataFrame:
    if limit.per_day:
        bound, divisor = pl.col("days").cast(pl.Int128), pl.lit(1, pl.Int128)
    else:
        bound = pl.col("limit_numerator").cast(pl.Int128)
        divisor = pl.col("limit_denominator").cast(pl.Int128)
    exact = pl.col("numerator") * divisor
    limited = bound * pl.lit(_scaled(limit), pl.Int128) * pl.col("divisor")
    return found.with_columns(
        numerator=pl.max_horizontal(exact, limited) if least else pl.min_horizontal(exact, limited),
        divisor=pl.col("divisor") * divisor,
    )


def _one_by_one(price: Price, joined: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    made = []
    for _, group in joined.group_by("line", maintain_order=True):
        rows = group.to_dicts()
        exact = [
            Fraction(row["amount"]) / row["denominator"]
            * Fraction(row["share_numerator"], row["share_denominator"])
            for row in rows
        ]  # fmt: skip
        share = Fraction(rows[0]["limit_numerator"], rows[0]["limit_denominator"])
        for limit, least in limits:
            bound = Fraction(limit.amount) * (rows[0]["days"] if limit.per_day else share)
            total = sum(exact, Fraction(0))
            if total < bound if least else total > bound:
                exact = _split(price, exact, bound, least=least)
        made += [_rounded(price, row, one) for row, one in zip(rows, exact, strict=True)]
    return pl.DataFrame(made, schema=_AMOUNTS)


def _split(
    price: Price, exact: Sequence[Fraction], bound: Fraction, *, least: bool
) -> list[Fraction]:
    """`exact` changed so that once rounded they come to the rounded bound: what a minimum adds is
    put on the first, a maximum is shared in proportion, so that no line exceeds it or is below 0.
    """
    if len(exact) == 1:
        return [bound]
    total, *others = (
        round_fraction(one, decimals(price.currency), price.policy.rounding)
        for one in (bound, *exact[1:])
    )
    if not least and min(exact) >= 0:
        return [Fraction(part) for part in split(total, exact, price.currency)]
    return [Fraction(total - sum(others)), *exact[1:]]


def _rounded(price: Price, row: Mapping[str, Any], exact: Fraction) -> dict[str, Any]:
    amount = round_fraction(exact, decimals(price.currency), price.policy.rounding)
    if abs(amount) >= 10**28:
        raise AmountTooLarge(what=price.name, quantity=row["quantity"])
    units = exact * 10**20
    told = f"{units.numerator}/{units.denominator}"
    return {**{name: row.get(name) for name in _AMOUNTS}, "price_id": price.id,
            "amount": amount, "exact": told}  # fmt: skip


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
        .filter(pl.col("amount") != 0)
    )
    if "intervals" in joined.columns:
        joined = joined.with_columns(quantity=pl.coalesce("intervals", "quantity"))
    told = ["covered"] if "covered" in joined.columns else []
    told += ["stub"] if "stub" in joined.columns else []
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
            "exact",
            "rounding",
            pl.col("places").alias("decimals"),
            *told,
        ).struct.json_encode(),
    ).select(_AS_PROPOSED)  # fmt: skip


_AS_PROPOSED = [pl.col(name).cast(kind) for name, kind in PROPOSED.items()]
