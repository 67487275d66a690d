"""Payments from a bank statement (CSV), in bulk; refused rows come back in a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from meterline.customers import csvfile, validate
from meterline.customers.errors import InvalidField
from meterline.customers.imports import ImportReport, codes, run_import
from meterline.customers.models import Account
from meterline.invoices.models import Invoice
from meterline.kernel.errors import MeterlineError
from meterline.kernel.money import MONEY, decimals
from meterline.payments import services
from meterline.payments.check import is_known, known_codes
from meterline.platform.instants import InvalidInstant, parse_date_or_instant

COLUMNS = csvfile.Columns(
    required=("account", "amount", "at"), optional=("currency", "reference", "invoice", "code")
)
_AMOUNT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


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
    csvfile.check_lengths(sheet, {"reference": 200, "code": 100})
    zones = _check_currency(sheet)
    _check_invoices(sheet)
    _check_codes(sheet)
    digest = hashlib.blake2b(sheet.path.read_bytes(), digest_size=8).hexdigest()
    return lambda: services.pay_many(_frame(sheet.rows, digest, zones))


def _frame(rows: pl.DataFrame, digest: str, zones: Mapping[str, str]) -> pl.DataFrame:
    moments = [
        instant(text, zones[account]) for text, account in rows.select("at", "account").iter_rows()
    ]
    own = pl.concat_str(pl.lit(f"{digest}-"), pl.col("line").cast(pl.String))
    return rows.select(
        pl.col("account").alias("account_code"),
        pl.Series("amount", [Decimal(text) for text in rows["amount"]], dtype=MONEY),
        "currency",
        pl.Series("at", moments, dtype=services.PAYMENTS["at"]),
        pl.col("reference").fill_null(""),
        "invoice",
        code=pl.coalesce("code", own),
    )


def instant(text: str, zone: str) -> datetime:
    """The instant that a text tells; a date alone is the beginning of that day in the zone."""
    moment = parse_date_or_instant(text)
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time(0), ZoneInfo(zone))


def _check_codes(sheet: csvfile.Sheet) -> None:
    """A code that is taken by another payment, or is of our own kind, is refused."""
    coded = sheet.rows.filter(pl.col("code").is_not_null())
    again = coded.filter(~pl.col("code").is_first_distinct())
    sheet.reject(again, "code_taken", pl.format("{} is in the file twice", "code"))
    coded = coded.filter(pl.col("code").is_first_distinct())
    known = known_codes(coded["code"].to_list())
    accounts = {row.code: row for row in Account.objects.filter(code__in=coded["account"])}
    wrong: dict[int, tuple[str, str]] = {}
    for line, code, account, amount in coded.select(
        "line", "code", "account", "amount"
    ).iter_rows():
        try:
            validate.code(code)
            is_known(code, accounts[account], Decimal(amount), known)
        except MeterlineError as error:
            wrong[line] = (error.code, error.message)
    for reason in {reason for reason, _ in wrong.values()}:
        texts = {line: text for line, (its, text) in wrong.items() if its == reason}
        rows = coded.filter(pl.col("line").is_in(list(texts)))
        sheet.reject(rows, reason, pl.col("line").replace_strict(texts, return_dtype=pl.String))


def _check_currency(sheet: csvfile.Sheet) -> dict[str, str]:
    """An empty currency is the account's; another one is refused. So are amounts too fine.

    Returns the accounts' zones.
    """
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
    return dict(rows.values_list("code", "timezone"))


def _check_invoices(sheet: csvfile.Sheet) -> None:
    named = sheet.rows["invoice"].drop_nulls().to_list()
    owners = dict(Invoice.objects.filter(number__in=named).values_list("number", "account__code"))
    owner = pl.col("invoice").replace_strict(owners, default="", return_dtype=pl.String)
    wrong = sheet.rows.filter(pl.col("invoice").is_not_null() & (owner != pl.col("account")))
    detail = pl.format("the account has no invoice {}", "invoice")
    sheet.reject(wrong, "unknown_invoice", detail)


def _check_amount(text: str) -> None:
    if not _AMOUNT.fullmatch(text) or not 0 < Decimal(text) < 10**15:
        raise InvalidField(field="amount", value=text, expected="a number above 0, such as 12.50")


def _check_at(text: str) -> None:
    try:
        year = parse_date_or_instant(text).year
    except InvalidInstant as error:
        raise InvalidField(field="at", value=text, expected="a date or an instant") from error
    if not 1900 <= year <= 2999:
        raise InvalidField(field="at", value=text, expected="a year from 1900 to 2999")
