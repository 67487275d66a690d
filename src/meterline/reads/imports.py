"""Import of meters from CSV files, in bulk: a row a register, with where the meter is and what the
register showed when it came there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from meterline.customers import csvfile, validate
from meterline.customers.errors import InvalidField
from meterline.customers.imports import ImportReport, lengths, new_ids, run_import
from meterline.platform import clock
from meterline.platform.database import read_frame, write_frame
from meterline.platform.instants import InvalidInstant, parse_date_or_instant
from meterline.reads.errors import InvalidRegister
from meterline.reads.frames import INSTANT
from meterline.reads.meters import ON_THE_SPOT, RegisterSpec
from meterline.reads.models import Installation, Register

COLUMNS = csvfile.Columns(
    required=("serial", "identifier", "start"),
    optional=("register", "dials", "decimals", "multiplier", "unit", "direction", "band", "meter",
              "zone", "profile", "annual", "value", "timezone"),
)  # fmt: skip
_USUAL = {"register": "1", "dials": "6", "decimals": "0", "multiplier": "1", "unit": "kWh",
          "direction": "import", "band": "", "meter": "", "zone": "", "profile": ""}  # fmt: skip
_SPEC = ("register", "dials", "decimals", "multiplier", "unit", "direction", "zone", "annual")


def import_meters(
    path: Path | str, *, dry_run: bool = False, rejects: Path | str | None = None
) -> ImportReport:
    """Import meters, as customers.imports.import_file does. Raises InvalidImport."""
    return run_import("meters", Path(path), COLUMNS, _meters, dry_run=dry_run, rejects=rejects)


def _meters(sheet: csvfile.Sheet) -> Callable[[], int]:
    csvfile.check_lengths(sheet, lengths(Installation, ["identifier"]))
    csvfile.check_lengths(sheet, lengths(Register, ["band", "zone", "profile"]))
    csvfile.check_values(
        sheet,
        {"serial": validate.code, "identifier": validate.word, "start": _moment,
         "dials": _whole, "decimals": _whole, "multiplier": _number, "annual": _number,
         "value": _number, "timezone": validate.timezone, "register": validate.word},
    )  # fmt: skip
    sheet.rows = sheet.rows.with_columns(
        pl.col(name).fill_null(usual) for name, usual in _USUAL.items()
    )
    _check_new(sheet)
    _check_registers(sheet)
    _check_whole(sheet)
    return lambda: _write(sheet.rows)


def _moment(text: str) -> str:
    try:
        parse_date_or_instant(text)
    except InvalidInstant as error:
        raise InvalidField(field="start", value=text, expected="a date or an instant") from error
    return text


def _whole(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) < 3):
        raise InvalidField(field="digits", value=text, expected="a whole number")
    return text


def _number(text: str) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise InvalidField(field="number", value=text, expected="a decimal number") from error
    if not value.is_finite() or value < 0 or value >= 10**15 or value != round(value, 6):
        expected = "a number from 0 on with at most 6 decimals"
        raise InvalidField(field="number", value=text, expected=expected)
    return text


def _check_new(sheet: csvfile.Sheet) -> None:
    taken = read_frame(
        "SELECT serial FROM reads_meter WHERE serial = ANY(%s)",
        [sheet.rows["serial"].unique().to_list()],
        schema={"serial": pl.String},
    )["serial"].to_list()
    known = sheet.rows.filter(pl.col("serial").is_in(taken))
    sheet.reject(known, "code_taken", pl.format("meter {} exists already", "serial"))
    again = sheet.rows.filter(~pl.struct("serial", "register").is_first_distinct())
    sheet.reject(again, "code_taken", pl.format("register {} is in the file twice", "register"))
    first = sheet.rows.group_by("serial").agg(
        apart=(pl.struct("identifier", "start", "timezone").n_unique() > 1)
    )
    apart = sheet.rows.join(first.filter("apart"), on="serial", how="semi")
    words = "the rows of a meter say different places, starts or zones"
    sheet.reject(apart, "invalid_field", words)


def _check_registers(sheet: csvfile.Sheet) -> None:
    """Each kind of register is looked at once."""
    wrong = []
    for row in sheet.rows.select(_SPEC).unique().iter_rows(named=True):
        spec = RegisterSpec(
            code=row["register"], dials=int(row["dials"]), decimals=int(row["decimals"]),
            multiplier=Decimal(row["multiplier"]), unit=row["unit"], direction=row["direction"],
            zone=row["zone"], annual=None if row["annual"] is None else Decimal(row["annual"]),
        )  # fmt: skip
        try:
            spec.check()
        except InvalidRegister as error:
            wrong.append({**row, "problem": error.message})
    schema = {**dict.fromkeys(_SPEC, pl.String), "problem": pl.String}
    problems = pl.DataFrame(wrong, schema=schema)
    bad = sheet.rows.join(problems, on=_SPEC, nulls_equal=True)
    sheet.reject(bad, "invalid_field", pl.col("problem"))
    value = pl.col("value").cast(pl.Decimal(38, 6))
    scaled = value * _power("decimals")
    wide = (value >= _power("dials")) | (scaled != scaled.cast(pl.Int64).cast(pl.Decimal(38, 6)))
    words = "value has more digits than the register"
    sheet.reject(sheet.rows.filter(wide.fill_null(False)), "too_many_digits", words)


def _power(digits: str) -> pl.Expr:
    powers = [10**number for number in range(13)]
    return pl.col(digits).cast(pl.Int64).replace_strict(range(13), powers, return_dtype=pl.Int64)


def _check_whole(sheet: csvfile.Sheet) -> None:
    """A meter is imported with all of its registers, or not at all."""
    if sheet.rejects.is_empty():
        return
    came = csvfile.read_sheet(sheet.path, COLUMNS).rows.with_columns(pl.col("line").cast(pl.Int64))
    lost = came.join(sheet.rejects, on="line", how="semi")["serial"].unique()
    parts = sheet.rows.filter(pl.col("serial").is_in(lost.implode()))
    sheet.reject(parts, "incomplete", "another register of the meter is refused")


def _write(rows: pl.DataFrame) -> int:
    meters = rows.unique("serial", keep="first", maintain_order=True)
    ids = new_ids("reads_meter", meters.height)
    zones = _zones(meters)
    placed = meters.with_columns(
        ids.alias("meter_id"), pl.coalesce("timezone", zones, pl.lit("UTC")).alias("timezone")
    )
    placed = placed.with_columns(at=_instants(placed))
    write_frame("reads_meter", placed.select("serial", "timezone", id="meter_id"))
    write_frame("reads_installation", placed.select("meter_id", "identifier", start_at="at"))
    registers = rows.drop("timezone").join(
        placed.select("serial", "meter_id", "at"), on="serial", maintain_order="left"
    ).with_columns(new_ids("reads_register", rows.height))  # fmt: skip
    made = write_frame(
        "reads_register",
        registers.select(
            "id", "meter_id", "dials", "decimals", "multiplier", "unit", "direction", "band",
            "zone", "profile", "annual", code="register", usage_meter="meter",
        ),
    )  # fmt: skip
    write_frame(
        "reads_read",
        registers.filter(pl.col("value").is_not_null()).select(
            "at", "value", register_id="id", quality=pl.lit("actual"),
            source=pl.lit(ON_THE_SPOT), state=pl.lit("accepted"), reason=pl.lit(""),
            detail=pl.lit(""), reviewed=pl.lit(False), received_at=pl.lit(clock.now()),
        ),
    )  # fmt: skip
    return made


def _zones(meters: pl.DataFrame) -> pl.Series:
    """The zone of the account at each meter's place, if somebody has a contract there."""
    found = read_frame(
        """
        SELECT DISTINCT ON (i.value) i.value, a.timezone
        FROM subscriptions_identifier i
        JOIN subscriptions_subscription s ON s.id = i.subscription_id
        JOIN customers_account a ON a.id = s.account_id
        WHERE i.value = ANY(%s) ORDER BY i.value, i.start_at DESC
        """,
        [meters["identifier"].unique().to_list()],
        schema={"identifier": pl.String, "zone": pl.String},
    )
    return meters.select("identifier").join(
        found, on="identifier", how="left", maintain_order="left"
    )["zone"]  # fmt: skip


def _instants(meters: pl.DataFrame) -> pl.Series:
    """When each meter came: a date is its midnight in the meter's zone."""
    pairs = meters.select("start", "timezone").unique()
    known = []
    for start, zone in pairs.iter_rows():
        told = parse_date_or_instant(start)
        local = told if isinstance(told, datetime) else datetime.combine(
            told, time(0), ZoneInfo(zone)
        )  # fmt: skip
        known.append(local.astimezone(UTC))
    table = pairs.with_columns(at=pl.Series(known, dtype=INSTANT))
    return meters.select("start", "timezone").join(
        table, on=["start", "timezone"], how="left", maintain_order="left"
    )["at"]  # fmt: skip
