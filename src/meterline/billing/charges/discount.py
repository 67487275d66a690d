"""Discounts: lines beside the lines that they take from, before tax. Pure.

Computed from the rounded lines, in the order in which the subscription has them; each takes from
what the earlier ones left.
"""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from meterline.billing.frames import PROPOSED, QUANTITY, Snapshot
from meterline.kernel.money import (
    MONEY,
    decimals,
    round_amount,
    round_column,
    split,
    to_scaled,
)
from meterline.subscriptions.periods import SPAN_SCHEMA, periods

_TARGETS = ("recurring", "usage")


def propose(snapshot: Snapshot, lines: pl.DataFrame) -> pl.DataFrame:
    """PROPOSED discount lines (negative amounts) on the proposed `lines`."""
    if snapshot.discounts.is_empty() or lines.is_empty():
        return pl.DataFrame(schema=PROPOSED)
    targets = lines.with_row_index("target").with_columns(left=pl.col("amount"))
    found = []
    for (_,), step in snapshot.discounts.sort("position").group_by("position", maintain_order=True):
        taken = _take(targets, step, snapshot)
        found.append(taken)
        targets = (
            targets.join(taken.select("target", off="amount"), on="target", how="left")
            .with_columns(left=(pl.col("left") + pl.col("off").fill_null(0)).cast(MONEY))
            .drop("off")
        )
    return pl.concat(found).select(PROPOSED.keys())


def _take(targets: pl.DataFrame, step: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """One discount a subscription, on the lines it applies to."""
    priced = _price_facts(snapshot)
    applies = (
        targets.join(step.rename({"amount": "fixed"}), on="subscription_id")
        .filter(
            pl.col("kind").is_in(_TARGETS),
            (pl.col("applies_to").list.len() == 0)
            | pl.col("price_code").is_in(pl.col("applies_to")),
            pl.col("end_at") > pl.col("since_at"),
        )
        .join(priced, on="price_id")
        .pipe(_within_periods, snapshot)
    )
    percent = applies.filter(pl.col("percent").is_not_null()).with_columns(
        off=round_column(
            to_scaled(pl.col("left") * pl.col("percent")),
            pl.lit(100, pl.Int128),
            pl.col("places"),
            pl.col("rounding"),
        )
    )
    fixed = _split_fixed(applies.filter(pl.col("percent").is_null()), snapshot)
    columns = [*applies.columns, "off"]
    return (
        pl.concat([percent.select(columns), fixed.select(columns)])
        .with_columns(
            inputs=pl.struct(
                pl.col("left").cast(pl.String).alias("target"),
                pl.col("percent").cast(pl.String),
                pl.col("fixed").cast(pl.String),
                pl.col("discount_code"),
                "rounding",
                pl.col("places").alias("decimals"),
            ).struct.json_encode(),
            amount=-pl.col("off"),
            name=pl.concat_str("name", pl.lit(", "), "discount_code"),
            kind=pl.lit("discount"),
            quantity=pl.lit(None, QUANTITY),
            track=pl.concat_str(pl.lit("discount"), "discount_code", "track", separator="|"),
        )
        .filter(pl.col("amount") != 0)
    )


def _price_facts(snapshot: Snapshot) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "price_id": price.id, "rounding": price.policy.rounding,
                "places": decimals(price.currency), "interval": str(price.interval),
                "align": price.policy.align, "day_count": price.policy.day_count,
                "prorate": price.prorate,
            }
            for price in snapshot.prices
        ],
        schema_overrides={"price_id": pl.Int64, "places": pl.Int64},
    )  # fmt: skip


def _within_periods(applies: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Leave out lines past the discount's number of periods; a stub counts as one."""
    limited = applies.filter(pl.col("periods").is_not_null())
    if limited.is_empty():
        return applies
    facts = snapshot.phases.unique("subscription_id", keep="first").select(
        "subscription_id", "day_start", first="charge_start"
    )
    keys = ["subscription_id", "discount_code", "interval", "align", "day_count"]
    horizon = snapshot.accounts.select("account_id", "timezone")
    latest = limited["start_at"].max()
    counted = (
        limited.select(*keys, "account_id", "since_at")
        .unique()
        .join(facts, on="subscription_id")
        .join(horizon, on="account_id")
        .with_columns(
            discount=pl.col("discount_code"), each=pl.col("interval"),
            billing_days=pl.col("account_id"), anchor=pl.lit(None, pl.Date),
            start_at=pl.col("since_at"), end_at=pl.lit(None, pl.Datetime("us", "UTC")),
            until_at=pl.lit(latest, pl.Datetime("us", "UTC")),
        )
    )  # fmt: skip
    placed = periods(
        counted.select("subscription_id", "discount", "each", *SPAN_SCHEMA),
        snapshot.billing_days,
    )
    past = limited.join_where(
        placed.select(
            "discount", "each", "ordinal", of="subscription_id",
            period_from="start_at", period_to="end_at",
        ),
        pl.col("subscription_id") == pl.col("of"),
        pl.col("discount_code") == pl.col("discount"),
        pl.col("interval") == pl.col("each"),
        pl.col("start_at") >= pl.col("period_from"),
        pl.col("start_at") < pl.col("period_to"),
        pl.col("ordinal") >= pl.col("periods"),
    )  # fmt: skip
    return applies.join(past.select("target"), on="target", how="anti")


def _split_fixed(applies: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """`off` of discounts of a fixed amount: once a period, prorated with it, split over its lines
    by largest remainder, never more than they come to."""
    currencies = dict(snapshot.accounts.select("account_id", "currency").iter_rows())
    rows: list[tuple[int, Decimal]] = []
    grouped = applies.group_by("subscription_id", "discount_code", "start_at", "end_at")
    for _, group in grouped:
        rows.extend(_shares(group.to_dicts(), currencies[group["account_id"][0]]))
    off = pl.DataFrame(rows, schema={"target": pl.UInt32, "off": MONEY}, orient="row")
    return applies.join(off, on="target")


def _shares(lines: list[dict[str, Any]], currency: str) -> list[tuple[int, Decimal]]:
    numerator, denominator = map(int, json.loads(lines[0]["inputs"])["share"].split("/"))
    positive = [line for line in lines if line["left"] > 0]
    if not positive:
        return []
    left = sum((line["left"] for line in positive), Decimal(0))
    prorated = Fraction(lines[0]["fixed"]) * numerator / denominator
    amount = min(round_amount(prorated, currency, lines[0]["rounding"]), left)
    parts = split(amount, [line["left"] for line in positive], currency)
    return [(line["target"], part) for line, part in zip(positive, parts, strict=True)]
