"""Payments from a bank statement (CSV), in bulk; refused rows come back in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path

import polars as pl

from meterline.customers import csvfile
from meterline.customers.errors import InvalidField
from meterline.customers.imports import ImportReport, codes, run_import
from meterline.customers.models import Account
from meterline.invoices.models import Invoice
from meterline.kernel.money import MONEY, decimals
from meterline.payments import services
from meterline.platform.instants import InvalidInstant, parse_date_or_instant

COLUMNS = csvfile.Columns(
    required=("account", "amount", "at"), optional=("currency", "reference", "invoice", "code")
)


def import_statement(
    path: Path, *, dry_run: bool = False, rejects: Path | None = None
) -> ImportReport:
    """Record the payments of a file. Rows without a code get one of the file's content and their
    line, so the same file again changes nothing. Raises InvalidImport."""
    return run_import("payments", path, COLUMNS, _payments, dry_run=dry_run, rejects=rejects)


def _payments(sheet: csvfile.Sheet) -> Callable[[], int]:
    csvfile.check_values(sheet, {"amount": _check_amount, "at": _check_at})
    csvfile.check_known(sheet, "account", codes("customers_account", sheet.rows["account"]),
                        "account")  # fmt: skip
    _check_currency(sheet)
    _check_invoices(sheet)
    csvfile.check_unique(sheet, "code", (), "payment")
    digest = hashlib.blake2b(sheet.path.read_bytes(), digest_size=8).hexdigest()
    return lambda: services.pay_many(_frame(sheet.rows, digest))


def _frame(rows: pl.DataFrame, digest: str) -> pl.DataFrame:
    own = pl.concat_str(pl.lit(f"{digest}-"), pl.col("line").cast(pl.String))
    return rows.select(
        pl.col("account").alias("account_code"),
        pl.col("amount").cast(MONEY),
        "currency",
        pl.Series("at", [_at(text) for text in rows["at"]], dtype=services.PAYMENTS["at"]),
        pl.col("reference").fill_null(""),
        "invoice",
        code=pl.coalesce("code", own),
    )


def _check_currency(sheet: csvfile.Sheet) -> None:
    """An empty currency is the account's; another one is refused. So are amounts too fine."""
    rows = Account.objects.filter(code__in=sheet.rows["account"].to_list())
    kept = dict(rows.values_list("code", "currency"))
    own = pl.col("account").replace_strict(kept, default=None, return_dtype=pl.String)
    sheet.rows = sheet.rows.with_columns(own=own)
    other = pl.col("currency") != pl.col("own")
    sheet.reject(sheet.rows.filter(other), "wrong_currency",
                 pl.format("the account is kept in {}", "own"))  # fmt: skip
    fine = [
        line for line, amount, currency in sheet.rows.select("line", "amount", "own").iter_rows()
        if Decimal(amount) != round(Decimal(amount), decimals(currency))
    ]  # fmt: skip
    sheet.reject(sheet.rows.filter(pl.col("line").is_in(fine)), "invalid_field",
                 pl.format("{} has more decimals than {}", "amount", "own"))  # fmt: skip
    sheet.rows = sheet.rows.with_columns(pl.coalesce("currency", "own").alias("currency"))
    sheet.rows = sheet.rows.drop("own")


def _check_invoices(sheet: csvfile.Sheet) -> None:
    named = sheet.rows["invoice"].drop_nulls().to_list()
    owners = dict(Invoice.objects.filter(number__in=named).values_list("number", "account__code"))
    owner = pl.col("invoice").replace_strict(owners, default="", return_dtype=pl.String)
    wrong = sheet.rows.filter(pl.col("invoice").is_not_null() & (owner != pl.col("account")))
    detail = pl.format("the account has no invoice {}", "invoice")
    sheet.reject(wrong, "unknown_invoice", detail)


def _check_amount(text: str) -> None:
    try:
        good = 0 < Decimal(text) < 10**15
    except InvalidOperation:
        good = False
    if not good:
        raise InvalidField(field="amount", value=text, expected="a number above 0")


def _check_at(text: str) -> None:
    try:
        parse_date_or_instant(text)
    except InvalidInstant as error:
        raise InvalidField(field="at", value=text, expected="a date or an instant") from error


def _at(text: str) -> datetime:
    moment = parse_date_or_instant(text)
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time(0), UTC)
