"""Register reads end to end: a file of what meters showed in, rated consumption committed out.

Of 100,000 meters nine in ten are read, one in a hundred of them shows a spike that is held for
review; the rest is estimated. Reads are matched to registers, validated and kept, consumption is
split at billing days, rated and totalled, all in PostgreSQL when it ends. Seconds are those of the
load and of the estimates. The limit is the time in which as many records of consumption are loaded
as usage, which is rated just the same.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path

import measure
import numpy as np
import polars as pl

CATALOGUE = """
currency: EUR
timezone: Europe/Rome
meters:
  energy: {aggregation: sum, value: kwh, unit: kWh}
plans:
  home: {prices: {energy: {kind: usage, meter: energy, model: per_unit, unit_amount: "0.20"}}}
"""
START, BEFORE, READ_AT = "2026-01-01", "2026-01-16", "2026-02-01"
HELD_PERCENT, UNREAD_PERCENT = 1, 10


def set_up(folder: Path, meters: int) -> None:
    """A contract at each place of supply, and a meter that was read once before."""
    from meterline.catalog import files as catalogues
    from meterline.catalog import services as catalog
    from meterline.customers import services as accounts
    from meterline.platform import clock
    from meterline.reads import services as reads
    from meterline.reads.imports import import_meters
    from meterline.subscriptions import services as subscriptions

    (folder / "catalogue.yaml").write_text(CATALOGUE)
    catalog.apply(catalogues.parse(folder / "catalogue.yaml"))
    base = pl.select(code=pl.format("A{}", pl.int_range(meters, dtype=pl.Int64)))
    base.with_columns(currency=pl.lit("EUR"), timezone=pl.lit("Europe/Rome")).write_csv(
        folder / "accounts.csv"
    )
    base.with_columns(account="code", plan=pl.lit("home"), start=pl.lit(START)).write_csv(
        folder / "subscriptions.csv"
    )
    places = pl.format("P{}", pl.col("code"))
    base.select(subscription="code", kind=pl.lit("service_point"), value=places).write_csv(
        folder / "identifiers.csv"
    )
    base.select(
        serial=pl.format("S{}", "code"), identifier=places, start=pl.lit(START),
        meter=pl.lit("energy"), annual=pl.lit(3000), value=pl.lit(1000),
    ).write_csv(folder / "meters.csv")  # fmt: skip
    for importer, kind in (
        (accounts, "accounts"), (subscriptions, "subscriptions"), (subscriptions, "identifiers"),
    ):  # fmt: skip
        assert importer.import_file(kind, folder / f"{kind}.csv").created == meters
    assert import_meters(folder / "meters.csv").created == meters
    base.select(serial=pl.format("S{}", "code"), at=pl.lit(BEFORE), value=pl.lit(1150)).write_csv(
        folder / "before.csv"
    )
    clock.move_to(datetime(2026, 1, 17, tzinfo=UTC))
    assert reads.load_file(folder / "before.csv").rated == meters


def write_reads(path: Path, meters: int, chance: np.random.Generator) -> int:
    """What nine in ten meters showed; how many rows."""
    numbers = np.flatnonzero(np.arange(meters) % 100 >= UNREAD_PERCENT)
    used = chance.integers(80, 420, len(numbers))
    used[numbers % 100 == 99] = 90_000  # spikes
    rows = pl.DataFrame({"n": numbers, "value": 1150 + used})
    rows.select(serial=pl.format("SA{}", "n"), at=pl.lit(READ_AT), value="value").write_csv(path)
    return rows.height


def write_usage(path: Path, meters: int) -> None:
    """As much consumption, as usage."""
    pl.select(n=pl.int_range(meters, dtype=pl.Int64)).select(
        id=pl.format("u{}", "n"), meter=pl.lit("energy"), identifier=pl.format("PA{}", "n"),
        start=pl.lit("2026-01-01T00:00:00Z"), kwh=pl.col("n") % 340 + 80,
    ).write_csv(path)  # fmt: skip


def main() -> None:
    """Generate, load, estimate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meters", type=int, default=100_000)
    wanted = parser.parse_args()
    seconds: dict[str, float] = {}
    with measure.scratch() as home:
        from meterline.platform import clock
        from meterline.reads import services as reads
        from meterline.usage import services as usage

        folder = Path(home)
        clock.move_to(datetime(2026, 1, 2, tzinfo=UTC))
        set_up(folder, wanted.meters)
        clock.move_to(datetime(2026, 2, 2, tzinfo=UTC))
        count = write_reads(folder / "reads.csv", wanted.meters, np.random.default_rng(1))
        before = time.process_time()
        with measure.timed(seconds, "load"):
            batch = reads.load_file(folder / "reads.csv")
        with measure.timed(seconds, "estimate"):
            made = reads.estimate(datetime(2026, 1, 31, 23, tzinfo=UTC)).followed.made
        spent = time.process_time() - before
        held = reads.held_of(batch)
        assert (batch.records, batch.rated) == (count, count)
        assert held == wanted.meters * HELD_PERCENT // 100
        assert made == wanted.meters - count + held
        write_usage(folder / "usage.csv", wanted.meters)
        with measure.timed(seconds, "limit"):
            usage.load_file(folder / "usage.csv")
    print(
        f"{count:,} reads in {seconds['load']:.1f} s, {held:,} held; {made:,} estimated in"
        f" {seconds['estimate']:.1f} s; {spent:.1f} s of this process's processor"
    )
    total = seconds["load"] + seconds["estimate"]
    measure.report("reads", wanted.meters, total, seconds["limit"])


if __name__ == "__main__":
    main()
