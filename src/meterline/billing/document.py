"""From charged lines to documents: tax, totals, due date. Pure, columnar.

One document an account; a negative total makes a credit note. Which credit an invoice uses is
decided when it is issued (payments.allocate).
Tax is computed per rate on the document, or per line where the policy says so; a correction keeps
the rate of the line that it corrects.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from meterline.billing.frames import USAGE_TRACK, Snapshot
from meterline.billing.meter_reads import with_reads
from meterline.kernel.money import MONEY, decimals_column, from_scaled, round_column, to_scaled

DOCUMENTS: dict[str, Any] = {
    "account_id": pl.Int64,
    "account_code": pl.String,
    "seller_id": pl.Int64,
    "kind": pl.String,
    "currency": pl.String,
    "issue_date": pl.Date,
    "due_date": pl.Date,
    "net": MONEY,
    "tax": MONEY,
    "total": MONEY,
    "credit_applied": MONEY,
    "due": MONEY,
}

DOCUMENT_TAXES: dict[str, Any] = {
    "account_id": pl.Int64,
    "code": pl.String,
    "percent": pl.Decimal(12, 6),
    "base": MONEY,
    "amount": MONEY,
}


@dataclass(frozen=True, kw_only=True)
class Documents:
    """What a batch of accounts is to be sent; keyed by account_id, one document each."""

    documents: pl.DataFrame  # DOCUMENTS
    lines: pl.DataFrame  # diff.CHARGED, tax_percent filled, and position, tax_amount
    taxes: pl.DataFrame  # DOCUMENT_TAXES


def make_documents(charged: pl.DataFrame, snapshot: Snapshot, issued_at: datetime) -> Documents:
    """The documents for `charged` (diff.CHARGED)."""
    accounts = snapshot.accounts.with_columns(
        places=decimals_column(snapshot.accounts["currency"]),
        issue_date=_local_date(snapshot.accounts, issued_at),
    )
    lines = _with_tax_rates(charged, accounts, snapshot)
    lines = lines.sort(
        "account_id", "subscription_id", "price_code", "start_at", "amount", "track",
        descending=[False, False, False, False, True, False], nulls_last=True,
    ).with_columns(position=pl.int_range(1, pl.len() + 1).over("account_id"))  # fmt: skip
    taxes = _taxes(lines)
    tax = taxes.group_by("account_id").agg(pl.col("amount").sum().alias("tax"))
    net = lines.group_by("account_id").agg(pl.col("amount").sum().alias("net"))
    totals = (
        net.join(tax, on="account_id", how="left")
        .with_columns(tax=pl.col("tax").fill_null(0).cast(MONEY))
        .with_columns(total=(pl.col("net") + pl.col("tax")).cast(MONEY))
        .join(accounts, on="account_id")
        .with_columns(
            kind=pl.when(pl.col("total") < 0)
            .then(pl.lit("credit_note"))
            .otherwise(pl.lit("invoice")),
            credit_applied=pl.lit(0).cast(MONEY),
            due=pl.col("total"),
            due_date=pl.col("issue_date") + pl.duration(days=pl.col("payment_terms_days")),
        )
        .sort("account_id")
    )
    return Documents(
        documents=totals.select(DOCUMENTS.keys()),
        lines=with_reads(lines, snapshot).drop(
            "places", "tax_rounding", "rounding", "tax_region", "issue_date"
        ),
        taxes=taxes.select(DOCUMENT_TAXES.keys()).sort("account_id", "code", "percent"),
    )


def parts_with_tax(lines: pl.DataFrame) -> pl.DataFrame:
    """What documents come to by account and price, with tax (payments.credit.PARTS), of `lines` of
    documents: where credit is for some charges only, it pays for no more."""
    amount = to_scaled(pl.col("amount"), 10)
    percent = pl.col("tax_percent").fill_null(0).cast(pl.Decimal(38, 6)).to_physical()
    taxed = from_scaled(amount + amount * percent // 10**8, 10)
    return (
        lines.select(
            "account_id",
            pl.col("track").str.contains(USAGE_TRACK).alias("usage"),
            "price_code",
            taxed.alias("amount"),
        )
        .group_by("account_id", "usage", "price_code", maintain_order=True)
        .agg(pl.col("amount").sum())
        .filter(pl.col("amount") > 0)
    )


def _local_date(accounts: pl.DataFrame, instant: datetime) -> pl.Expr:
    if accounts.is_empty():
        return pl.lit(None, pl.Date)
    dates = {
        zone: instant.astimezone(ZoneInfo(zone)).date() for zone in accounts["timezone"].unique()
    }
    return pl.col("timezone").replace_strict(dates, return_dtype=pl.Date)


def _with_tax_rates(
    charged: pl.DataFrame, accounts: pl.DataFrame, snapshot: Snapshot
) -> pl.DataFrame:
    """`charged` with the rate in force on the issue date, and the tax of lines taxed one by one."""
    policies = snapshot.price_columns.select("price_id", "tax_rounding", "rounding")
    rates = snapshot.taxes.sort("from_date")
    known = charged.join(
        accounts.select("account_id", "tax_region", "issue_date", "places"),
        on="account_id",
    ).join(policies, on="price_id", how="left")
    known = _with_plan_policies(known, snapshot)
    current = (
        known.select("tax_code", "tax_region", "issue_date")
        .unique()
        .drop_nulls()
        .sort("issue_date")
        .join_asof(
            rates, left_on="issue_date", right_on="from_date", by=["tax_code", "tax_region"],
            strategy="backward", check_sortedness=False,
        )
        .select("tax_code", "tax_region", "issue_date", rate="percent")
    )  # fmt: skip
    return (
        known.join(current, on=["tax_code", "tax_region", "issue_date"], how="left")
        .with_columns(
            tax_percent=pl.coalesce("tax_percent", "rate"),
            tax_rounding=pl.col("tax_rounding").fill_null("document"),
            rounding=pl.col("rounding").fill_null("half_up"),
        )
        .drop("rate")
        .pipe(_with_line_taxes)
    )


def _with_line_taxes(lines: pl.DataFrame) -> pl.DataFrame:
    """`lines` with tax_amount, of those that are taxed one by one."""
    alone = pl.col("tax_rounding") == "line"
    if not (lines["tax_rounding"] == "line").any():  # as is usual: nothing is worked out
        return lines.with_columns(tax_amount=pl.lit(None, MONEY))
    return lines.with_columns(tax_amount=pl.when(alone).then(_tax_of(pl.col("amount"), lines)))


def _with_plan_policies(lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Lines without a price (minimums, commitments) are taxed by the policy of their plan."""
    settled = {one.plan_version_id: one.policy for one in snapshot.minimums}
    settled |= {one.plan_version_id: one.policy for one in snapshot.commitments}
    if not settled:
        return lines
    plans = pl.DataFrame(
        [(version, policy.tax_rounding, policy.rounding) for version, policy in settled.items()],
        schema={"plan_version_id": pl.Int64, "of_plan": pl.String, "plan_rounding": pl.String},
        orient="row",
    )
    return (
        lines.join(plans, on="plan_version_id", how="left")
        .with_columns(
            tax_rounding=pl.coalesce("tax_rounding", "of_plan"),
            rounding=pl.coalesce("rounding", "plan_rounding"),
        )
        .drop("of_plan", "plan_rounding")
    )


