"""`meterline reads`: loading reads, estimates, review."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from meterline.customers.commands import JsonOption, show_rows
from meterline.platform.instants import parse_date_or_instant
from meterline.subscriptions.commands import local_text

app = typer.Typer(help="Meter reads: loading, estimates, review.", no_args_is_help=True)
_console = Console()

NoteOption = Annotated[str, typer.Option("--note", help="Why; kept in the audit log.")]
ReadsArgument = Annotated[list[int], typer.Argument(help="Numbers of reads.")]
_FIELDS = ("number", "meter", "register", "at", "value", "quality", "state", "reason")


@app.command("load")
def load_command(
    files: Annotated[list[Path], typer.Argument(help="CSV files of reads.")],
    source: Annotated[str, typer.Option(help="Where they come from.")] = "files",
    as_json: JsonOption = False,
) -> None:
    """Load reads: decode, find the register, check; usage follows. A file that is loaded already
    changes nothing. `meterline usage load` does the same."""
    from meterline.reads import services

    told = []
    for path in files:
        batch = services.load_file(path, source=source)
        held = services.held_of(batch)
        told.append(
            {"id": batch.pk, "file": batch.file_name, "records": batch.records,
             "kept": batch.rated, "held": held, "rejected": batch.rejected,
             "duplicates": batch.duplicates}
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    for row in told:
        _console.print(
            f"{row['file']}: batch {row['id']}: {row['records']:,} reads, {row['kept']:,} kept"
            f" ({row['held']:,} held for review), {row['rejected']:,} rejected,"
            f" {row['duplicates']:,} duplicates",
            markup=False, soft_wrap=True,
        )  # fmt: skip


@app.command("add")
def add_command(
    serial: Annotated[str, typer.Argument(help="Serial number of the meter.")],
    value: Annotated[str, typer.Argument(help="What it shows.")],
    at: Annotated[str | None, typer.Option(help="A local day or an instant; default: now.")] = None,
    register: Annotated[str | None, typer.Option(help="Its code, if there are several.")] = None,
    quality: Annotated[
        str, typer.Option(help="actual, customer, substituted, estimated or final.")
    ] = "actual",
) -> None:
    """Keep one read."""
    from meterline.reads import services

    zone = services.meter_of(serial).timezone
    made = services.add(serial, number(value), moment(at, zone), register=register, quality=quality)
    if made is None:
        _console.print("That was said before.")
    elif made.state == "held":
        _console.print(f"Read {made.pk} is held for review: {made.reason}.")
    else:
        _console.print(f"Read {made.pk} counts.")


@app.command("list")
def list_command(
    state: Annotated[str | None, typer.Option(help="accepted, held, replaced, dismissed.")] = None,
    meter: Annotated[str | None, typer.Option(help="Serial number.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Reads; with `--state held` those that wait for somebody."""
    from meterline.reads.models import Read

    rows = Read.objects.select_related("register__meter").order_by("-id")
    if state is not None:
        rows = rows.filter(state=state)
    if meter is not None:
        rows = rows.filter(register__meter__serial=meter)
    show_rows([_row(one) for one in rows[:limit]], _FIELDS, as_json)


@app.command("show")
def show_command(
    serial: Annotated[str, typer.Argument(help="Serial number of the meter.")],
    as_json: JsonOption = False,
) -> None:
    """What was billed of a meter: consumption from point to point, read, shared or estimated."""
    from meterline.reads import services
    from meterline.reads.models import Piece

    meter = services.meter_of(serial)
    rows = [
        {
            "register": one.code, "from": local_text(one.start_at, meter.timezone),
            "until": local_text(one.end_at, meter.timezone), "meter": one.usage_meter,
            "quantity": f"{one.quantity.normalize():f}", "quality": one.quality,
        }
        for one in Piece.objects.filter(register__meter=meter, gone_at=None).order_by(
            "code", "start_at"
        )
    ]  # fmt: skip
    fields = ("register", "from", "until", "meter", "quantity", "quality")
    show_rows(rows, fields, as_json)


@app.command("estimate")
def estimate_command(
    at: Annotated[str, typer.Argument(help="The end of the period: a local day or an instant.")],
    zone: Annotated[str, typer.Option(help="Time zone of a day.")] = "UTC",
    place: Annotated[list[str] | None, typer.Option(help="Only this place of supply.")] = None,
    meter: Annotated[str | None, typer.Option(help="Only of this meter of the catalogue.")] = None,
) -> None:
    """Estimate what nobody has read by then. Reads that come later take its place."""
    from meterline.reads import services

    made = services.estimate(moment(at, zone), identifiers=place, usage_meter=meter)
    _console.print(f"{made.registers:,} registers were not read; {_told(made.followed)}")


@app.command("accept")
def accept_command(reads: ReadsArgument, note: NoteOption = "") -> None:
    """Reads that were held are right."""
    from meterline.reads import services

    services.accept(reads, note=note)
    _console.print(f"{len(reads):,} reads count.")


@app.command("replace")
def replace_command(
    read: Annotated[int, typer.Argument(help="Number of the read.")],
    value: Annotated[str, typer.Argument(help="What counts instead.")],
    quality: Annotated[str, typer.Option(help="Of the new value.")] = "substituted",
    note: NoteOption = "",
) -> None:
    """Another value counts in the place of a read."""
    from meterline.reads import services

    made = services.replace(read, number(value), quality=quality, note=note)
    _console.print(f"Read {made.pk} counts in the place of {read}.")


@app.command("dismiss")
def dismiss_command(reads: ReadsArgument, note: NoteOption = "") -> None:
    """Reads that never count; they stay on record."""
    from meterline.reads import services

    services.dismiss(reads, note=note)
    _console.print(f"{len(reads):,} reads are dismissed.")


