"""Recurring charges, in advance or in arrears: each price once an interval of each phase. Pure."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import polars as pl

from meterline.billing.frames import PROPOSED, QUANTITY, Snapshot
from meterline.billing.price_lines import LINES, price_lines
from meterline.billing.spans import (
    after_trial,
    billing_cycle,
    billing_day_since,
    spans,
    with_limits,
)
from meterline.subscriptions.periods import INSTANT, periods

_QUANTITY_BLIND = ("flat",)


def propose(snapshot: Snapshot) -> pl.DataFrame:
    """PROPOSED lines of the recurring prices that are due at `snapshot.until`."""
    charged = _spans(snapshot)
    if charged.is_empty():
        return pl.DataFrame(schema=PROPOSED)
    short = pl.col("interval") != pl.col("cycle")
    found = [
        periods(charged.filter(~short).drop("cycle"), snapshot.billing_days),
        _merged(charged.filter(short), snapshot),
    ]
    ended = (pl.col("end_at") <= pl.col("until_at")) & pl.col("period_closed")
    lines = (
        pl.concat(found, how="diagonal_relaxed")
        .pipe(with_limits, snapshot)
        .filter(pl.col("advance") | ended)
        .with_columns(
            pl.when("prorate").then("share_numerator").otherwise("whole"),
            pl.when("prorate").then("share_denominator").otherwise(pl.lit(1, pl.Int64)),
            track=pl.concat_str(
                pl.lit("recurring"),
                "price_id",
                pl.col("quantity").cast(pl.String),
                separator="|",
            ),
        )
        .with_columns(limit_numerator="share_numerator", limit_denominator="share_denominator")
        .with_row_index("line")
    )
    rows = lines.select(
        "line", "days", "quantity",
        *(pl.lit(None, pl.String).alias(name) for name in ("season", "band", "by_value")),
        pl.lit(1, pl.Int64).alias("events"),
        pl.lit(0).cast(pl.Decimal(38, 20)).alias("amount"),
        pl.lit(1, pl.Int64).alias("denominator"),
        pl.lit(None, QUANTITY).alias("demand"),
    )  # fmt: skip
    stub = ["stub"] if "stub" in lines.columns else []
    return price_lines(lines.select(*LINES, "intervals", *stub), rows, snapshot)


def _spans(snapshot: Snapshot) -> pl.DataFrame:
    prices = snapshot.price_columns.filter(
        pl.col("kind") == "recurring", pl.col("model") != "percent_of"
    )
    active = snapshot.phases.filter(pl.col("state") == "active")
    joined = snapshot.runs.with_columns(quantity=pl.lit(1).cast(QUANTITY))
    blind = pl.col("model").is_in(_QUANTITY_BLIND)
    kinds = [(active, prices.filter(~blind)), (joined, prices.filter(blind))]
    found = [
        spans(after_trial(phases, snapshot.accounts), some, snapshot)
        for phases, some in kinds
        if not some.is_empty()
    ]
    if not found:
        return pl.DataFrame()
    both = pl.concat(found).drop("span").with_row_index("span")
    return billing_cycle(both, snapshot).with_columns(
        whole=pl.lit(1, pl.Int64), intervals=pl.lit(None, QUANTITY)
    )


def _merged(charged: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Intervals shorter than the billing cycle, one line a cycle: quantity = intervals.

    In advance, a cycle's line has the intervals that start in it; in arrears those that end in it.
    Those of before the account got a billing day stay lines of their own.
    """
    if charged.is_empty():
        return pl.DataFrame()
    cycles = periods(
        charged.with_columns(interval=pl.col("cycle")).drop("cycle"),
        snapshot.billing_days,
    )
    window = cycles.group_by("span").agg(
        since_at=pl.col("start_at").min(), until_at=pl.col("end_at").max()
    )
    short = periods(
        charged.drop("cycle", "since_at", "until_at").join(window, on="span"),
        snapshot.billing_days,
    )
    keyed = short.with_columns(
        at=pl.when("advance").then("start_at").otherwise(pl.col("end_at").dt.offset_by("-1us"))
    )
    since = billing_day_since(snapshot)
    if since.is_empty():
        return _gathered(keyed, cycles)
    keyed = keyed.join(since, on="account_id", how="left")
    own = pl.col("at") < pl.col("gathered_at")
    early = keyed.filter(own)
    later = keyed.filter(own.fill_null(False).not_())
    ends = early.group_by("span").agg(early_end=pl.col("end_at").max())
    gathered = (
        _gathered(later.drop("gathered_at"), cycles)
        .join(ends, on="span", how="left")
        .with_columns(start_at=pl.max_horizontal("start_at", "early_end"))
        .drop("early_end")
    )
    return pl.concat([early.drop("at", "gathered_at"), gathered], how="diagonal_relaxed")


def _gathered(keyed: pl.DataFrame, cycles: pl.DataFrame) -> pl.DataFrame:
    inside = keyed.join_where(
        cycles.select("span", cycle_from="start_at", cycle_to="end_at").rename({"span": "of"}),
        pl.col("span") == pl.col("of"),
        pl.col("at") >= pl.col("cycle_from"),
        pl.col("at") < pl.col("cycle_to"),
    )
    sums = _sum_shares(inside)
    stub = pl.concat_str("share_numerator", "share_denominator", separator="/")
    return (
        cycles.with_columns(stub=stub)
        .drop("share_numerator", "share_denominator", "whole", "intervals")
        .join(sums, on=["span", "start_at"], how="inner")
    )


def _sum_shares(inside: pl.DataFrame) -> pl.DataFrame:
    """The intervals of each (span, cycle): their number as a fraction, and counted whole."""
    by_denominator = inside.group_by("span", "cycle_from", "share_denominator").agg(
        pl.col("share_numerator").sum(), whole=pl.len().cast(pl.Int64)
    )
    common = by_denominator.group_by("span", "cycle_from").agg(
        pl.col("share_numerator", "share_denominator", "whole")
    )
    rows = []
    for span, start, numerators, denominators, whole in common.iter_rows():
        total = sum(
            (Fraction(n, d) for n, d in zip(numerators, denominators, strict=True)),
            Fraction(0),
        )
        places = Decimal(total.numerator) / Decimal(total.denominator)
        rows.append((span, start, total.numerator, total.denominator, sum(whole), places))
    return pl.DataFrame(
        rows,
        schema={
            "span": pl.UInt32, "start_at": INSTANT, "share_numerator": pl.Int64,
            "share_denominator": pl.Int64, "whole": pl.Int64, "intervals": QUANTITY,
        },
        orient="row",
    )  # fmt: skip
