"""A small operator for simulations: plain, tiered, rate card, demand and recurring prices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from django.db import connection, transaction

from meterline.billing import services as billing
from meterline.catalog import files as catalogues
from meterline.catalog import services as catalog
from meterline.customers import services as customers
from meterline.platform import clock
from meterline.subscriptions import services as subscriptions
from meterline.usage import services as usage

CATALOGUE = """
currency: EUR
timezone: Europe/Rome
meters:
  voice: {aggregation: sum, value: duration, unit: second}
  data: {aggregation: sum, value: mb, unit: MB}
  energy: {aggregation: sum, value: kwh, unit: kWh}
calendars:
  hours:
    timezone: Europe/Rome
    bands: [{band: peak, from: "08:00", to: "18:00"}, {band: off_peak}]
rate_cards:
  world:
    key: {field: to, match: prefix}
    calendar: hours
    rows:
      - {key: ["39"], band: peak, connection_fee: "0.05",
         steps: [{from: 0, price: "0.10", per: 60, increment: 60}]}
      - {key: ["39"], band: off_peak, steps: [{from: 0, price: "0.06", per: 60, increment: 1}]}
      - {key: ["44"], steps: [{from: 0, price: "0.25", per: 60, increment: 30}]}
taxes: [{code: vat, rates: [{region: IT, percent: 22}, {region: DE, percent: 19}]}]
discounts: [{code: ten, percent: 10}]
plans:
  mobile:
    phases: [{for: 14 days, prices: {base: {amount: "5.00"}}}]
    allowances:
      - {code: minutes, meter: voice, amount: 1800, prices: [calls]}
      - {code: starter, meter: data, amount: 30, rollover: 1}
    prices:
      base: {kind: recurring, model: flat, amount: "9.90", tax: vat}
      sim: {kind: one_time, model: flat, amount: "4.00", tax: vat}
      calls: {kind: usage, meter: voice, model: rate_card, card: world, tax: vat}
      data: {kind: usage, meter: data, model: graduated, tax: vat,
             tiers: [{up_to: 50, unit_amount: "0.011"}, {unit_amount: "0.007", flat_amount: "0.5"}]}
  power:
    minimum: {amount: "60.00"}
    prices:
      standing: {kind: recurring, interval: day, timing: arrears, model: flat, tax: vat,
                 amount: "0.32"}
      energy: {kind: usage, meter: energy, model: time_of_use, calendar: hours, tax: vat,
               rates: {peak: {unit_amount: "0.31"}, off_peak: {unit_amount: "0.16"}}}
      demand: {kind: usage, meter: energy, model: demand, unit_amount: "2.5", tax: vat,
               window: 15 min}
  other:
    prices:
      seats: {kind: recurring, model: per_unit, unit_amount: "3.00", tax: vat}
"""
RAISED = (
    ("amount: 1800", "amount: 1260"),  # an allowance
    ('amount: "9.90"', 'amount: "11.50"'),  # recurring
    ('amount: "5.00"', 'amount: "6.00"'),  # its first phase
    ('connection_fee: "0.05"', 'connection_fee: "0.03"'),  # the card
    ('price: "0.25", per: 60', 'price: "0.19", per: 60'),
    ('unit_amount: "0.007"', 'unit_amount: "0.009"'),  # a tier
    ('{peak: {unit_amount: "0.31"}', '{peak: {unit_amount: "0.35"}'),
    ('unit_amount: "2.5"', 'unit_amount: "2.1"'),
    ('minimum: {amount: "60.00"}', 'minimum: {amount: "75.00"}'),
    ("{region: DE, percent: 19}", "{region: DE, percent: 16}"),
    ("percent: 10}", "percent: 15}"),
)
JUNE, JULY = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
TODAY = datetime(2026, 7, 15, 9, tzinfo=UTC)


def changed(*changes: tuple[str, str]) -> str:
    """The catalogue with some texts replaced, each of which must be there."""
    text = CATALOGUE
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return text


def written(folder: Path, text: str, name: str = "catalogue.yaml") -> catalogues.CatalogFile:
    """A checked catalogue file."""
    (folder / name).write_text(text)
    return catalogues.parse(folder / name)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is done inside is undone."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    clock.move_to(None)


def local(day: int, hour: int = 0, month: int = 6) -> datetime:
    """An instant of Rome's summer clock."""
    return datetime(2026, month, day, hour, tzinfo=UTC).astimezone(UTC) - _TWO_HOURS


