"""Bills under two tariffs side by side, and what the differences come to. Pure, columnar."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from meterline.billing.document import Documents
from meterline.kernel.money import MONEY, to_scaled

SUMS = ("net", "tax", "total")

BILLS: dict[str, Any] = {
    "account_id": pl.Int64,
    "account": pl.String,
    "currency": pl.String,
    **{f"{name}_{side}": MONEY for side in ("now", "then") for name in SUMS},
    "difference": MONEY,  # of the totals
}
REVENUE: dict[str, Any] = {
    "plan": pl.String,
    "currency": pl.String,
    "net_now": MONEY,
    "net_then": MONEY,
    "tax_now": pl.Decimal(38, 20),  # exact: a document's tax is rounded on its sum, over plans
    "tax_then": pl.Decimal(38, 20),
}
EDGES = (-50, -20, -10, -5, 0, 5, 10, 20, 50)  # percent of today's bill
PERCENTS = (1, 5, 10, 25, 50, 75, 90, 95, 99)
NEW = "new"
SAME = "same"


def bills(accounts: pl.DataFrame, now: Documents, then: Documents) -> pl.DataFrame:
    """BILLS of `accounts` (account_id, account, currency); without a document a bill is 0."""
    found = accounts.select("account_id", "account", "currency")
    for side, documents in (("now", now), ("then", then)):
        named = documents.documents.select(
            "account_id", *(pl.col(name).alias(f"{name}_{side}") for name in SUMS)
        )
        found = found.join(named, on="account_id", how="left")
    return found.with_columns(
        pl.col(name).fill_null(0).cast(MONEY) for name in BILLS if name.endswith(("_now", "_then"))
    ).with_columns(difference=(pl.col("total_then") - pl.col("total_now")).cast(MONEY)).select(
        BILLS.keys()
    )  # fmt: skip


def revenue(
    accounts: pl.DataFrame, now: Documents, then: Documents, plans: Mapping[int, str]
) -> pl.DataFrame:
    """REVENUE by plan and currency; `plans`: plan version -> code."""
    found = [
        documents.lines.join(accounts.select("account_id", "currency"), on="account_id")
        .with_columns(
            plan=pl.col("plan_version_id").replace_strict(dict(plans), return_dtype=pl.String),
            taxed=_tax(),
        )
        .group_by("plan", "currency")
        .agg(
            pl.col("amount").sum().alias(f"net_{side}"),
            pl.col("taxed").sum().alias(f"tax_{side}"),
        )
        for side, documents in (("now", now), ("then", then))
    ]
    return added_revenue(found)


def _tax() -> pl.Expr:
    """A line's tax, exactly: amounts have at most 10 decimals and percents 6."""
    percent = to_scaled(pl.col("tax_percent").fill_null(0), 8)
    tax = to_scaled(pl.col("amount"), 10) * percent
    return tax.reinterpret(dtype=pl.Decimal(38, 20))


def added_revenue(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """One REVENUE of several, whatever columns each has."""
    return (
        pl.concat([pl.DataFrame(schema=REVENUE), *parts], how="diagonal_relaxed")
        .group_by("plan", "currency")
        .agg(pl.all().fill_null(0).sum())
        .sort("plan", "currency")
        .select(pl.col(name).cast(kind) for name, kind in REVENUE.items())
    )


def spread(compared: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """By currency: winners (who pay less), losers, those whose bill stays; how many, and what
    they win or lose; buckets of the change in percent of today's bill; percentiles of it in money.
    """
    return {
        str(currency): _of_currency(part)
        for (currency,), part in compared.sort("currency").group_by("currency", maintain_order=True)
    }


def _of_currency(part: pl.DataFrame) -> dict[str, Any]:
    ordered = part["difference"].sort()
    less, more = part.filter(pl.col("difference") < 0), part.filter(pl.col("difference") > 0)
    counts = dict(part.select(_bucket().alias("bucket")).group_by("bucket").len().iter_rows())
    return {
        "accounts": part.height,
        "winners": {"accounts": less.height, "amount": _sum(less, "difference")},
        "losers": {"accounts": more.height, "amount": _sum(more, "difference")},
        "unchanged": {"accounts": part.height - less.height - more.height},
        "sums": {name: _sum(part, name) for name in BILLS if name.endswith(("_now", "_then"))},
        "buckets": [{"change": label, "accounts": counts.get(label, 0)} for label in labels()],
        "percentiles": {
            "least": ordered[0],
            **{f"p{percent}": ordered[_rank(percent, len(ordered))] for percent in PERCENTS},
            "most": ordered[-1],
        },
    }


def _sum(frame: pl.DataFrame, column: str) -> Decimal:
    return Decimal(frame[column].sum() or 0)


def _rank(percent: int, count: int) -> int:
    """The place of a percentile by nearest rank: a bill that somebody has."""
    return max(0, -(-percent * count // 100) - 1)


def labels() -> list[str]:
    """The buckets in order."""
    falls = [edge for edge in EDGES if edge < 0]
    rises = [edge for edge in EDGES if edge > 0]
    ranges = [f"{low} to {high} %" for low, high in zip(falls, [*falls[1:], 0], strict=True)]
    ups = [f"{low} to {high} %" for low, high in zip([0, *rises[:-1]], rises, strict=True)]
    return [f"below {falls[0]} %", *ranges, SAME, *ups, f"above {rises[-1]} %", NEW]


def _bucket() -> pl.Expr:
    """The bucket of a bill's change; an upper edge belongs to the lower bucket of rises, a lower
    edge to the upper bucket of falls."""
    change = to_scaled(pl.col("difference"), 10) * pl.lit(100, pl.Int128)
    bill = to_scaled(pl.col("total_now"), 10).abs()
    names = labels()
    rises = [edge for edge in EDGES if edge > 0]
    falls = [edge for edge in EDGES if edge < 0]
    found: Any = pl.when(pl.col("difference") == 0).then(pl.lit(SAME))
    found = found.when(bill == 0).then(pl.lit(NEW))
    for name, edge in zip(names, falls, strict=False):
        found = found.when(change < bill * pl.lit(edge, pl.Int128)).then(pl.lit(name))
    found = found.when(change < 0).then(pl.lit(names[len(falls)]))
    for name, edge in zip(names[len(falls) + 2 :], rises, strict=False):
        found = found.when(change <= bill * pl.lit(edge, pl.Int128)).then(pl.lit(name))
    bucket: pl.Expr = found.otherwise(pl.lit(names[-2]))
    return bucket


def extremes(compared: pl.DataFrame, count: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The largest rises and the largest falls, of all currencies."""
    rises = compared.filter(pl.col("difference") > 0)
    falls = compared.filter(pl.col("difference") < 0)
    return (
        rises.sort(["difference", "account"], descending=[True, False]).head(count),
        falls.sort("difference", "account").head(count),
    )
