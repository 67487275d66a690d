"""Import of sellers, customers and accounts from CSV files, in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from django.db import connection, transaction

from meterline.customers import csvfile, validate
from meterline.customers.errors import InvalidImport
from meterline.customers.lookup import default_seller
from meterline.customers.models import Account, Customer, Party, Seller
from meterline.platform import audit, clock
from meterline.platform.database import read_frame, write_frame

COLUMNS = {
    "sellers": csvfile.Columns(
        required=("code", "name"),
        optional=("address", "country", "tax_id", "email", "phone", "website", "iban", "bic",
                  "colour", "invoice_prefix", "payment_terms_days"),
    ),
    "customers": csvfile.Columns(
        required=("code", "name"),
        optional=("kind", "email", "phone", "address", "country", "tax_id", "language", "segment"),
    ),
    "accounts": csvfile.Columns(
        required=("code", "currency"),
        optional=("customer", "seller", "timezone", "billing_day", "region", "parent"),
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import did, or would do."""

    rows: int
    created: int
    rejected: int
    rejects: Path | None = None
    """The file of refused rows, if there are any and a place for it was given."""


def import_file(
    kind: str,
    path: Path | str,
    *,
    dry_run: bool = False,
    rejects: Path | str | None = None,
) -> ImportReport:
    """Import one file; `kind` is sellers, customers or accounts.

    Good rows are made in one transaction, the others are written to `rejects` (default: beside
    the file) with line, reason and detail. Raises InvalidImport if the file is no such file.
    """
    handlers: dict[str, Callable[[csvfile.Sheet], Callable[[], int]]] = {
        "sellers": _sellers,
        "customers": _customers,
        "accounts": _accounts,
    }
    if kind not in handlers:
        raise InvalidImport(file=path, problem=f"no import of {kind}: {', '.join(handlers)}")
    return run_import(
        kind,
        Path(path),
        COLUMNS[kind],
        handlers[kind],
        dry_run=dry_run,
        rejects=rejects,
    )


def run_import(
    kind: str,
    path: Path,
    columns: csvfile.Columns,
    handler: Callable[[csvfile.Sheet], Callable[[], int]],
    *,
    dry_run: bool,
    rejects: Path | str | None,
) -> ImportReport:
    """The steps that all imports share: `handler` rejects bad rows, gives what writes others."""
    with transaction.atomic():
        sheet = csvfile.read_sheet(path, columns)
        rows = sheet.rows.height + sheet.rejects.height
        write = handler(sheet)
        if dry_run:
            created = sheet.rows.height
            transaction.set_rollback(True)
        else:
            created = write() if sheet.rows.height else 0
            audit.record(
                f"{kind}.imported", path.name,
                after={"rows": rows, "created": created, "rejected": sheet.rejects.height},
            )  # fmt: skip
    target = None
    if sheet.rejects.height:
        target = Path(rejects) if rejects else path.with_suffix(".rejects.csv")
        csvfile.write_rejects(sheet, target)
    return ImportReport(rows=rows, created=created, rejected=sheet.rejects.height, rejects=target)


def codes(table: str, wanted: pl.Series) -> dict[str, int]:
    """Ids of those of the codes that `table` has."""
    found = read_frame(
        f"SELECT code, id FROM {table} WHERE code = ANY(%s)",
        [wanted.drop_nulls().unique().to_list()],
        schema={"code": pl.String, "id": pl.Int64},
    )
    return dict(found.iter_rows())


def new_ids(table: str, count: int) -> pl.Series:
    """Ids for `count` rows of a table, taken from its sequence."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [table, count],
        )
        return pl.Series("id", [row[0] for row in cursor.fetchall()], dtype=pl.Int64)


def lengths(model: Any, names: Iterable[str]) -> dict[str, int]:
    """How long the texts of a table's columns may be."""
    found = {name: model._meta.get_field(name).max_length for name in names}
    return {name: limit for name, limit in found.items() if limit}


def _sellers(sheet: csvfile.Sheet) -> Callable[[], int]:
    csvfile.check_lengths(sheet, lengths(Seller, COLUMNS["sellers"].all))
    csvfile.check_values(sheet, validate.SELLER)
    csvfile.check_unique(sheet, "code", codes("customers_seller", sheet.rows["code"]), "seller")
    return lambda: write_frame(
        "customers_seller",
        sheet.rows.select(
            _or_default(Seller, name) for name in COLUMNS["sellers"].all
        ).with_columns(pl.col("payment_terms_days").cast(pl.Int64)),
    )


