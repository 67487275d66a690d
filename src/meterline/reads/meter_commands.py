"""`meterline meter`: devices, where they are, exchanging them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from meterline.customers.commands import JsonOption, show_import, show_rows
from meterline.reads.commands import moment, number
from meterline.subscriptions.commands import local_text

app = typer.Typer(help="Meters: devices and where they are.", no_args_is_help=True)
_console = Console()

SerialArgument = Annotated[str, typer.Argument(help="Serial number.")]
AtOption = Annotated[str | None, typer.Option(help="A local day or an instant; default: now.")]
ReadsOption = Annotated[
    list[str] | None, typer.Option("--read", help="What it shows: 1234 or REGISTER=1234.")
]
_FIELDS = ("serial", "place", "from", "until", "registers")


@app.command("install")
def install_command(
    serial: SerialArgument,
    place: Annotated[str, typer.Argument(help="Place of supply: an identifier of contracts.")],
    *,
    at: AtOption = None,
    read: ReadsOption = None,
    register: Annotated[
        list[str] | None,
        typer.Option(
            help="Such as code=1.8.0,dials=6,decimals=1,meter=energy (repeatable); also multiplier,"
            " unit, direction, band, zone, profile, annual."
        ),
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone; default: the account's.")] = None,
) -> None:
    """Install a meter, new or known, at a place of supply."""
    from meterline.reads import services

    specs = [_spec(text) for text in register or ()]
    new = services.NewMeter(serial=serial, registers=specs, timezone=zone)
    codes = [spec.code for spec in specs] or _known_codes(serial)
    when = moment(at, zone or services.zone_of(place))
    made = services.install(new, place, when, _reads(read, codes))
    told = local_text(made.start_at, made.meter.timezone)
    _console.print(f"Meter {serial} is at {place} from {told}.")


@app.command("exchange")
def exchange_command(
    serial: SerialArgument,
    new: Annotated[str, typer.Argument(help="Serial number of the one that comes.")],
    at: AtOption = None,
    final: Annotated[
        list[str] | None, typer.Option(help="What the old one shows: 1234 or REGISTER=1234.")
    ] = None,
    first: Annotated[
        list[str] | None, typer.Option(help="What the new one shows: 0 or REGISTER=0.")
    ] = None,
    register: Annotated[
        list[str] | None, typer.Option(help="As with install; default: as the old one's.")
    ] = None,
) -> None:
    """Put another meter where one is."""
    from meterline.reads import services

    zone = services.meter_of(serial).timezone
    come = services.NewMeter(serial=new, registers=[_spec(text) for text in register or ()])
    codes = [spec.code for spec in come.registers] or _codes(serial)
    made = services.exchange(
        serial, come, moment(at, zone), final=_reads(final, _codes(serial)),
        first=_reads(first, codes),
    )  # fmt: skip
    _console.print(f"Meter {new} is at {made.identifier} from {local_text(made.start_at, zone)}.")


@app.command("remove")
def remove_command(serial: SerialArgument, at: AtOption = None, read: ReadsOption = None) -> None:
    """Take a meter from where it is. What is not read is estimated."""
    from meterline.reads import services

    zone = services.meter_of(serial).timezone
    ended = services.remove(serial, moment(at, zone), _reads(read, _codes(serial)))
    _console.print(f"Meter {serial} has left {ended.identifier}.")


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV file: a row a register.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="Where refused rows go.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Import meters."""
    from meterline.reads.imports import import_meters

    report = import_meters(file, dry_run=dry_run, rejects=rejects)
    show_import("registers", report, dry_run=dry_run, as_json=as_json)


@app.command("list")
def list_command(
    find: Annotated[str, typer.Option(help="Serial number or place that begins so.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Meters and where they are or were."""
    from django.db.models import Q

    from meterline.reads.models import Installation

    rows = Installation.objects.select_related("meter").order_by("-id")
    if find:
        rows = rows.filter(Q(meter__serial__startswith=find) | Q(identifier__startswith=find))
    show_rows([_row(one) for one in rows[:limit]], _FIELDS, as_json)


def _row(one: Any) -> dict[str, Any]:
    zone = one.meter.timezone
    codes = one.meter.register_set.order_by("code").values_list("code", flat=True)
    return {
        "serial": one.meter.serial, "place": one.identifier, "from": local_text(one.start_at, zone),
        "until": local_text(one.end_at, zone), "registers": ", ".join(codes),
    }  # fmt: skip


def _spec(text: str) -> Any:
    from meterline.reads.services import RegisterSpec

    fields: dict[str, Any] = {}
    kinds: dict[str, Callable[[str], Any]] = {
        "dials": int,
        "decimals": int,
        "multiplier": number,
        "annual": number,
    }
    for pair in text.split(","):
        name, equals, value = pair.strip().partition("=")
        field = "usage_meter" if name == "meter" else name
        if not equals or field not in RegisterSpec.__dataclass_fields__:
            raise typer.BadParameter(f"expected FIELD=VALUE of a register, not {pair}")
        if kinds.get(field) is int and not value.isdigit():
            raise typer.BadParameter(f"expected a whole number of {name}, not {value}")
        fields[field] = kinds.get(field, str)(value)
    return RegisterSpec(**fields)


def _known_codes(serial: str) -> list[str]:
    """The registers of a meter; of one that is not known yet, the one that it gets."""
    from meterline.reads.models import Register
    from meterline.reads.services import RegisterSpec

    rows = Register.objects.filter(meter__serial=serial).values_list("code", flat=True)
    return list(rows) or [RegisterSpec().code]


def _codes(serial: str) -> list[str]:
    from meterline.reads import services

    return [spec.code for spec in services.specs_of(services.meter_of(serial))]


def _reads(texts: list[str] | None, codes: Sequence[str]) -> dict[str, Decimal]:
    """Values by register; a value alone is of the only register."""
    found = {}
    for text in texts or ():
        code, equals, value = text.rpartition("=")
        if not equals and len(codes) != 1:
            raise typer.BadParameter(f"expected REGISTER=VALUE, not {text}: {', '.join(codes)}")
        found[code if equals else codes[0]] = number(value)
    return found