@app.command("refresh")
def refresh_command(
    places: Annotated[list[str] | None, typer.Argument(help="Of supply; default: all.")] = None,
) -> None:
    """Bring usage up to reads and contracts at once; after changes it follows within a minute."""
    from meterline.reads import services

    _console.print(_told(services.refresh(places)).capitalize())


@app.command("rule")
def rule_command(
    meter: Annotated[str, typer.Argument(help='Meter of the catalogue, or "" for all others.')],
    *,
    spike_percent: Annotated[int | None, typer.Option(help="Of what is expected.")] = None,
    spike_least: Annotated[str | None, typer.Option(help="Less is no spike.")] = None,
    stuck_reads: Annotated[int | None, typer.Option(help="In a row that show the same.")] = None,
    zero_days: Annotated[int | None, typer.Option(help="Without consumption.")] = None,
    estimate_by: Annotated[str | None, typer.Option(help="average or last_year.")] = None,
    split: Annotated[str | None, typer.Option(help="month, day or none.")] = None,
) -> None:
    """How reads of a meter are checked, estimated and split."""
    from meterline.reads import services

    least = None if spike_least is None else number(spike_least)
    given = {"spike_percent": spike_percent, "spike_least": least, "stuck_reads": stuck_reads,
             "zero_days": zero_days, "estimate_by": estimate_by, "split": split}  # fmt: skip
    changes = {name: value for name, value in given.items() if value is not None}
    rule = services.set_rule(meter, **changes).rule
    names = ("spike_percent", "spike_least", "stuck_reads", "zero_days", "estimate_by", "split")
    show_rows([{name: getattr(rule, name) for name in names}], names, as_json=False)


@app.command("factor")
def factor_command(
    zone: Annotated[str, typer.Argument(help="Gas zone of registers.")],
    since: Annotated[str, typer.Argument(help="A local day or an instant.")],
    calorific_value: Annotated[str, typer.Option(help="MJ a cubic metre.")],
    correction_factor: Annotated[str, typer.Option(help="For pressure, temperature.")] = "1",
    decimals: Annotated[int, typer.Option(help="To which kWh are rounded.")] = 0,
    timezone: Annotated[str, typer.Option(help="Time zone of a day.")] = "UTC",
) -> None:
    """The energy of a zone's gas from a day on."""
    from meterline.reads import services

    made = services.set_factor(
        zone, moment(since, timezone), calorific_value=number(calorific_value),
        correction_factor=number(correction_factor), decimals=decimals,
    )  # fmt: skip
    _console.print(_told(made).capitalize())


@app.command("profile")
def profile_command(
    code: Annotated[str, typer.Argument(help="Profile of registers.")],
    weights: Annotated[list[str], typer.Argument(help="Twelve weights, January first.")],
) -> None:
    """How the consumption of a year is spread over its months."""
    from meterline.reads import services

    made = services.set_profile(code, [number(text) for text in weights])
    _console.print(_told(made).capitalize())


@app.command("virtual")
def virtual_command(
    code: Annotated[str, typer.Argument(help="Its code.")],
    place: Annotated[str, typer.Argument(help="Place of supply that it belongs to.")],
    parts: Annotated[
        list[str], typer.Argument(help="Such as +PLACE/1.8.0 and, after `--`, -PLACE/2.8.0.")
    ],
    *,
    meter: Annotated[str, typer.Option(help="Meter of the catalogue.")],
    surplus: Annotated[str, typer.Option(help="Meter of what is below zero.")] = "",
) -> None:
    """A register made of others: their sum, each with its sign."""
    from meterline.reads import services

    made = services.set_virtual(
        code, place, [_part(text) for text in parts], usage_meter=meter, surplus_meter=surplus
    )
    _console.print(_told(made).capitalize())


def moment(text: str | None, zone: str) -> datetime:
    """An instant of the command line; a day is its midnight in a zone, none is now."""
    from meterline.platform import clock

    if text is None:
        return clock.now()
    parsed = parse_date_or_instant(text)
    if isinstance(parsed, datetime):
        return parsed.astimezone(UTC)
    return datetime.combine(parsed, time(0), ZoneInfo(zone)).astimezone(UTC)


def number(text: str) -> Decimal:
    """A decimal number of the command line."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise typer.BadParameter(f"expected a number, not {text}") from error
    if not value.is_finite():
        raise typer.BadParameter(f"expected a number, not {text}")
    return value


def _part(text: str) -> tuple[int, str, str]:
    signs = {"+": 1, "-": -1}
    place, slash, register = text[1:].rpartition("/")
    if text[:1] not in signs or not slash or not place or not register:
        raise typer.BadParameter(f"expected +PLACE/REGISTER or -PLACE/REGISTER, not {text}")
    return signs[text[0]], place, register


def _told(followed: Any) -> str:
    told = f"{followed.made:,} pieces of usage are new, {followed.gone:,} are taken back"
    if followed.without_estimate:
        told += (
            f"; {followed.without_estimate:,} could not be estimated: nothing tells what is used"
        )
    if followed.without_factor:
        told += f"; {followed.without_factor:,} wait for the factors of their gas"
    return told


def _row(one: Any) -> dict[str, Any]:
    meter = one.register.meter
    return {
        "number": one.pk, "meter": meter.serial, "register": one.register.code,
        "at": local_text(one.at, meter.timezone), "value": f"{one.value.normalize():f}",
        "quality": one.quality, "state": one.state, "reason": one.reason,
    }  # fmt: skip
