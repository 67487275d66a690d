"""What a dry run found, kept so that it is told later whether the same would be billed still."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import polars as pl
from django.db import connection

from meterline.billing.outliers import outliers
from meterline.billing.services import RunReport
from meterline.platform import files

SHOWN = 200  # outliers that are kept; how many there are is kept too
MOST = 20  # changed bills that are kept
_KEY = ["account_code", "currency"]
_EMPTY: dict[str, Any] = {
    "account_code": pl.String,
    "currency": pl.String,
    "total": pl.Decimal(28, 10),
}
_MARKS = """
    SELECT coalesce((SELECT max(id) FROM usage_batch), 0),
           coalesce((SELECT max(id) FROM subscriptions_change), 0),
           coalesce((SELECT max(id) FROM customers_billingday), 0),
           coalesce((SELECT max(id) FROM customers_account), 0),
           coalesce((SELECT max(id) FROM invoices_invoice), 0),
           coalesce((SELECT max(id) FROM catalog_entry), 0),
           coalesce((SELECT max(id) FROM catalog_planversion), 0),
           (SELECT count(*) FROM subscriptions_discount WHERE until_at IS NOT NULL),
           coalesce((SELECT max(id) FROM subscriptions_discount), 0)
"""


def marks() -> list[int]:
    """How far everything is that a bill is made of: where none has moved, bills are the same."""
    with connection.cursor() as cursor:
        cursor.execute(_MARKS)
        return list(cursor.fetchone())


def figures(report: RunReport, history: pl.DataFrame, seen: list[int]) -> dict[str, Any]:
    """What is kept of a dry run: counts, totals, the largest, outliers, and the digest of all of
    its bills. `seen` are the marks before it began."""
    documents = documents_of(report)
    found = pl.DataFrame() if report.documents is None else outliers(report.documents, history)
    return {
        "invoices": report.invoices,
        "totals": {currency: str(total) for currency, total in report.totals.items()},
        "largest": [{**row, "total": str(row["total"])} for row in report.largest],
        "outliers": [_told(row) for row in found.head(SHOWN).iter_rows(named=True)],
        "outliers_found": found.height,
        "digest": hashlib.sha256(documents.write_csv().encode()).hexdigest()[:16],
        "marks": seen,
    }


def documents_of(report: RunReport) -> pl.DataFrame:
    """account_code, currency, total of each account that would be billed, sorted."""
    if report.documents is None:
        return pl.DataFrame(schema=_EMPTY)
    sums = report.documents.group_by(_KEY).agg(pl.col("total").sum().cast(_EMPTY["total"]))
    return sums.sort(_KEY)


def changes(before: pl.DataFrame, now: pl.DataFrame) -> dict[str, Any]:
    """Which bills are others by now: how many, and the most changed (account_code, currency,
    before, now; null: none)."""
    both = before.rename({"total": "before"}).join(
        now.rename({"total": "now"}), on=_KEY, how="full", coalesce=True
    )
    step = pl.col("now").fill_null(0) - pl.col("before").fill_null(0)
    moved = both.with_columns(step=step).filter(pl.col("before").ne_missing(pl.col("now")))
    most = moved.sort(pl.col("step").abs(), *_KEY, descending=[True, False, False]).head(MOST)
    rows = most.select(*_KEY, "before", "now").to_dicts()
    names = ("before", "now")
    return {
        "accounts": moved.height,
        "rows": [row | {name: _text(row[name]) for name in names} for row in rows],
    }


def keep(plan_id: int, documents: pl.DataFrame) -> None:
    """Keep the bills of a dry run until the plan is done with."""
    files.write_whole(_path(plan_id), documents.write_parquet)


def kept(plan_id: int) -> pl.DataFrame | None:
    """The bills of the last dry run of a plan."""
    path = _path(plan_id)
    return pl.read_parquet(path) if path.exists() else None


def forget(plan_id: int) -> None:
    """The plan is issued or given up."""
    _path(plan_id).unlink(missing_ok=True)


def _path(plan_id: int) -> Path:
    return files.folder("plans") / f"{plan_id}.parquet"


def _text(amount: Any) -> str | None:
    return None if amount is None else str(amount)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    amounts = {name: _text(row[name]) for name in ("total", "usual")}
    return {name: row[name] for name in ("account_code", "currency", "why")} | amounts
