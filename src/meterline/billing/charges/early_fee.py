"""Early-termination fees: due when a subscription ends inside its contract term. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from meterline.billing.charges import recurring
from meterline.billing.frames import PHASES, PROPOSED, QUANTITY, Snapshot
from meterline.billing.spans import with_limits, with_midnight
from meterline.kernel.money import MONEY, decimals, round_column, to_scaled

PRICE_CODE = "early_fee"


def propose(snapshot: Snapshot) -> pl.DataFrame:
    """PROPOSED lines of the early fees that are due at `snapshot.until`."""
    if not snapshot.early_fees:
        return pl.DataFrame(schema=PROPOSED)
    ended = _ended(snapshot)
    if ended.is_empty():
        return pl.DataFrame(schema=PROPOSED)
    left = _left(ended, snapshot)
    shared = pl.col("of") == "percent"
    exact = (
        pl.when(shared)
        .then(to_scaled(pl.col("left").fill_null(0), 10) * to_scaled(pl.col("fee"), 10))
        .otherwise(to_scaled(pl.col("fee")) * pl.col("months").cast(pl.Int128))
    )
    divisor = pl.when(shared).then(100).otherwise(1).cast(pl.Int128)
    return (
        ended.join(left, on="subscription_id", how="left")
        .with_columns(amount=round_column(exact, divisor, pl.col("places"), pl.col("rounding")))
        .filter(pl.col("amount") != 0)
        .with_columns(
            kind=pl.lit("one_time"),
            price_code=pl.lit(PRICE_CODE),
            start_at=pl.col("end_at"),
            quantity=pl.col("months").cast(QUANTITY),
            advance=pl.lit(False),
            track=pl.concat_str(pl.lit(PRICE_CODE), "early_version_id", separator="|"),
            plan_version_id=pl.col("early_version_id"),
            price_id=pl.lit(None, pl.Int64),
            inputs=pl.struct(
                pl.col("fee").cast(pl.String).alias("early_fee"),
                "of",
                "months",
                pl.col("left").cast(pl.String),
                pl.col("early_until").cast(pl.String).alias("until"),
                "rounding",
                pl.col("places").alias("decimals"),
            ).struct.json_encode(),
            **{name: pl.lit(None, pl.String) for name in ("season", "band", "by_value")},
        )
        .select(pl.col(name).cast(kind) for name, kind in PROPOSED.items())
    )


def _ended(snapshot: Snapshot) -> pl.DataFrame:
    """The last phases of contracts that have broken off their term, with the fee that is due,
    `months`: how many have started of those that were left (1 of other fees), and `until_date`."""
    zones = snapshot.accounts.select("account_id", "timezone")
    broken = (
        snapshot.phases.filter(pl.col("early_until").is_not_null())
        .sort("start_at")
        .unique("subscription_id", keep="last")
        .join(_fees(snapshot), on="early_version_id")
        .pipe(with_limits, snapshot)
        .filter(pl.col("end_at") <= pl.col("until_at"))
        .join(zones, on="account_id")
    )
    parts = [
        part.with_columns(
            last=pl.col("end_at").dt.convert_time_zone(zone[0]).dt.replace_time_zone(None).dt.date()
        )
        for zone, part in broken.partition_by("timezone", as_dict=True).items()
    ]
    if not parts:
        return broken
    end, last = pl.col("early_until"), pl.col("last")
    months = (
        (end.dt.year() - last.dt.year()) * 12
        + (end.dt.month().cast(pl.Int32) - last.dt.month().cast(pl.Int32))
        + (end.dt.day() > last.dt.day()).cast(pl.Int32)
    )
    return pl.concat(parts).with_columns(
        months=pl.when(pl.col("of") == "per_month").then(months).otherwise(1)
    )


def _fees(snapshot: Snapshot) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for fee in snapshot.early_fees:
        of = next(name for name in ("amount", "per_month", "percent") if _given(fee, name))
        rows.append(
            {
                "early_version_id": fee.plan_version_id, "of": of, "fee": getattr(fee, of),
                "name": fee.name, "tax_code": fee.tax_code, "rounding": fee.rounding,
                "places": decimals(fee.currency),
            }
        )  # fmt: skip
    return pl.DataFrame(
        rows,
        schema={
            "early_version_id": pl.Int64, "of": pl.String, "fee": MONEY, "name": pl.String,
            "tax_code": pl.String, "rounding": pl.String, "places": pl.Int64,
        },
    )  # fmt: skip


def _given(fee: Any, name: str) -> bool:
    return getattr(fee, name) is not None


def _left(ended: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """subscription_id, left: what the recurring prices would have come to from the end to the end
    of the term, had the last phase gone on."""
    shares = ended.filter(pl.col("of") == "percent")
    if shares.is_empty():
        return pl.DataFrame(schema={"subscription_id": pl.Int64, "left": MONEY})
    gone_on = with_midnight(shares, "early_until", "term_at").with_columns(
        start_at=pl.col("end_at"), end_at=pl.col("term_at"), state=pl.lit("active")
    )
    over = gone_on.group_by("account_id").agg(
        until_at=pl.col("end_at").max(), reach_at=pl.col("start_at").min()
    )
    accounts = snapshot.accounts.drop("until_at", "reach_at").join(over, on="account_id")
    lines = recurring.propose(
        replace(snapshot, phases=gone_on.select(PHASES.keys()), accounts=accounts)
    )
    return lines.group_by("subscription_id").agg(left=pl.col("amount").sum())
