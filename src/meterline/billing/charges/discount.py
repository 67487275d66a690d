"""Discounts: lines beside the lines that they take from, before tax. Pure.

Computed from the rounded lines, one after another in their order; each takes from what the earlier
ones left, and never more. A percentage of a price is a share of each line. An amount, and whatever
is taken off the invoice, is worked out on a group of lines and split over them.
"""

from __future__ import annotations

import polars as pl

from meterline.billing.charges import discount_group, discount_periods
from meterline.billing.frames import PROPOSED, QUANTITY, Commitment, Minimum, Snapshot
from meterline.kernel.money import MONEY, decimals_column, round_column, to_scaled

_TARGETS = ("recurring", "usage", "one_time")
_FACTS: dict[str, pl.DataType] = {
    "plan": pl.String(),
    "rounding": pl.String(),
    "interval": pl.String(),
    "align": pl.String(),
    "day_count": pl.String(),
}


def propose(snapshot: Snapshot, lines: pl.DataFrame) -> pl.DataFrame:
    """PROPOSED discount lines (negative amounts) on the proposed `lines`."""
    if snapshot.discounts.is_empty() or lines.is_empty():
        return pl.DataFrame(schema=PROPOSED)
    holders = snapshot.discounts.select("subscription_id").unique()
    targets = _with_facts(lines.join(holders, on="subscription_id", how="semi"), snapshot)
    amounts = snapshot.discounts.filter(pl.col("amount").is_not_null())["subscription_id"]
    targets = targets.with_columns(
        by_amount=pl.col("subscription_id").is_in(amounts.unique().implode())
    )
    found: list[pl.DataFrame] = []
    for step in _in_turn(snapshot.discounts):
        if found:
            targets = _less(targets, found[-1])
        found.append(_take(targets, step, snapshot))
    return pl.concat(one.select(PROPOSED.keys()) for one in found)


def _less(targets: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """`targets` with what a discount left of them; closed where it was an exclusive one."""
    return (
        targets.join(taken.select("target", "exclusive", off="amount"), on="target", how="left")
        .with_columns(
            left=(pl.col("left") + pl.col("off").fill_null(0)).cast(MONEY),
            closed=pl.col("closed") | pl.col("exclusive").fill_null(False),
        )
        .drop("off", "exclusive")
    )


def _in_turn(discounts: pl.DataFrame) -> list[pl.DataFrame]:
    """The discounts in the order in which they are taken off: of those in one frame no two are on
    the same line. Exclusive ones come first, then by `stacking`; those of an account after those
    of its subscriptions, then as they were given."""
    order = ["exclusive", "stacking", "of_account", "position"]
    steps = discounts.sort(order, descending=[True, False, False, False])
    return steps.partition_by(order, maintain_order=True)


def _with_facts(lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """`lines` with `target` (their number), `left`, `closed`, `places` and _FACTS."""
    prices = pl.DataFrame(
        [
            (price.id, price.plan, price.policy.rounding, str(price.interval), price.policy.align,
             price.policy.day_count)
            for price in snapshot.prices
        ],
        schema={"price_id": pl.Int64, **_FACTS}, orient="row",
    )  # fmt: skip
    every: list[Minimum | Commitment] = [*snapshot.minimums, *snapshot.commitments]
    settled = {one.plan_version_id: one for one in every}
    terms = pl.DataFrame(
        [
            (version, one.plan, one.policy.rounding, one.interval, one.policy.align,
             one.policy.day_count)
            for version, one in settled.items()
        ],
        schema={"plan_version_id": pl.Int64, **_FACTS}, orient="row",
    )  # fmt: skip
    accounts = snapshot.accounts.select(
        "account_id", "timezone", places=decimals_column(snapshot.accounts["currency"])
    )
    known = lines.with_row_index("target").join(prices, on="price_id", how="left")
    if settled:
        known = known.join(
            terms, on="plan_version_id", how="left", suffix="_of_terms"
        ).with_columns(pl.coalesce(name, f"{name}_of_terms") for name in _FACTS)
    return known.join(accounts, on="account_id").with_columns(
        left=pl.col("amount"), closed=pl.lit(False)
    )


def _take(targets: pl.DataFrame, step: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """PROPOSED lines, with target and exclusive, of one discount a subscription or account."""
    on_price = (
        pl.col("kind").is_in(_TARGETS)
        & ((pl.col("applies_to").list.len() == 0)
           | pl.col("price_code").is_in(pl.col("applies_to")))
        & ((pl.col("plans").list.len() == 0) | pl.col("plan").is_in(pl.col("plans")))
    )  # fmt: skip
    applies = (
        targets.join(step.drop("account_id").rename({"amount": "fixed"}), on="subscription_id")
        .filter(
            (pl.col("left") > 0) & ~pl.col("closed"),
            pl.col("on_invoice") | on_price,
        )
        .pipe(discount_periods.within, snapshot)
        .with_columns(base=pl.when("of_gross").then("amount").otherwise("left"))
    )
    grouped = pl.col("on_invoice") | pl.col("fixed").is_not_null()
    single, several = applies.filter(~grouped), applies.filter(grouped)
    found = _share_of_lines(single)
    if not several.is_empty():
        shared = discount_group.split(discount_periods.by_cycle(several, snapshot))
        found = pl.concat([found, shared.select(found.columns)])
    label = pl.col("discount_code").str.replace_all("|", "/", literal=True)
    return found.filter(pl.col("off") != 0).with_columns(
        amount=-pl.col("off"),
        name=pl.concat_str("name", pl.lit(", "), "discount_code"),
        kind=pl.lit("discount"),
        quantity=pl.lit(None, QUANTITY),
        track=pl.concat_str(
            pl.lit("discount|"), label,
            pl.when("of_account").then(pl.lit("@account")).otherwise(pl.lit("")),
            pl.lit("|"), "track",
        ),
    )  # fmt: skip


def _share_of_lines(applies: pl.DataFrame) -> pl.DataFrame:
    """`off` of percentages of prices, each rounded, and `inputs`."""
    off = round_column(
        to_scaled(pl.col("base"), 10) * to_scaled(pl.col("percent"), 10),
        pl.lit(100, pl.Int128),
        pl.col("places"),
        pl.col("rounding"),
    )
    return applies.with_columns(off=pl.min_horizontal(off, "left").cast(MONEY)).with_columns(
        inputs=pl.struct(
            pl.col("base").cast(pl.String).alias("target"),
            pl.col("left").cast(pl.String),
            pl.col("percent").cast(pl.String),
            pl.lit(None, pl.String).alias("fixed"),
            "by_amount",
            "discount_code",
            "rounding",
            pl.col("places").alias("decimals"),
        ).struct.json_encode()
    )
