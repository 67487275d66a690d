"""Which credit documents use, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from meterline.kernel.frames import empty
from meterline.kernel.money import MONEY, decimals_column, round_column, to_scaled

GRANTS: dict[str, Any] = {
    "grant_id": pl.Int64,
    "account_id": pl.Int64,
    "currency": pl.String,
    "left": MONEY,
    "priority": pl.Int32,  # lower ones are used first
    "expires_at": pl.Datetime("us", "UTC"),  # null: never; sooner ones are used first
    "only_usage": pl.Boolean,
    "price_codes": pl.List(pl.String),  # empty: all prices
    "usable": pl.Boolean,  # false: expired, but not written off yet
}
PARTS: dict[str, Any] = {  # what documents come to by price, with tax
    "account_id": pl.Int64,
    "usage": pl.Boolean,
    "price_code": pl.String,
    "amount": MONEY,
}
USES: dict[str, Any] = {
    "account_id": pl.Int64,
    "grant_id": pl.Int64,  # null: what was paid too much, or came back by credit notes
    "amount": MONEY,
}
_OWN_PRIORITY = 100
Parts = Callable[[], pl.DataFrame]


def use(
    documents: pl.DataFrame, credits: pl.DataFrame, grants: pl.DataFrame, parts: Parts
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`documents` with the credit of their accounts used (credit_applied, due = total - it), and
    USES, the grants that it comes from.

    `documents`: one an account, with currency and total. `credits`: account_id, currency, credit,
    of which `grants` (GRANTS) are a part. `parts` gives PARTS of
    the documents; it is called where a grant is not for all.
    By priority, then by expiry; what nobody granted has priority 100 and no end, and goes before
    grants of the same kind.
    """
    if credits.is_empty():
        unused = documents.with_columns(credit_applied=pl.lit(0).cast(MONEY), due="total")
        return unused, empty(USES)
    owing = documents.filter(pl.col("total") > 0).select("account_id", "currency", "total")
    sources = _sources(owing, credits, grants)
    bound = sources.filter(_is_bound())["account_id"].unique()
    for_few = pl.col("account_id").is_in(bound.implode())
    found = [_in_order(sources.filter(~for_few))]
    if not bound.is_empty():
        found.append(_with_bounds(sources.filter(for_few), parts()))
    uses = pl.concat(found).filter(pl.col("amount") > 0)
    sums = uses.group_by("account_id").agg(credit_applied=pl.col("amount").sum().cast(MONEY))
    others = documents.drop("credit_applied", "due", strict=False)
    return (
        others.join(sums, on="account_id", how="left", maintain_order="left")
        .with_columns(pl.col("credit_applied").fill_null(0).cast(MONEY))
        .with_columns(due=(pl.col("total") - pl.col("credit_applied")).cast(MONEY))
    ), uses


def _is_bound() -> pl.Expr:
    return pl.col("only_usage") | (pl.col("price_codes").list.len() > 0)


def _sources(owing: pl.DataFrame, credits: pl.DataFrame, grants: pl.DataFrame) -> pl.DataFrame:
    """The credit that each document can use, in its order, with the document's total."""
    granted = grants.group_by("account_id", "currency").agg(granted=pl.col("left").sum())
    own = credits.join(granted, on=["account_id", "currency"], how="left").select(
        pl.lit(None, pl.Int64).alias("grant_id"),
        "account_id",
        "currency",
        (pl.col("credit") - pl.col("granted").fill_null(0)).cast(MONEY).alias("left"),
        pl.lit(_OWN_PRIORITY, pl.Int32).alias("priority"),
        pl.lit(None, GRANTS["expires_at"]).alias("expires_at"),
        pl.lit(False).alias("only_usage"),
        pl.lit([], pl.List(pl.String)).alias("price_codes"),
        pl.lit(True).alias("usable"),
    )
    order = ["account_id", "priority", "expires_at", "grant_id"]
    return (
        pl.concat([own, grants.select(GRANTS.keys())])
        .filter(pl.col("usable") & (pl.col("left") > 0))
        .join(owing, on=["account_id", "currency"])
        .sort(order, nulls_last=[False, False, True, False])
    )


def _in_order(sources: pl.DataFrame) -> pl.DataFrame:
    """USES of credit that pays for anything."""
    before = pl.col("left").cum_sum().over("account_id") - pl.col("left")
    taken = pl.min_horizontal("left", pl.col("total") - before).clip(0)
    return sources.select("account_id", "grant_id", amount=taken.cast(MONEY))


def _with_bounds(sources: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """USES of accounts with grants that are not for all: turn by turn, all accounts at once."""
    turns = sources.with_columns(turn=pl.int_range(pl.len()).over("account_id"))
    open_ = turns.select("account_id", "total").unique()
    waiting = parts.filter(pl.col("account_id").is_in(open_["account_id"].implode()))
    waiting = waiting.with_row_index("part")
    found = [pl.DataFrame(schema=USES)]
    for step in turns.drop("total").partition_by("turn", maintain_order=True):
        matching = _matching(waiting, step)
        sums = matching.group_by("account_id").agg(payable=pl.col("amount").sum())
        payable = _whole(pl.col("payable").fill_null(0), step["currency"])
        taken = (
            step.join(open_, on="account_id")
            .join(sums, on="account_id", how="left")
            .with_columns(
                most=pl.when(_is_bound())
                .then(pl.min_horizontal("total", payable))
                .otherwise("total")
            )
            .with_columns(taken=pl.min_horizontal("left", "most").cast(MONEY))
        )
        found.append(taken.select("account_id", "grant_id", amount="taken"))
        open_ = _less(open_, taken)
        waiting = _paid(waiting, matching, taken)
    return pl.concat(found)


def _matching(waiting: pl.DataFrame, step: pl.DataFrame) -> pl.DataFrame:
    """The parts that each account's credit of this turn pays for, if it is not for all."""
    fits = (~pl.col("only_usage") | pl.col("usage")) & (
        (pl.col("price_codes").list.len() == 0) | pl.col("price_code").is_in(pl.col("price_codes"))
    )
    bound = step.filter(_is_bound()).select("account_id", "only_usage", "price_codes")
    return waiting.join(bound, on="account_id").filter(fits)


def _less(open_: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    rest = pl.col("total") - pl.col("taken").fill_null(0)
    return open_.join(taken.select("account_id", "taken"), on="account_id", how="left").select(
        "account_id", total=rest.cast(MONEY)
    )


def _paid(waiting: pl.DataFrame, matching: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """What is still to be paid of the parts: what was taken comes off the first ones."""
    before = pl.col("amount").cum_sum().over("account_id") - pl.col("amount")
    off = pl.min_horizontal("amount", pl.col("taken") - before).clip(0)
    paid = (
        matching.join(taken.select("account_id", "taken"), on="account_id")
        .sort("part")
        .select("part", off=off.cast(MONEY))
    )
    rest = pl.col("amount") - pl.col("off").fill_null(0)
    return waiting.join(paid, on="part", how="left", maintain_order="left").with_columns(
        amount=rest.cast(MONEY)
    ).drop("off")  # fmt: skip


def _whole(amount: pl.Expr, currencies: pl.Series) -> pl.Expr:
    """Rounded down to the decimals of the column `currency`."""
    one = pl.lit(1, pl.Int128)
    return round_column(to_scaled(amount), one, decimals_column(currencies), "down")