def _tax_of(base: pl.Expr, lines: pl.DataFrame) -> pl.Expr:
    modes = lines["rounding"].unique().to_list()
    percent = pl.col("tax_percent").cast(pl.Decimal(38, 6)).to_physical()
    return round_column(
        to_scaled(base, 14) * percent,
        pl.lit(100, pl.Int128),
        pl.col("places"),
        modes[0] if len(modes) == 1 else pl.col("rounding"),
    )


def _taxes(lines: pl.DataFrame) -> pl.DataFrame:
    """The tax of each document, a row a code and rate."""
    taxed = lines.filter(pl.col("tax_percent").is_not_null())
    return (
        taxed.group_by("account_id", "tax_code", "tax_percent", "tax_rounding")
        .agg(
            pl.col("amount").sum().alias("base"),
            pl.col("tax_amount").sum(),
            pl.col("places").first(),
            pl.col("rounding").first(),
        )
        .with_columns(
            amount=pl.when(pl.col("tax_rounding") == "line")
            .then("tax_amount")
            .otherwise(_tax_of(pl.col("base"), lines))
        )
        .group_by("account_id", "tax_code", "tax_percent")
        .agg(pl.col("base").sum(), pl.col("amount").sum())
        .rename({"tax_code": "code", "tax_percent": "percent"})
    )
