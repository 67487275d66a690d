"""What allowances grant: lots, from contracts and the allowances of their plans. Pure.

A lot is the grant of one cycle (of all phases in it, weighted by their share and quantity), or of
one activation (`valid`). The same periods as billing's, so that a stub is the same stub.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from meterline.kernel.interval import Interval
from meterline.kernel.money import from_scaled, to_scaled
from meterline.rating.allowance import Allowance
from meterline.subscriptions.periods import INSTANT, BillingDays, periods

LOTS: dict[str, Any] = {
    "definition": pl.Int32,  # place in the sequence of allowances
    "account_id": pl.Int64,
    "owner_id": pl.Int64,  # the subscription; 0: all of the account
    "lot_start": INSTANT,  # with definition and owner, what a lot is known by
    "lot_end": INSTANT,  # usable in [lot_start, lot_end); null: open
    "granted": pl.Decimal(38, 10),
    "age": pl.Int32,  # among the owner's lots of the allowance: the oldest is used first
}
_OWNER = ("definition", "account_id", "owner_id")
BEGINNING = pl.lit(datetime(1, 1, 3, tzinfo=UTC), INSTANT)
_OPEN = pl.lit(datetime(9999, 1, 1, tzinfo=UTC), INSTANT)


def lots(
    phases: pl.DataFrame,
    carriers: pl.DataFrame,
    allowances: Sequence[Allowance],
    billing_days: BillingDays,
    window: tuple[datetime, datetime],
) -> pl.DataFrame:
    """LOTS that can be used within `window` (both ends included).

    `phases`: subscriptions.frames.PHASES of whole accounts; `carriers`: plan_version_id and
    definition (the place in `allowances`) of the plan versions that grant something.
    """
    carried = phases.join(carriers, on="plan_version_id").join(_terms(allowances), on="definition")
    if carried.is_empty():
        return pl.DataFrame(schema=LOTS)
    owned = carried.with_columns(
        owner_id=pl.when(pl.col("shared") == "subscription").then("subscription_id").otherwise(0)
    )
    once = owned.filter(pl.col("valid").is_not_null())
    again = owned.filter(pl.col("valid").is_null(), pl.col("state") == "active")
    found = pl.concat([_of_cycles(again, billing_days, window), _of_activations(once)])
    return found.filter(
        pl.col("lot_start") <= window[1],
        pl.col("lot_end").is_null() | (pl.col("lot_end") > window[0]),
    )


def _terms(allowances: Sequence[Allowance]) -> pl.DataFrame:
    rows = [
        (number, str(one.interval), one.align, one.day_count, one.shared, one.prorate,
         one.rollover, one.interval.longest, one.valid and _offset(one.valid), one.amount)
        for number, one in enumerate(allowances)
    ]  # fmt: skip
    schema: dict[str, Any] = {
        "definition": pl.Int32, "interval": pl.String, "align": pl.String, "day_count": pl.String,
        "shared": pl.String, "prorate": pl.Boolean, "rollover": pl.Int32,
        "longest": pl.Duration("us"), "valid": pl.String, "amount": pl.Decimal(38, 10),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _offset(interval: Interval) -> str:
    return f"{interval.days}d" if interval.days else f"{interval.months}mo"


def _of_cycles(
    carried: pl.DataFrame, billing_days: BillingDays, window: tuple[datetime, datetime]
) -> pl.DataFrame:
    """LOTS of each interval."""
    if carried.is_empty():
        return pl.DataFrame(schema=LOTS)
    reach = pl.col("longest") * (pl.col("rollover") + 1)
    spans = _by_account(carried).select(
        *_OWNER, "subscription_id", "quantity", "amount", "prorate", "rollover", "interval",
        "align", "day_count", "timezone", pl.col("account_id").alias("billing_days"),
        pl.col("charge_start").alias("first"), "anchor", "day_start", "start_at", "end_at",
        pl.max_horizontal(pl.lit(window[0], INSTANT) - reach, BEGINNING)
        .alias("since_at"),
        (pl.lit(window[1], INSTANT) + reach).alias("until_at"),
    )  # fmt: skip
    whole = to_scaled(pl.col("quantity"), 10) * to_scaled(pl.col("amount"), 10)
    cycle = [*_OWNER, "rollover", "cycle_start_date"]
    each = (
        periods(spans, billing_days)
        .with_columns(whole=whole, part=_share(whole))
        .group_by(*cycle, "subscription_id", maintain_order=True)
        .agg(
            # without proration a stub gets all, and a pause or a change of quantity nothing more
            pl.when(pl.col("prorate").first())
            .then(pl.col("part").sum())
            .otherwise(pl.col("whole").max())
            .alias("granted"),
            pl.col("start_at").min(),
            pl.col("end_at").max(),
        )
    )
    made = (
        each.group_by(cycle, maintain_order=True)
        .agg(
            pl.col("granted").sum(),
            pl.col("start_at").min().alias("lot_start"),
            pl.col("end_at").max().alias("lot_end"),
        )
        .sort(*_OWNER, "lot_start")
    )
    return _rolled_over(made).select(_sized(pl.col("granted")))


def _by_account(carried: pl.DataFrame) -> pl.DataFrame:
    """Shared allowances run on the account's cycles, from its first carrier on; `account`: one
    grant for the time in which any subscription carries it."""
    group = ["definition", "account_id"]
    own = carried.filter(pl.col("shared") == "subscription")
    shared = carried.filter(pl.col("shared") != "subscription").with_columns(
        pl.col("charge_start").min().over(group),
        pl.col("day_start").first().over(group),
        anchor=pl.lit(None, pl.Date),
    )
    pooled = shared.filter(pl.col("shared") == "pool")
    single = shared.filter(pl.col("shared") == "account")
    return pl.concat([own, pooled, _highest(single)])


def _highest(carried: pl.DataFrame) -> pl.DataFrame:
    """One stretch after the other in place of several at a time, with the highest quantity of
    those that carry the allowance then."""
    group = ["definition", "account_id"]
    known = carried.with_columns(pl.col("end_at").fill_null(_OPEN))
    edges = [known.select(*group, edge=name) for name in ("start_at", "end_at")]
    stretches = (
        pl.concat(edges)
        .unique()
        .sort(*group, "edge")
        .with_columns(until=pl.col("edge").shift(-1).over(group))
    )
    return (
        stretches.join(known, on=group)
        .filter(pl.col("start_at") <= pl.col("edge"), pl.col("end_at") > pl.col("edge"))
        .sort(*group, "edge", "quantity", descending=[False, False, False, True])
        .unique([*group, "edge"], keep="first", maintain_order=True)
        .with_columns(
            start_at="edge",
            end_at=pl.when(pl.col("until") < _OPEN).then("until"),
            subscription_id=pl.lit(0, pl.Int64),
        )
        .select(carried.columns)
    )


def _share(whole: pl.Expr) -> pl.Expr:
    """`whole` x the period's share, to the nearest unit; so divided that nothing overflows."""
    top = pl.col("share_numerator").cast(pl.Int128)
    bottom = pl.col("share_denominator").cast(pl.Int128)
    rest = (whole % bottom * top * 2 + bottom) // (bottom * 2)
    return whole // bottom * top + rest


