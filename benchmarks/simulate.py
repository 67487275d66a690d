"""A new tariff over the real usage of the whole base: last month billed under both catalogues.

Half of the accounts have a metered plan with tiers, half a mobile plan with calls by a rate card;
the file raises both. The limit is 15 seconds for 100,000 accounts.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import measure
import numpy as np
import polars as pl

LIMIT_SECONDS = 15 / 100_000  # an account
CALLS = 5  # an account of the mobile plan
CATALOGUE = """
currency: EUR
timezone: Europe/Rome
meters:
  api_calls: {aggregation: sum, value: calls}
  voice: {aggregation: sum, value: duration, unit: second}
taxes:
  - {code: vat, rates: [{region: IT, percent: 22}]}
rate_cards:
  world:
    key: {field: to, match: prefix}
    rows:
      - {key: ["39"], steps: [{from: 0, price: "0.10", per: 60, increment: 60}]}
      - {key: ["44", "33"], steps: [{from: 0, price: "0.25", per: 60, increment: 30}]}
plans:
  mobile:
    prices:
      base: {kind: recurring, model: flat, amount: "9.90", tax: vat}
      calls: {kind: usage, meter: voice, model: rate_card, card: world, tax: vat}
  metered:
    prices:
      base: {kind: recurring, model: flat, amount: "4.90", tax: vat}
      calls:
        kind: usage
        meter: api_calls
        model: graduated
        tax: vat
        tiers: [{up_to: 1000, unit_amount: 0}, {unit_amount: "0.002"}]
"""
RAISED = (('"9.90"', '"10.50"'), ('"0.10"', '"0.09"'), ('"0.002"', '"0.0025"'))


def prepare(accounts: int, folder: Path) -> Path:
    """Accounts with a subscription each, and a month of usage; returns the new tariff."""
    from meterline.catalog import files as catalogues
    from meterline.catalog import services as catalog
    from meterline.customers import services as customers
    from meterline.subscriptions import services as subscriptions
    from meterline.usage import services as usage

    (folder / "catalogue.yaml").write_text(CATALOGUE)
    catalog.apply(catalogues.parse(folder / "catalogue.yaml"))
    number = pl.int_range(accounts, dtype=pl.Int64)
    base = pl.select(code=pl.format("A{}", number), mobile=number % 2 == 0)
    base.select(
        "code", currency=pl.lit("EUR"), timezone=pl.lit("Europe/Rome"), region=pl.lit("IT")
    ).write_csv(folder / "accounts.csv")
    base.select(
        pl.format("{}-1", "code").alias("code"), account="code", start=pl.lit("2026-08-15"),
        plan=pl.when("mobile").then(pl.lit("mobile")).otherwise(pl.lit("metered")),
    ).write_csv(folder / "subscriptions.csv")  # fmt: skip
    assert customers.import_file("accounts", folder / "accounts.csv").created == accounts
    made = subscriptions.import_file("subscriptions", folder / "subscriptions.csv")
    assert made.created == accounts
    records = usage_of(base)
    records.write_csv(folder / "usage.csv")
    assert usage.load_file(folder / "usage.csv").rated == records.height
    text = CATALOGUE
    for before, after in RAISED:
        text = text.replace(before, after)
    (folder / "new.yaml").write_text(text)
    return folder / "new.yaml"


def usage_of(base: pl.DataFrame) -> pl.DataFrame:
    """A record a metered account, CALLS calls a mobile one, through September."""
    chance = np.random.default_rng(1)
    calls = base.filter("mobile").select("code", call=pl.lit(list(range(CALLS)))).explode("call")
    metered = base.filter(~pl.col("mobile"))
    days = [f"2026-09-{day:02}T10:00:00Z" for day in range(1, 31)]
    voice = calls.select(
        id=pl.format("c-{}-{}", "code", "call"), meter=pl.lit("voice"),
        subscription=pl.format("{}-1", "code"),
        start=pl.Series(chance.choice(days, calls.height)),
        to=pl.Series(chance.choice(["390612345", "442012345", "331234567"], calls.height)),
        duration=pl.Series(chance.integers(5, 900, calls.height)),
        calls=pl.lit(None, pl.Int64),
    )  # fmt: skip
    api = metered.select(
        id=pl.format("u-{}", "code"), meter=pl.lit("api_calls"),
        subscription=pl.format("{}-1", "code"), start=pl.lit(days[9]),
        to=pl.lit(None, pl.String), duration=pl.lit(None, pl.Int64),
        calls=pl.Series(chance.integers(100, 9000, metered.height)),
    )  # fmt: skip
    return pl.concat([voice, api])


def main() -> None:
    """Generate, simulate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=None)
    wanted = parser.parse_args()
    seconds: dict[str, float] = {}
    with measure.scratch() as home:
        from meterline.catalog import files as catalogues
        from meterline.insight.simulate import simulate
        from meterline.platform import clock

        clock.move_to(datetime(2026, 10, 1, 6, tzinfo=UTC))
        file = prepare(wanted.accounts, Path(home))
        with measure.timed(seconds, "run"):
            found = simulate(catalogues.parse(file), workers=wanted.workers)
        assert found.bills.height == wanted.accounts
        assert found.records == CALLS * -(-wanted.accounts // 2) + wanted.accounts // 2
        assert found.bills.filter(pl.col("difference") > 0).height > wanted.accounts // 2
        measure.report("simulate", wanted.accounts, seconds["run"], LIMIT_SECONDS * wanted.accounts)


if __name__ == "__main__":
    main()