def _customers(sheet: csvfile.Sheet) -> Callable[[], int]:
    party = set(COLUMNS["customers"].all) - {"segment"}
    csvfile.check_lengths(sheet, lengths(Party, party) | lengths(Customer, ["segment"]))
    csvfile.check_values(sheet, validate.PARTY)
    for table in ("customers_customer", "customers_party"):
        csvfile.check_unique(sheet, "code", codes(table, sheet.rows["code"]), "customer")
    return lambda: _write_customers(sheet.rows)


def _write_customers(rows: pl.DataFrame) -> int:
    ids = new_ids("customers_party", rows.height)
    fields = [name for name in COLUMNS["customers"].all if name not in ("kind", "segment")]
    party = rows.select(
        *(_or_default(Party, name) for name in fields),
        pl.col("kind").fill_null("person")
        if "kind" in rows.columns
        else pl.lit("person").alias("kind"),
    )
    write_frame("customers_party", party.with_columns(ids))
    return write_frame(
        "customers_customer",
        rows.select("code", _or_default(Customer, "segment")).with_columns(
            party_id=ids, created_at=pl.lit(clock.now())
        ),
    )


def _accounts(sheet: csvfile.Sheet) -> Callable[[], int]:
    csvfile.check_values(sheet, validate.ACCOUNT)
    csvfile.check_unique(sheet, "code", codes("customers_account", sheet.rows["code"]), "account")
    for name, table in (
        ("customer", "customers_customer"),
        ("seller", "customers_seller"),
    ):
        csvfile.check_known(sheet, name, codes(table, sheet.rows[name]), name)
    own = sheet.rows.filter(pl.col("customer").is_null())
    taken = {
        **codes("customers_customer", own["code"]),
        **codes("customers_party", own["code"]),
    }
    sheet.reject(
        own.filter(pl.col("code").is_in(list(taken))), "code_taken",
        pl.format("there is a customer {} already: name it in the column customer", "code"),
    )  # fmt: skip
    _check_parents(sheet)
    return lambda: _write_accounts(sheet.rows)


def _check_parents(sheet: csvfile.Sheet) -> None:
    """A parent is an account, or stands above in the file (so that there are no circles)."""
    known = codes("customers_account", sheet.rows["parent"])
    while True:
        before = sheet.rows.select("code", place=pl.col("line"))
        named = sheet.rows.filter(
            pl.col("parent").is_not_null(), ~pl.col("parent").is_in(list(known))
        ).join(before, left_on="parent", right_on="code", how="left")
        bad = named.filter(pl.col("place").is_null() | (pl.col("place") >= pl.col("line")))
        if bad.is_empty():
            return
        sheet.reject(
            bad,
            "unknown_account",
            pl.format("there is no account {} above it", "parent"),
        )


def _write_accounts(rows: pl.DataFrame) -> int:
    own = rows.filter(pl.col("customer").is_null())
    if own.height:
        empty = [name for name in COLUMNS["customers"].all if name not in ("code", "name")]
        _write_customers(
            own.select("code", name="code").with_columns(
                pl.lit(None, pl.String).alias(name) for name in empty
            )
        )
    rows = rows.with_columns(pl.col("customer").fill_null(pl.col("code")))
    customers = codes("customers_customer", rows["customer"])
    sellers = codes("customers_seller", rows["seller"])
    usual = default_seller().id if rows["seller"].null_count() else None
    ids = new_ids("customers_account", rows.height)
    above = codes("customers_account", rows["parent"])
    above.update(zip(rows["code"], ids, strict=True))
    accounts = rows.select(
        ids,
        "code",
        "currency",
        _or_default(Account, "timezone"),
        pl.col("region").alias("tax_region"),
        _ids("customer", customers),
        _ids("seller", sellers).fill_null(pl.lit(usual, pl.Int64)),
        _ids("parent", above),
        created_at=pl.lit(clock.now()),
    )
    created = write_frame("customers_account", accounts)
    day = pl.col("billing_day").fill_null("1")
    write_frame(
        "customers_billingday",
        rows.select(
            account_id=ids,
            since=pl.lit("0001-01-01"),
            day=pl.when(day != validate.ANNIVERSARY).then(day).cast(pl.Int64),
        ),
    )
    return created


def _ids(name: str, known: dict[str, int]) -> pl.Expr:
    return (
        pl.col(name)
        .replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Int64)
        .alias(f"{name}_id")
    )


def _or_default(model: Any, name: str) -> pl.Expr:
    """A column with the model's default where the file has none."""
    default = model._meta.get_field(name).default
    return pl.col(name).fill_null(str(default))
