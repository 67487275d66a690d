"""Meters: installing, exchanging and removing them, with what they showed then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from django.db import transaction

from meterline.customers import validate
from meterline.customers.models import Account
from meterline.platform import audit, clock
from meterline.reads.errors import (
    InvalidRead,
    InvalidRegister,
    MeterInstalled,
    MeterKnown,
    MeterNotInstalled,
    UnknownMeter,
    UnknownRegister,
)
from meterline.reads.follow import follow
from meterline.reads.load import decided, write
from meterline.reads.models import Cut, Installation, Meter, Register
from meterline.subscriptions.models import Identifier
from meterline.usage import units
from meterline.usage.load import lock_loading

ON_THE_SPOT = "installation"  # the source of reads that come with a meter's coming and going


@dataclass(frozen=True, kw_only=True)
class RegisterSpec:
    """A register of a meter that becomes known (models.Register)."""

    code: str = "1"
    dials: int = 6
    decimals: int = 0
    multiplier: Decimal = Decimal(1)
    unit: str = "kWh"
    direction: str = "import"
    band: str = ""
    usage_meter: str = ""
    zone: str = ""
    profile: str = ""
    annual: Decimal | None = None

    def check(self) -> None:
        """Raises InvalidRegister."""
        energy = units.ratio(self.unit, "m3") is not None
        wrong = {
            ("dials", self.dials, "1 to 12"): not 1 <= self.dials <= 12,
            ("decimals", self.decimals, "0 to 6, and 12 digits in all"): not 0 <= self.decimals <= 6
            or self.dials + self.decimals > 12,
            ("multiplier", self.multiplier, "a number above 0 of at most 6 decimals"): not 0
            < self.multiplier
            < 10**6
            or self.multiplier != round(self.multiplier, 6),
            ("direction", self.direction, "import or export"): self.direction
            not in ("import", "export"),
            ("unit", self.unit, "a unit of volume, since it has a gas zone"): bool(self.zone)
            and not energy,
            ("unit", self.unit, ", ".join(units.names())): self.unit not in units.names(),
            ("annual", self.annual, "at least 0"): (self.annual or 0) < 0,
        }
        for (name, value, expected), is_wrong in wrong.items():
            if is_wrong:
                raise InvalidRegister(field=name, code=self.code, value=value, expected=expected)


@dataclass(frozen=True, kw_only=True)
class NewMeter:
    """A meter that becomes known. Stamps of its reads without an offset are in its `timezone`; of
    the account at its place, if it says none."""

    serial: str
    registers: Sequence[RegisterSpec] = field(default_factory=tuple)
    timezone: str | None = None


@transaction.atomic
def install(
    new: NewMeter, identifier: str, at: datetime, reads: Mapping[str, Decimal] | None = None
) -> Installation:
    """Install a meter, new or known, at a place of supply. `reads`: what its registers show.

    Raises MeterInstalled, MeterKnown, InvalidRegister, InvalidRead.
    """
    lock_loading()
    made = _installed(new, validate.word(identifier), at)
    _read(made.meter, at, reads or {}, "actual")
    follow([identifier])
    return made


@transaction.atomic
def remove(serial: str, at: datetime, reads: Mapping[str, Decimal] | None = None) -> Installation:
    """Take a meter from where it is. Registers whose last value is not in `reads` are estimated.

    Raises UnknownMeter, MeterNotInstalled, UnknownRegister, InvalidRead.
    """
    lock_loading()
    ended = _removed(serial, at, reads or {})
    follow([ended.identifier])
    return ended


@transaction.atomic
def exchange(
    serial: str,
    new: NewMeter,
    at: datetime,
    *,
    final: Mapping[str, Decimal] | None = None,
    first: Mapping[str, Decimal] | None = None,
) -> Installation:
    """Put another meter where one is. Registers of the new one are as those of the old one, unless
    it says others. Raises what `install` and `remove` do."""
    lock_loading()
    ended = _removed(serial, at, final or {})
    known = Meter.objects.filter(serial=new.serial).exists()
    specs = new.registers or (() if known else specs_of(ended.meter))
    zone = new.timezone or ended.meter.timezone
    made = _installed(
        NewMeter(serial=new.serial, registers=specs, timezone=zone), ended.identifier, at
    )
    _read(made.meter, at, first or {}, "actual")
    follow([ended.identifier])
    return made


def meter_of(serial: str) -> Meter:
    """A meter by its serial number. Raises UnknownMeter."""
    found = Meter.objects.filter(serial=serial).first()
    if found is None:
        raise UnknownMeter(serial=serial)
    return found


def specs_of(meter: Meter) -> tuple[RegisterSpec, ...]:
    """What the registers of a meter are."""
    names = tuple(RegisterSpec.__dataclass_fields__)
    rows = Register.objects.filter(meter=meter).order_by("code").values(*names)
    return tuple(RegisterSpec(**row) for row in rows)


def _installed(new: NewMeter, identifier: str, at: datetime) -> Installation:
    meter = Meter.objects.filter(serial=new.serial).first()
    if meter is None:
        meter = _known(new, identifier)
    elif new.registers:
        codes = Register.objects.filter(meter=meter).order_by("code").values_list("code", flat=True)
        raise MeterKnown(serial=new.serial, known=", ".join(codes))
    here = Installation.objects.filter(meter=meter).order_by("-start_at").first()
    if here is not None and (here.end_at is None or here.end_at > at):
        raise MeterInstalled(
            serial=meter.serial, identifier=here.identifier, since=f"{here.start_at:%Y-%m-%d}"
        )
    made = Installation.objects.create(meter=meter, identifier=identifier, start_at=at)
    audit.record("meter.install", f"meter:{meter.serial}",
                 after={"identifier": identifier, "at": at.isoformat()})  # fmt: skip
    return made


def _known(new: NewMeter, identifier: str) -> Meter:
    validate.code(new.serial, "serial")
    for spec in new.registers or (RegisterSpec(),):
        spec.check()
    codes = [spec.code for spec in new.registers]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise InvalidRegister(field="code", code=twice[0], value="twice", expected="one of a code")
    zone = new.timezone or zone_of(identifier)
    meter = Meter.objects.create(serial=new.serial, timezone=zone)
    for spec in new.registers or (RegisterSpec(),):
        Register.objects.create(meter=meter, **vars(spec))
    return meter


def zone_of(identifier: str) -> str:
    """The zone of the account at a place of supply; UTC where nobody has a contract."""
    held = Identifier.objects.filter(value=identifier).order_by("-start_at")
    account = Account.objects.filter(subscription__identifier__in=held[:1]).first()
    return account.timezone if account else "UTC"


def zone_of_gas(zone: str) -> str:
    """The time zone of the meters in a gas zone; UTC where there is none yet."""
    found = Register.objects.filter(zone=zone).order_by("-pk").values_list("meter__timezone")
    return next((timezone for (timezone,) in found[:1]), "UTC")


def _removed(serial: str, at: datetime, reads: Mapping[str, Decimal]) -> Installation:
    meter = meter_of(serial)
    here = Installation.objects.filter(meter=meter, end_at=None, start_at__lt=at).first()
    if here is None:
        raise MeterNotInstalled(serial=serial, at=f"{at:%Y-%m-%d %H:%M}")
    _read(meter, at, reads, "final")
    here.end_at = at
    here.save(update_fields=["end_at"])
    unread = Register.objects.filter(meter=meter).exclude(code__in=reads)
    Cut.objects.bulk_create(
        [Cut(register=one, at=at, asked_at=clock.now()) for one in unread], ignore_conflicts=True
    )
    audit.record("meter.remove", f"meter:{serial}",
                 after={"identifier": here.identifier, "at": at.isoformat()})  # fmt: skip
    return here


def _read(meter: Meter, at: datetime, reads: Mapping[str, Decimal], quality: str) -> None:
    """Keep what registers showed. Raises UnknownRegister, InvalidRead."""
    codes = list(Register.objects.filter(meter=meter).values_list("code", flat=True))
    for code in reads:
        if code not in codes:
            known = ", ".join(sorted(codes))
            raise UnknownRegister(serial=meter.serial, code=code, known=known)
    rows = [
        {"serial": meter.serial, "register": code, "value": f"{value:f}", "quality": quality,
         "at": at.astimezone(ZoneInfo("UTC")).isoformat()}
        for code, value in reads.items()
    ]  # fmt: skip
    if rows:
        take(rows, source=ON_THE_SPOT)


def take(rows: Sequence[Mapping[str, str]], *, source: str) -> pl.DataFrame:
    """Keep single reads (normalise.COLUMNS) that somebody tells by hand; validate.JUDGED, with
    `reason` where one is held. Raises InvalidRead for one that a file's would be rejected for."""
    names = sorted({name for row in rows for name in row})
    schema: dict[str, Any] = dict.fromkeys(names, pl.String)
    frame = pl.DataFrame(list(rows), schema=schema, orient="row").with_row_index("line", offset=1)
    kept = decided(frame, source=source)
    if kept.rejects.height:
        told = kept.rejects.row(0, named=True)
        raise InvalidRead(why=f"{told['reason']}: {told['detail']}")
    write(kept.reads, None)
    return kept.reads
