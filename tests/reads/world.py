"""A small supplier: a home with a contract and a meter, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from meterline.billing import services as billing
from meterline.catalog import services as catalog
from meterline.catalog.files import parse_data
from meterline.catalog.yaml import load_all
from meterline.customers import services as customers
from meterline.invoices.models import Invoice
from meterline.platform import clock
from meterline.reads import services
from meterline.reads.models import Piece, Read
from meterline.subscriptions import services as subscriptions

CATALOGUE = """
currency: EUR
timezone: Europe/Rome
meters:
  energy: {aggregation: sum, value: kwh, unit: kWh}
  fed_in: {aggregation: sum, value: kwh, unit: kWh}
  gas: {aggregation: sum, value: kwh, unit: kWh}
plans:
  home:
    effective: 2020-01-01
    prices:
      energy: {kind: usage, meter: energy, model: per_unit, unit_amount: "0.20"}
      fed_in: {kind: usage, meter: fed_in, model: per_unit, unit_amount: "-0.05"}
      gas: {kind: usage, meter: gas, model: per_unit, unit_amount: "0.10"}
"""
REGISTER = services.RegisterSpec(code="1", dials=5, usage_meter="energy")


def day(text: str) -> datetime:
    """A local midnight in Rome in winter, or an instant."""
    local = datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00+01:00")
    return local.astimezone(UTC)


def move(to: str) -> None:
    """Move the clock to a day."""
    clock.move_to(day(to))


def set_up(*registers: services.RegisterSpec) -> None:
    """The catalogue; account and subscription `ann` from 2026 on, with a meter S1 at `place`."""
    clock.move_to(datetime(2026, 1, 1, 12, tzinfo=UTC))
    document = load_all(CATALOGUE, "test.yaml")[0]
    catalog.apply(parse_data(document.data, lines=document.lines, file="test.yaml", at=()))
    account = customers.create_account(code="ann", currency="EUR", timezone="Europe/Rome")
    subscriptions.subscribe(account_id=account.pk, plan="home", code="ann", at=day("2026-01-01"),
                            identifiers={"service_point": "place"})  # fmt: skip
    meter = services.NewMeter(serial="S1", registers=registers or (REGISTER,))
    services.install(meter, "place", day("2026-01-01"),
                     {one.code: Decimal(1_000) for one in registers or (REGISTER,)})  # fmt: skip


def read(when: str, value: int | str, **more: Any) -> Read | None:
    """Tell a read of S1 as of a day, on that day or later."""
    serial = more.pop("serial", "S1")
    moment = day(when)
    if moment > clock.now():
        clock.move_to(moment)
    return services.add(serial, Decimal(value), moment, **more)


def bill(until: str) -> list[tuple[str, Decimal, Decimal]]:
    """Bill; the price, quantity and amount of each line made."""
    clock.move_to(datetime.fromisoformat(f"{until}T12:00:00+00:00"))
    before = Invoice.objects.count()
    billing.run(date.fromisoformat(until), workers=1)
    rows = Invoice.objects.order_by("id")[before:]
    return [
        (line.price_code, line.quantity, line.amount)
        for one in rows
        for line in one.lines.order_by("position")
    ]


def pieces(**wanted: Any) -> list[tuple[str, Decimal, str]]:
    """The meter, quantity and quality of each piece that stands, by start."""
    rows = Piece.objects.filter(gone_at=None, **wanted).order_by("start_at", "usage_meter")
    return [(one.usage_meter, one.quantity.normalize(), one.quality) for one in rows]


def write_csv(folder: Path, rows: Sequence[str], name: str = "reads.csv",
              header: str = "serial,at,value") -> Path:  # fmt: skip
    """A file of reads."""
    file = folder / name
    file.write_text("\n".join([header, *rows]) + "\n")
    return file
