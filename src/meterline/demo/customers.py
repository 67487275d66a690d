"""Sellers by the services, customers with accounts, subscriptions and identifiers by CSV import."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from meterline.customers import services as customers
from meterline.demo.companies import COMPANIES
from meterline.demo.errors import ImportRejected
from meterline.subscriptions import services as subscriptions


def create_sellers() -> None:
    """The group's sellers."""
    for company in COMPANIES:
        customers.create_seller(code=company.code, **company.seller)


def import_joiners(contracts: pl.DataFrame, first: date, after: date, folder: Path) -> int:
    """Import whose contract starts in `[first, after)`; the files stay in `folder`/import.

    Returns their number. Raises ImportRejected: the demo's own customers are all valid.
    """
    joiners = contracts.filter(pl.col("start") >= first, pl.col("start") < after)
    if joiners.is_empty():
        return 0
    target = folder / "import"
    target.mkdir(parents=True, exist_ok=True)
    for kind, frame in _files(joiners).items():
        path = target / f"{kind}-{first:%Y-%m}.csv"
        frame.write_csv(path)
        importer = customers if kind in ("customers", "accounts") else subscriptions
        report = importer.import_file(kind, path)
        if report.rejected:
            raise ImportRejected(file=path, rejected=report.rejected)
    return joiners.height


def _files(joiners: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The rows of each import file, by kind, in the order in which they are imported."""
    code = pl.col("account").alias("code")
    day = pl.col("billing_day").cast(pl.String).fill_null("anniversary")
    return {
        "customers": joiners.select(code, "name", "kind", "email", "address", "country"),
        "accounts": joiners.select(
            code, "currency", pl.col("account").alias("customer"), "seller", "timezone",
            "region", billing_day=day,
        ),
        "subscriptions": joiners.select(code, "account", "plan", "start", "quantity"),
        "identifiers": joiners.select(
            pl.col("account").alias("subscription"), pl.col("identifier_kind").alias("kind"),
            pl.col("identifier").alias("value"),
        ),
    }  # fmt: skip
