"""A month's bill run: accounts with two subscriptions each, usage, discount and tax, to committed
invoices. The month before was billed, which is not measured.

The limit is a bare COPY of the same rows (invoices, lines, taxes, journal) into bare tables.
"""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from pathlib import Path

import measure
import numpy as np
import polars as pl

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
        {kind: recurring, interval: month, timing: advance, model: flat, amount: "9.90", tax: vat}
  metered:
    name: Metered
    prices:
      base:
        {kind: recurring, interval: month, timing: advance, model: flat, amount: "4.90", tax: vat}
      calls:
        kind: usage
        meter: api_calls
        model: graduated
        tax: vat
        tiers: [{up_to: 1000, unit_amount: 0}, {unit_amount: "0.002"}]
"""
COPIED = ("invoices_invoice", "invoices_line", "invoices_tax", "ledger_entry", "ledger_line",
          "payments_openitem")  # fmt: skip


def prepare(accounts: int, folder: Path) -> None:
    """Accounts with two subscriptions, one of them discounted, whose first month was billed in
    advance; and its usage."""
    from meterline.billing import services as billing
    from meterline.catalog import files as catalogues
    from meterline.catalog import services as catalog
    from meterline.customers import services as customers
    from meterline.platform import clock
    from meterline.subscriptions import services as subscriptions
    from meterline.usage import services as usage

    (folder / "catalogue.yaml").write_text(CATALOGUE)
    catalog.apply(catalogues.parse(folder / "catalogue.yaml"))
    base = pl.select(pl.format("A{}", pl.int_range(accounts, dtype=pl.Int64)).alias("code"))
    base.with_columns(
        currency=pl.lit("EUR"), timezone=pl.lit("Europe/Rome"), region=pl.lit("IT")
    ).write_csv(folder / "accounts.csv")
    start = pl.lit("2026-09-01")
    pl.concat(
        [
            base.select(pl.format("{}-1", "code").alias("code"), account="code",
                        plan=pl.lit("basic"), start=start, discounts=pl.lit("launch")),
            base.select(pl.format("{}-2", "code").alias("code"), account="code",
                        plan=pl.lit("metered"), start=start, discounts=pl.lit(None, pl.String)),
        ]
    ).write_csv(folder / "subscriptions.csv")  # fmt: skip
    assert customers.import_file("accounts", folder / "accounts.csv").created == accounts
    made = subscriptions.import_file("subscriptions", folder / "subscriptions.csv")
    assert made.created == 2 * accounts
    clock.move_to(datetime(2026, 9, 1, 6, tzinfo=UTC))
    assert billing.run(date(2026, 9, 1)).invoices == accounts
    clock.move_to(datetime(2026, 10, 1, 6, tzinfo=UTC))
    chance = np.random.default_rng(1)
    base.select(
        pl.format("u-{}", "code").alias("id"), meter=pl.lit("api_calls"),
        subscription=pl.format("{}-2", "code"), start=pl.lit("2026-09-10T10:00:00Z"),
        calls=pl.Series(chance.integers(100, 9000, accounts)),
    ).write_csv(folder / "usage.csv")  # fmt: skip
    assert usage.load_file(folder / "usage.csv").rated == accounts


def copy_again(folder: Path) -> float:
    """Seconds that PostgreSQL needs to COPY the run's rows into tables without anything."""
    from django.db import connection

    seconds: dict[str, float] = {}
    with connection.cursor() as cursor:
        for table in COPIED:
            cursor.execute(f"CREATE TABLE bare_{table} (LIKE {table})")
            with (
                (folder / f"{table}.csv").open("wb") as file,
                cursor.copy(f"COPY {table} TO STDOUT (FORMAT csv)") as copy,
            ):
                for part in copy:
                    file.write(part)
        with measure.timed(seconds, "copy"):
            for table in COPIED:
                content = (folder / f"{table}.csv").read_bytes()
                with cursor.copy(f"COPY bare_{table} FROM STDIN (FORMAT csv)") as copy:
                    copy.write(content)
    return seconds["copy"]


def main() -> None:
    """Generate, bill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=None)
    wanted = parser.parse_args()
    seconds: dict[str, float] = {}
    with measure.scratch() as home:
        from meterline.billing import services as billing
        from meterline.platform import clock

        folder = Path(home)
        clock.move_to(datetime(2026, 9, 1, tzinfo=UTC))
        prepare(wanted.accounts, folder)
        with measure.timed(seconds, "run"):
            outcome = billing.run(date(2026, 10, 1), workers=wanted.workers)
        assert outcome.invoices == wanted.accounts
        measure.report("bill", wanted.accounts, seconds["run"], copy_again(folder))


if __name__ == "__main__":
    main()
