"""Volume commitments of a plan: what was used less than was promised. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from meterline import pricing
from meterline.billing.charges.settlement import ended_periods, number, share_text
from meterline.billing.frames import PROPOSED, QUANTITY, Commitment, Snapshot
from meterline.kernel.money import decimals, round_column, to_scaled
from meterline.pricing.columns import AmountTooLarge
from meterline.pricing.price import Price

_INT128_MAX = 1.7e38


def propose(snapshot: Snapshot) -> pl.DataFrame:
    """PROPOSED lines of the shortfalls of commitments whose interval has ended."""
    if not snapshot.commitments:
        return pl.DataFrame(schema=PROPOSED)
    terms = _terms(snapshot.commitments)
    by_code = terms.partition_by("code")
    return pl.concat(_of_code(one, snapshot) for one in by_code)


def _of_code(terms: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Those of one code: of each plan version one at most."""
    ended = ended_periods(terms, snapshot)
    used = pl.col("used").fill_null(0)
    short = ended.join(_used(ended, terms, snapshot), on="period", how="left").with_columns(
        used=used,
        # in 10^-10 units x the share's denominator
        lack=to_scaled(pl.col("committed"), 10) * pl.col("share_numerator").cast(pl.Int128)
        - to_scaled(used, 10) * pl.col("share_denominator").cast(pl.Int128),
    ).filter(pl.col("lack") > 0)  # fmt: skip
    _check_range(short)
    return (
        short.with_columns(
            amount=round_column(
                pl.col("lack") * to_scaled(pl.col("unit_amount"), 10),
                pl.col("share_denominator").cast(pl.Int128),
                pl.col("places"),
                pl.col("rounding"),
            )
        )
        .filter(pl.col("amount") != 0)
        .with_columns(
            kind=pl.lit("commitment"),
            price_code=pl.col("code"),
            quantity=pl.when(pl.col("share_numerator") == pl.col("share_denominator")).then(
                pl.col("committed") - pl.col("used")
            ),
            advance=pl.lit(False),
            track=pl.concat_str(
                pl.lit("commitment"), "plan_version_id", "code",
                pl.col("start_date").cast(pl.String), separator="|",
            ),
            inputs=pl.struct(
                pl.col("committed").cast(pl.String),
                share_text(),
                pl.col("used").cast(pl.String),
                pl.col("unit_amount").cast(pl.String),
                "rounding",
                pl.col("places").alias("decimals"),
            ).struct.json_encode(),
            price_id=pl.lit(None, pl.Int64),
            **{name: pl.lit(None, pl.String) for name in ("season", "band", "by_value")},
        )
        .select(pl.col(name).cast(kind) for name, kind in PROPOSED.items())
    )  # fmt: skip


def _terms(commitments: Sequence[Commitment]) -> pl.DataFrame:
    same = [(c.plan, c.code, c.quantity, c.interval, c.price_codes, c.unit_amount)
            for c in commitments]  # fmt: skip
    return pl.DataFrame(
        [
            {
                "term": term,
                "plan_version_id": one.plan_version_id,
                "shared": False,
                "code": one.code,
                "name": one.name,
                "committed": one.quantity,
                "interval": one.interval,
                "price_codes": list(one.price_codes),
                "unit_amount": one.unit_amount,
                "tax_code": one.tax_code,
                "align": one.policy.align,
                "day_count": one.policy.day_count,
                "rounding": one.policy.rounding,
                "places": decimals(one.currency),
            }
            for one, term in zip(commitments, number(same), strict=True)
        ],
        schema_overrides={
            "committed": QUANTITY, "unit_amount": QUANTITY, "tax_code": pl.String,
            "places": pl.Int64, "price_codes": pl.List(pl.String), "plan_version_id": pl.Int64,
        },
    )  # fmt: skip


def _used(ended: pl.DataFrame, terms: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """period, used: what the prices of each commitment measured in its period."""
    measured = pl.concat(
        [
            pl.DataFrame(schema=_MEASURED),
            *_measured(snapshot, set(terms["price_codes"].explode().drop_nulls())),
        ]
    )
    inside = ended.select(
        "period", "subscription_id", "term", "price_codes", "start_date", "end_date"
    ).join(
        measured.join(terms.select("plan_version_id", "term"), on="plan_version_id"),
        on=["subscription_id", "term"],
    )  # fmt: skip
    return (
        inside.filter(
            pl.col("period_start") >= pl.col("start_date"),
            pl.col("period_start") < pl.col("end_date"),
            pl.col("price_code").is_in(pl.col("price_codes")),
        )
        .group_by("period")
        .agg(pl.col("quantity").sum().cast(QUANTITY).alias("used"))
    )


_MEASURED: dict[str, Any] = {
    "subscription_id": pl.Int64,
    "plan_version_id": pl.Int64,
    "price_code": pl.String,
    "period_start": pl.Date,
    "quantity": QUANTITY,
}


def _measured(snapshot: Snapshot, codes: set[str]) -> Iterator[pl.DataFrame]:
    """_MEASURED of each price with one of these codes, by the period of the price: what is paid
    for, and what allowances covered."""
    wanted: dict[int, Price] = {p.id: p for p in snapshot.prices if p.code in codes}
    key = ["subscription_id", "price_id", "period_start"]
    covered = snapshot.covered.filter(~pl.col("money")).select(
        *key, quantity=pl.col("amount").cast(QUANTITY)
    )
    totals = (
        pl.concat([snapshot.totals.select(*key, "quantity"), covered])
        .filter(pl.col("price_id").is_in(list(wanted)))
        .group_by(key)
        .agg(pl.col("quantity").sum().cast(QUANTITY))
    )
    for (price_id,), part in totals.partition_by("price_id", as_dict=True).items():
        price = wanted[price_id]
        yield pricing.with_factor(price, part).select(
            "subscription_id",
            pl.lit(price.plan_version_id, pl.Int64).alias("plan_version_id"),
            pl.lit(price.code).alias("price_code"),
            "period_start",
            "quantity",
        )


def _check_range(short: pl.DataFrame) -> None:
    # floats are only compared, to the largest Int128
    largest = short.select(
        pl.col("lack").cast(pl.Float64).max() * pl.col("unit_amount").cast(pl.Float64).max() * 1e10
    ).item()  # only compared, too
    if (largest or 0) > _INT128_MAX:
        raise AmountTooLarge(what="shortfall of a commitment", quantity=largest)
