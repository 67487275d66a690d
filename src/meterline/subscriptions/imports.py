"""Import of subscriptions and identifiers from CSV files, in bulk."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from meterline.catalog import services as catalog
from meterline.customers import csvfile, validate
from meterline.customers.errors import InvalidField, InvalidImport
from meterline.customers.imports import ImportReport, codes, lengths, run_import
from meterline.kernel.errors import MeterlineError
from meterline.platform.database import read_frame, write_frame
from meterline.platform.instants import parse_date_or_instant
from meterline.subscriptions import plans
from meterline.subscriptions.bulk import subscribe_many
from meterline.subscriptions.frames import INSTANT
from meterline.subscriptions.import_bases import check_bases
from meterline.subscriptions.models import Identifier

COLUMNS = {
    "subscriptions": csvfile.Columns(
        required=("code", "account", "plan", "start"),
        optional=("end", "quantity", "discounts", "overrides", "base"),
    ),
    "identifiers": csvfile.Columns(
        required=("subscription", "kind", "value"), optional=("start", "end")
    ),
}
_QUANTITY = re.compile(r"\d{1,15}(\.\d{1,10})?")


def import_file(
    kind: str, path: Path | str, *, dry_run: bool = False, rejects: Path | str | None = None
) -> ImportReport:
    """Import one file; `kind` is subscriptions or identifiers. As customers.imports.import_file."""
    handlers = {"subscriptions": _subscriptions, "identifiers": _identifiers}
    if kind not in handlers:
        raise InvalidImport(file=path, problem=f"no import of {kind}: {', '.join(handlers)}")
    return run_import(
        kind, Path(path), COLUMNS[kind], handlers[kind], dry_run=dry_run, rejects=rejects
    )


def _subscriptions(sheet: csvfile.Sheet) -> Callable[[], int]:
    known = catalog.discounts() if sheet.rows["discounts"].count() else {}
    csvfile.check_values(
        sheet,
        {
            "code": validate.code, "quantity": _quantity, "start": _instant, "end": _instant,
            "overrides": _overrides, "discounts": lambda text: _discounts(text, known),
        },
    )  # fmt: skip
    taken = codes("subscriptions_subscription", sheet.rows["code"])
    csvfile.check_unique(sheet, "code", taken, "subscription")
    csvfile.check_known(
        sheet, "account", codes("customers_account", sheet.rows["account"]), "account"
    )
    accounts = _accounts(sheet.rows["account"])
    sheet.rows = sheet.rows.join(accounts, on="account", how="left", maintain_order="left")
    _place(sheet, "start", "at")
    _place(sheet, "end", "end_at")
    _check_end(sheet, "at")
    _check_plans(sheet)
    check_bases(sheet)
    return lambda: subscribe_many(
        sheet.rows.select(
            "code", "account_id", "plan", "at", "end_at", "overrides", "base",
            pl.col("quantity").cast(pl.Decimal(38, 10)),
            pl.col("discounts").str.split(" "),
        )
    ).height  # fmt: skip


def _identifiers(sheet: csvfile.Sheet) -> Callable[[], int]:
    csvfile.check_lengths(sheet, lengths(Identifier, ["kind", "value"]))
    csvfile.check_values(
        sheet,
        {"kind": validate.word, "value": validate.word, "start": _instant, "end": _instant},
    )
    known = codes("subscriptions_subscription", sheet.rows["subscription"])
    csvfile.check_known(sheet, "subscription", known, "subscription")
    sheet.rows = sheet.rows.join(
        _subscription_times(sheet.rows["subscription"]),
        on="subscription", how="left", maintain_order="left",
    )  # fmt: skip
    _place(sheet, "start", "start_at")
    _place(sheet, "end", "end_at")
    sheet.rows = sheet.rows.with_columns(
        pl.col("start_at").fill_null(pl.col("begin")),
        pl.min_horizontal("end_at", "finish").alias("end_at"),
    )
    _check_end(sheet, "start_at")
    _check_free(sheet)
    columns = ("subscription_id", "kind", "value", "start_at", "end_at")
    return lambda: _write_identifiers(sheet.rows.select(columns))


def _write_identifiers(rows: pl.DataFrame) -> int:
    from meterline.usage.services import follow_identifiers  # usage stands on subscriptions

    follow_identifiers(rows["value"].to_list())
    return write_frame("subscriptions_identifier", rows)


def _check_end(sheet: csvfile.Sheet, start: str) -> None:
    bad = sheet.rows.filter(pl.col("end_at") <= pl.col(start))
    sheet.reject(bad, "invalid_time", "it ends before it starts")


def _check_plans(sheet: csvfile.Sheet) -> None:
    """Reject rows whose plan is not there on the day, or in another currency, or has no such
    price to override."""
    keys = ("plan", "day", "overrides", "currency", "account")
    days = sheet.rows.with_columns(day=_local_day())
    wrong: list[tuple[Any, ...]] = []
    seen: dict[tuple[Any, ...], str | None] = {}
    for row in days.select(keys).unique(maintain_order=True).iter_rows():
        problem = seen.get(row[:4], "")
        if problem == "":
            problem = seen[row[:4]] = _plan_problem(*row)
        if problem:
            wrong.append((*row, problem))
    schema = {
        "plan": pl.String, "day": pl.Date, "overrides": pl.String, "currency": pl.String,
        "account": pl.String, "problem": pl.String,
    }  # fmt: skip
    bad = days.join(pl.DataFrame(wrong, schema=schema, orient="row"), on=keys, nulls_equal=True)
    sheet.reject(bad, "invalid_plan", pl.col("problem"))


def _plan_problem(
    plan: str, day: Any, overrides: str | None, currency: str, account: str
) -> str | None:
    try:
        offer = plans.offer(plan, day, json.loads(overrides) if overrides else None)
        offer.check_currency(account, currency)
    except MeterlineError as error:
        return error.message
    return None


def _check_free(sheet: csvfile.Sheet) -> None:
    """Reject rows whose identifier another subscription, or an earlier row, has at the time."""
    held = read_frame(
        "SELECT value, start_at, end_at FROM subscriptions_identifier WHERE value = ANY(%s)"
        " AND start_at IS DISTINCT FROM end_at",
        [sheet.rows["value"].unique().to_list()],
        schema={"value": pl.String, "start_at": INSTANT, "end_at": INSTANT},
    )
    order = pl.concat(
        [
            held.with_columns(line=pl.lit(0, pl.Int64)),
            sheet.rows.select("value", "start_at", "end_at", "line"),
        ]
    )
    several = order.filter(pl.len().over("value") > 1)
    taken: dict[str, list[tuple[datetime, datetime | None]]] = {}
    wrong: list[int] = []
    for value, start, end, line in several.iter_rows():
        others = taken.setdefault(value, [])
        if line and any(_overlap(start, end, *other) for other in others):
            wrong.append(line)
        else:
            others.append((start, end))
    bad = sheet.rows.filter(pl.col("line").is_in(wrong))
    sheet.reject(bad, "identifier_taken", pl.format("{} is held at the time already", "value"))


def _overlap(start: datetime, end: datetime | None, begun: datetime, over: datetime | None) -> bool:
    return (over is None or start < over) and (end is None or begun < end)


def _accounts(wanted: pl.Series) -> pl.DataFrame:
    return read_frame(
        "SELECT code AS account, id AS account_id, timezone, currency FROM customers_account"
        " WHERE code = ANY(%s)",
        [wanted.unique().to_list()],
        schema={
            "account": pl.String, "account_id": pl.Int64, "timezone": pl.String,
            "currency": pl.String,
        },
    )  # fmt: skip


def _subscription_times(wanted: pl.Series) -> pl.DataFrame:
    """From when to when subscriptions run, and their zone."""
    return read_frame(
        """
        SELECT s.code AS subscription, s.id AS subscription_id, a.timezone,
            s.started_at AS begin,
            (SELECT p.end_at FROM subscriptions_phase p WHERE p.subscription_id = s.id
             ORDER BY p.start_at DESC LIMIT 1) AS finish
        FROM subscriptions_subscription s JOIN customers_account a ON a.id = s.account_id
        WHERE s.code = ANY(%s)
        """,
        [wanted.unique().to_list()],
        schema={
            "subscription": pl.String, "subscription_id": pl.Int64, "timezone": pl.String,
            "begin": INSTANT, "finish": INSTANT,
        },
    )  # fmt: skip


def _place(sheet: csvfile.Sheet, name: str, into: str) -> None:
    """Add the instants of dates (local midnights) and instants as people write them."""
    pairs = sheet.rows.select(name, "timezone").drop_nulls(name).unique()
    placed = pl.DataFrame(
        [(text, zone, _utc(text, zone)) for text, zone in pairs.iter_rows()],
        schema={name: pl.String, "timezone": pl.String, into: INSTANT},
        orient="row",
    )
    sheet.rows = sheet.rows.join(placed, on=[name, "timezone"], how="left", maintain_order="left")


def _utc(text: str, zone: str) -> datetime:
    parsed = parse_date_or_instant(text)
    if isinstance(parsed, datetime):
        return parsed.astimezone(UTC)
    return datetime.combine(parsed, time(0), ZoneInfo(zone)).astimezone(UTC)


def _local_day() -> pl.Expr:
    """The local day of `at` (by the text where it is a date, so that zones do not matter)."""
    return pl.struct("at", "timezone").map_elements(
        lambda row: row["at"].astimezone(ZoneInfo(row["timezone"])).date(), return_dtype=pl.Date
    )


def _instant(text: str) -> None:
    try:
        parse_date_or_instant(text)
    except MeterlineError as error:
        raise InvalidField(
            field="time", value=text, expected="such as 2026-03-01 or 2026-03-01T10:00:00Z"
        ) from error


def _quantity(text: str) -> Decimal:
    if not _QUANTITY.fullmatch(text) or not Decimal(text):
        raise InvalidField(field="quantity", value=text, expected="a number above 0")
    return Decimal(text)


def _overrides(text: str) -> None:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not all(isinstance(v, dict) for v in document.values()):
        raise InvalidField(
            field="overrides", value=text, expected='JSON such as {"base": {"amount": "9.00"}}'
        )


def _discounts(text: str, known: Any) -> None:
    for code in text.split(" "):
        if code not in known:
            raise InvalidField(
                field="discounts", value=text, expected=f"codes of {', '.join(sorted(known))}"
            )