def _sized(scaled: pl.Expr) -> list[pl.Expr | str]:
    """The columns of LOTS; `scaled`: the grant in units of 10^-20, to ten decimals half up."""
    unit = pl.lit(10**10, pl.Int128)
    granted = from_scaled((scaled + unit // 2) // unit, 10).alias("granted")
    return [*_OWNER, "lot_start", "lot_end", granted, pl.col("age").cast(pl.Int32)]


def _rolled_over(made: pl.DataFrame) -> pl.DataFrame:
    """Lots (in order) with the end of the last cycle in which they can be used, and their age."""
    parts = [made.with_columns(age=pl.lit(0, pl.Int32)).clear()]
    for rollover in made["rollover"].unique().sort():
        part = made.filter(pl.col("rollover") == rollover)
        end = pl.coalesce(
            pl.col("lot_end").shift(-rollover).over(_OWNER), pl.col("lot_end").last().over(_OWNER)
        )
        age = pl.int_range(pl.len()).over(_OWNER) if rollover else pl.lit(0)
        parts.append(part.with_columns(lot_end=end, age=age.cast(pl.Int32)))
    return pl.concat(parts)


def _of_activations(carried: pl.DataFrame) -> pl.DataFrame:
    """LOTS of what is granted once, when a subscription takes the plan: valid for a while, paused
    or not, but not after the plan is left."""
    if carried.is_empty():
        return pl.DataFrame(schema=LOTS)
    key = ["definition", "subscription_id"]
    order = carried.sort(*key, "start_at")
    begins = (pl.col("start_at") != pl.col("end_at").shift(1).over(key)).fill_null(True)
    taken = (
        order.with_columns(run=begins.cum_sum())
        .group_by("run", maintain_order=True)
        .agg(pl.all().exclude("end_at").first(), pl.col("end_at").last())
    )
    ends = []
    for (zone, offset), part in taken.partition_by("timezone", "valid", as_dict=True).items():
        local = pl.col("start_at").dt.convert_time_zone(str(zone)).dt.offset_by(str(offset))
        ends.append(part.with_columns(over_at=local.dt.convert_time_zone("UTC").cast(INSTANT)))
    whole = to_scaled(pl.col("quantity"), 10) * to_scaled(pl.col("amount"), 10)
    return (
        pl.concat(ends)
        .sort(*_OWNER, "start_at", "subscription_id")
        .with_columns(
            lot_start="start_at",
            lot_end=pl.min_horizontal("over_at", "end_at"),
            age=pl.int_range(pl.len()).over(_OWNER),
        )
        .group_by(*_OWNER, "lot_start", maintain_order=True)
        .agg(whole.sum().alias("granted"), pl.col("lot_end").max(), pl.col("age").first())
        .select(_sized(pl.col("granted")))
    )
