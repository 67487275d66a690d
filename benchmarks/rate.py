"""Rating end to end: a CSV of call records in, batch with totals committed out.

Decoded, validated, deduplicated, guided by identifier and time, matched against a rate deck of
35,000 prefixes with two time bands and increments, written as Parquet, totals in PostgreSQL.
The limit is the time that DuckDB needs to scan the same file and sum a column.

`--profile mixed`: a third of the customers pay by the deck, a third by tiers, a third by
the deck after an allowance of minutes, which half of them use up.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import measure
import numpy as np
import polars as pl

CATALOGUE = """
currency: EUR
timezone: Europe/Rome
meters:
  voice: {aggregation: sum, value: duration, unit: second}
calendars:
  hours:
    timezone: Europe/Rome
    bands:
      - {band: day, days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00"}
      - {band: evening}
rate_cards:
  calls: {key: {field: to, match: prefix}, calendar: hours, file: deck.csv}
plans:
  mobile:
    name: Mobile
    prices: {calls: {kind: usage, meter: voice, model: rate_card, card: calls}}
  tiered:
    name: Tiers
    prices:
      calls:
        kind: usage
        meter: voice
        model: graduated
        tiers: [{up_to: 6000, unit_amount: "0.002"}, {unit_amount: "0.001"}]
  minutes:
    name: Minutes
    allowances: [{code: minutes, meter: voice, amount: 9000, prices: [calls]}]
    prices: {calls: {kind: usage, meter: voice, model: rate_card, card: calls}}
"""
PLANS = {"plain": ["mobile"], "mixed": ["mobile", "tiered", "minutes"]}


def write_deck(path: Path, chance: np.random.Generator, prefixes: int) -> np.ndarray:
    """A deck of distinct prefixes of 3 to 7 digits, each with two bands; gives the prefixes."""
    lengths = np.array([3, 4, 5, 6, 7])[chance.integers(0, 5, prefixes * 2)]
    numbers = chance.integers(1, 10, prefixes * 2).astype(str)
    tails = chance.integers(10**6, 10**7, prefixes * 2).astype(str)
    texts = np.array([a + b[: n - 1] for a, b, n in zip(numbers, tails, lengths, strict=True)])
    distinct = np.unique(texts)
    chosen = np.unique(
        np.concatenate([np.arange(1, 10).astype(str), chance.permutation(distinct)[: prefixes - 9]])
    )
    price = pl.Series(chance.integers(1, 90, len(chosen)) / 100).round(2)
    rows = pl.DataFrame({"key": chosen, "step1_price": price})
    bands = pl.concat(
        [
            rows.with_columns(band=pl.lit("day")),
            rows.with_columns(pl.col("step1_price") / 2, band=pl.lit("evening")),
        ]
    )
    bands.with_columns(
        connection_fee=pl.lit("0.05"), step1_from=pl.lit(0), step1_per=pl.lit(60),
        step1_increment=pl.lit(30), step2_from=pl.lit(30),
        step2_price=pl.col("step1_price"), step2_per=pl.lit(60), step2_increment=pl.lit(1),
    ).write_csv(path)  # fmt: skip
    return chosen


def write_calls(path: Path, chance: np.random.Generator, rows: int, customers: int) -> None:
    """A month of calls in the order of time, one in 500 of them twice, one in 500 of nobody."""
    with path.open("wb") as file:
        done = 0
        month = 31 * 86_400
        while done < rows:
            count = min(1_000_000, rows - done)
            ids = np.arange(done, done + count)
            again = chance.random(count) < 0.002
            ids[again] = np.maximum(ids[again] - 1000, 0)
            who = chance.integers(0, customers, count)
            who = np.where(chance.random(count) < 0.002, customers + 5, who)
            start = np.datetime64("2026-10-01T00:00:00") + (ids * month // rows).astype("m8[s]")
            frame = pl.DataFrame(
                {
                    "id": ids,
                    "meter": np.full(count, "voice"),
                    "identifier": who + 39_320_000_000,
                    "start": start.astype("datetime64[us]"),
                    "duration": chance.integers(1, 900, count),
                    "to": chance.integers(10**9, 10**10, count),
                }
            ).with_columns(
                pl.format("c-{}", "id").alias("id"),
                pl.col("start").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
            frame.write_csv(file, include_header=done == 0)
            done += count


def subscribe(customers: int, plans: list[str]) -> None:
    """Customers with one number each, on the plans in turn."""
    from meterline.customers import services as accounts
    from meterline.subscriptions import services as subscriptions

    folder = Path(measure.os.environ["METERLINE_HOME"])
    codes = pl.format("A{}", pl.int_range(customers, dtype=pl.Int64).alias("code"))
    base = pl.select(codes.alias("code"))
    base.with_columns(currency=pl.lit("EUR"), timezone=pl.lit("Europe/Rome")).write_csv(
        folder / "accounts.csv"
    )
    turn = pl.int_range(customers, dtype=pl.Int64) % len(plans)
    plan = turn.replace_strict(dict(enumerate(plans)), return_dtype=pl.String)
    base.with_columns(account="code", plan=plan, start=pl.lit("2026-09-15")).write_csv(
        folder / "subscriptions.csv"
    )
    base.select(
        subscription="code", kind=pl.lit("msisdn"),
        value=pl.int_range(customers, dtype=pl.Int64) + 39_320_000_000,
    ).write_csv(folder / "identifiers.csv")  # fmt: skip
    for importer, kind in (
        (accounts, "accounts"), (subscriptions, "subscriptions"), (subscriptions, "identifiers"),
    ):  # fmt: skip
        outcome = importer.import_file(kind, folder / f"{kind}.csv")
        assert outcome.created == customers


def options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """What `prepare` is told."""
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--prefixes", type=int, default=35_000)
    parser.add_argument("--profile", choices=list(PLANS), default="plain")
    return parser


def prepare(folder: Path, wanted: argparse.Namespace) -> Path:
    """The deck, catalogue and customers in the product, and a file of their calls."""
    from meterline.catalog import files as catalogues
    from meterline.catalog import services as catalog
    from meterline.platform import clock

    clock.move_to(datetime(2026, 11, 1, tzinfo=UTC))
    chance = np.random.default_rng(1)
    write_deck(folder / "deck.csv", chance, wanted.prefixes)
    (folder / "catalogue.yaml").write_text(CATALOGUE)
    catalog.apply(catalogues.parse(folder / "catalogue.yaml"))
    subscribe(wanted.customers, PLANS[wanted.profile])
    calls = folder / "calls.csv"
    write_calls(calls, chance, wanted.rows, wanted.customers)
    return calls


def scanned(calls: Path) -> None:
    """What the time is measured against."""
    duckdb.sql(f"SELECT count(*), sum(duration) FROM '{calls}'").fetchall()


def main() -> None:
    """Generate, load, measure, print."""
    wanted = options(argparse.ArgumentParser(description=__doc__)).parse_args()
    seconds: dict[str, float] = {}
    with measure.scratch() as home:
        from meterline.usage import services as usage

        calls = prepare(Path(home), wanted)
        with measure.timed(seconds, "limit"):
            scanned(calls)
        with measure.timed(seconds, "load"):
            batch = usage.load_file(calls)
        assert batch.records == wanted.rows
        assert batch.rated + batch.rejected + batch.duplicates == wanted.rows
        assert Decimal(batch.totals[0]["amount"]) > 0
        name = "rate" if wanted.profile == "plain" else f"rate {wanted.profile}"
        measure.report(name, wanted.rows, seconds["load"], seconds["limit"])


if __name__ == "__main__":
    main()