_TWO_HOURS = JULY - datetime(2026, 6, 30, 22, tzinfo=UTC)


def set_up(folder: Path, text: str, *, ended: bool) -> None:
    """Accounts it, de, no (without tax) with subscriptions through June, and what they used.

    `ended`: all subscriptions end with June, so that nothing of July is billed.
    """
    clock.move_to(local(1))
    catalog.apply(written(folder, text))
    for code, region in (("it", "IT"), ("de", "DE"), ("no", None)):
        customers.create_account(
            code=code, currency="EUR", timezone="Europe/Rome", region=region, billing_day=1
        )
    ids = {code: customers.account_by_code(code).pk for code in ("it", "de", "no")}
    subscribe("m-it", ids["it"], "mobile", discounts=["ten"])
    subscribe("m-de", ids["de"], "mobile", day=9)
    subscribe("m-no", ids["no"], "mobile", overrides={"base": {"amount": "7.00"}})
    subscribe("p-it", ids["it"], "power")
    subscribe("p-de", ids["de"], "power", day=11)
    subscribe("o-no", ids["no"], "other", quantity=3)
    use()
    if ended:
        for code in ("m-it", "m-de", "m-no", "p-it", "p-de", "o-no"):
            clock.move_to(local(1, month=7))
            subscriptions.cancel(code, at=local(1, month=7))
    clock.move_to(TODAY)


def subscribe(code: str, account: int, plan: str, day: int = 1, **options: Any) -> None:
    """A subscription from a day of June."""
    subscriptions.subscribe(account_id=account, plan=plan, at=local(day), code=code, **options)


def use() -> None:
    """Calls, data and meter readings of June, in two batches."""
    clock.move_to(local(30, 23))
    rows: list[dict[str, str | None]] = []
    for number, code in enumerate(("m-it", "m-de", "m-no")):
        for day in range(12, 28, 1 + number):
            to = "44123" if day % 3 == 0 else "39123"
            rows.append(_row(code, "voice", day, 6 + day % 15, to=to, duration=str(37 * day)))
            rows.append(_row(code, "data", day, 4, mb=str(day + number)))
    for number, code in enumerate(("p-it", "p-de")):
        for day in range(11, 29):
            for hour in (3, 12):
                kwh = str(day * (number + 1) + hour)
                rows.append(_row(code, "energy", day, hour, kwh=kwh, duration="900"))
    half = len(rows) // 2
    for part in (rows[:half], rows[half:]):
        batch = usage.load_records(pl.DataFrame(part, infer_schema_length=None), source="test")
        assert batch.rated == len(part)


def _row(code: str, meter: str, day: int, hour: int, **more: str) -> dict[str, str | None]:
    return {
        "id": f"{code}-{meter}-{day}-{hour}", "subscription": code, "meter": meter,
        "start": local(day, hour).isoformat(),
        **dict.fromkeys(("to", "duration", "mb", "kwh")), **more,
    }  # fmt: skip


def billed() -> dict[str, tuple[Any, ...]]:
    """net, tax and total of what a real run bills to each account until the end of June."""
    billing.run(date(2026, 7, 1), workers=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.code, i.net, i.tax, i.total FROM invoices_invoice i"
            " JOIN customers_account a ON a.id = i.account_id"
        )
        return {row[0]: row[1:] for row in cursor.fetchall()}
