"""A small company that lives through a year by the product's own services, up to now.

Two sellers, a thousand accounts or so, twelve bill runs with usage, payments, credit notes,
refunds, paused and ended contracts, rejects and notes: whatever pages show. `bulk.py` copies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

ZONE = ZoneInfo("Europe/Rome")
RUNS = 12
CATALOGUE = """
currency: EUR
timezone: Europe/Rome
meters:
  api_calls: {aggregation: sum, value: calls}
taxes:
  - {code: vat, rates: [{region: IT, percent: 22}]}
discounts:
  - {code: launch, percent: 10, applies_to: [base]}
plans:
  basic:
    name: Basic
    prices:
      base:
        {kind: recurring, interval: month, timing: arrears, model: flat, amount: "9.90", tax: vat}
  plus:
    name: Plus
    prices:
      base:
        {kind: recurring, interval: month, timing: arrears, model: flat, amount: "19.90", tax: vat}
  metered:
    name: Metered
    prices:
      base:
        {kind: recurring, interval: month, timing: arrears, model: flat, amount: "4.90", tax: vat}
      calls:
        kind: usage
        meter: api_calls
        model: graduated
        tax: vat
        tiers: [{up_to: 1000, unit_amount: 0}, {unit_amount: "0.002"}]
"""
PAYMENTS: dict[str, Any] = {
    "account_code": pl.String, "amount": pl.Decimal(38, 10), "currency": pl.String,
    "at": pl.Datetime("us", "UTC"), "reference": pl.String, "invoice": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Life:
    """Whom it is about, and where its files are."""

    accounts: int
    folder: Path
    chance: np.random.Generator


def live(accounts: int, folder: Path) -> None:
    """Make the company. Afterwards the clock runs again."""
    from meterline.billing import services as billing
    from meterline.platform import clock

    life = Life(accounts, folder, np.random.default_rng(4))
    firsts = _firsts(clock.now().date())
    try:
        clock.move_to(_at(firsts[0], hour=1))
        _begin(life, firsts[0])
        for month, after in pairwise(firsts):
            clock.move_to(_at(after, hour=2))
            _load(life, month)
            made = billing.run(after)
            assert made.run_id is not None
            clock.move_to(_at(after, hour=3) + timedelta(days=19))
            _pay(life, made.run_id, last=after == firsts[-1])
        _happen(life)
    finally:
        clock.move_to(None)
    _load(life, firsts[-1], days=(clock.now().date() - firsts[-1]).days)


def _firsts(today: date) -> list[date]:
    """The first days of the months: those of twelve bill runs, and of the month before them."""
    last = today.replace(day=1)
    count = [last.year * 12 + last.month - 1 - back for back in range(RUNS, -1, -1)]
    return [date(number // 12, number % 12 + 1, 1) for number in count]


def _at(day: date, *, hour: int) -> datetime:
    return datetime.combine(day, time(hour), ZONE)


def _begin(life: Life, since: date) -> None:
    """The catalogue, sellers, customers with an account each, their contracts."""
    from meterline.catalog import files as catalogues
    from meterline.catalog import services as catalog
    from meterline.customers import services as customers
    from meterline.demo.people import companies, people
    from meterline.subscriptions import services as subscriptions

    (life.folder / "catalogue.yaml").write_text(CATALOGUE)
    catalog.apply(catalogues.parse(life.folder / "catalogue.yaml"), effective=date(2000, 1, 1))
    for code, prefix in (("north", "N"), ("south", "S")):
        customers.create_seller(code=code, name=f"{code.title()} S.p.A.", invoice_prefix=prefix)
    firms = life.accounts // 5
    who = pl.concat(
        [people(life.chance, "IT", life.accounts - firms), companies(life.chance, "IT", firms)]
    ).sample(fraction=1.0, shuffle=True, seed=4)
    number = pl.int_range(1, life.accounts + 1, dtype=pl.Int64)
    code = pl.format("A{}", number.cast(pl.String).str.zfill(8))
    base = who.with_columns(code=code, number=number)
    plan = pl.col("number") % 10
    files = {
        "customers": base.select("code", "name", "kind", "email", "address", country=pl.lit("IT")),
        "accounts": base.select(
            "code", customer="code", currency=pl.lit("EUR"), timezone=pl.lit("Europe/Rome"),
            region=pl.lit("IT"), billing_day=pl.lit("1"),
            seller=pl.when(pl.col("number") % 3 == 0).then(pl.lit("south")).otherwise(
                pl.lit("north")),
        ),
        "subscriptions": base.select(
            "code", account="code", start=pl.lit(str(since)),
            plan=pl.when(plan < 5).then(pl.lit("metered")).when(plan < 8).then(pl.lit("basic"))
            .otherwise(pl.lit("plus")),
            discounts=pl.when(plan == 3).then(pl.lit("launch")),
        ),
        "identifiers": base.select(
            subscription="code", kind=pl.lit("msisdn"), value=_number(pl.col("number"))
        ),
    }  # fmt: skip
    for kind, frame in files.items():
        frame.write_csv(life.folder / f"{kind}.csv")
        room = customers if kind in ("customers", "accounts") else subscriptions
        assert room.import_file(kind, life.folder / f"{kind}.csv").rejected == 0


def _number(of: pl.Expr) -> pl.Expr:
    return pl.format("3932{}", of.cast(pl.String).str.zfill(8))


def _load(life: Life, month: date, days: int = 28) -> None:
    """A record a metered contract, and some that are no good."""
    from meterline.usage import services as usage

    metered = pl.select(number=pl.int_range(1, life.accounts + 1, dtype=pl.Int64)).filter(
        pl.col("number") % 10 < 5
    )
    count = metered.height
    rows = metered.select(
        id=pl.format("u-{}-{}", pl.lit(f"{month:%Y%m}"), "number"),
        meter=pl.lit("api_calls"), identifier=_number(pl.col("number")),
        start=pl.lit(_at(month, hour=9)) + pl.duration(
            days=pl.Series(life.chance.integers(0, max(days, 1), count))),
        calls=pl.Series(life.chance.integers(100, 9000, count)).cast(pl.String),
    )  # fmt: skip
    utc = pl.col("start").dt.convert_time_zone("UTC")
    rows = rows.with_columns(utc.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    wrong = rows.head(2).with_columns(
        id=pl.format("{}-x", "id"),
        identifier=pl.Series(["9990000029", rows["identifier"][1]]),
        calls=pl.Series(["10", "n/a"]),
    )
    path = life.folder / f"usage-{month:%Y-%m}.csv"
    pl.concat([rows, wrong]).write_csv(path)
    assert usage.load_file(path).rejected >= wrong.height  # ended contracts have none either


def _pay(life: Life, run: int, *, last: bool) -> None:
    """Most pay what is due; of the last run some have not yet."""
    from meterline.demo.sql import RUN_INVOICES, rows
    from meterline.payments import services as payments
    from meterline.platform import clock

    made = pl.DataFrame(rows(RUN_INVOICES, run), schema_overrides={"due": pl.Decimal(38, 10)})
    never = 0.3 if last else 0.03
    due = made.filter(
        pl.col("due") > 0, pl.Series(life.chance.random(made.height) >= never)
    )  # fmt: skip
    payments.pay_many(
        due.select(
            account_code="account", amount="due", currency="currency",
            at=pl.lit(clock.now()) - pl.duration(
                minutes=pl.Series(life.chance.integers(0, 14 * 1440, due.height))),
            reference=pl.lit("bank transfer"), invoice="number",
        ).select(pl.col(name).cast(kind) for name, kind in PAYMENTS.items()).sort("at")
    )  # fmt: skip


def _happen(life: Life) -> None:
    """A hundredth of everything: paused, ended and changed contracts, money that goes back, credit,
    credit notes, notes."""
    from meterline.care import services as care
    from meterline.customers.models import Account
    from meterline.invoices import adjust
    from meterline.invoices.models import Line
    from meterline.payments import services as payments
    from meterline.platform import clock
    from meterline.subscriptions import services as subscriptions

    now = clock.now()
    some = life.accounts // 100
    accounts = list(Account.objects.order_by("code"))[: 7 * some]
    for index in range(some):
        paused, ended, changed, refunded, granted, credited, noted = accounts[index::some][:7]
        subscriptions.pause(paused.code, now)
        subscriptions.cancel(ended.code, now)
        subscriptions.change(changed.code, "plus" if index % 2 else "basic", now, when="now")
        _give_back(refunded.pk, chargeback=index % 2 == 0)
        payments.grant_credit(granted.pk, Decimal(5), reason="goodwill")
        line = Line.objects.filter(account_id=credited.pk, kind="recurring").order_by("-pk")[0]
        adjust.adjust_line(line.pk, Decimal("1.00"), now)
        care.write(noted.code, "Asked about the last invoice.", kind="call")


def _give_back(account: int, *, chargeback: bool) -> None:
    from meterline.payments import services as payments
    from meterline.payments.models import Allocation

    paid = Allocation.objects.filter(account_id=account).order_by("-pk").first()
    if paid is not None:
        give = payments.chargeback if chargeback else payments.refund
        give(account, paid.amount, invoice=paid.invoice_id, reference="by the bank")
