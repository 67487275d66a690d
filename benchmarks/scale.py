"""What very many records a day need, from what a shard of them costs here.

Two files of the calls of `rate.py` are loaded, the second where the first is known. Of the second
it is measured: the processor's seconds of the loader and of the database, bytes of the file, of
what is written as Parquet, of the keys' run, of the database's log and of its totals. What the
machine that was asked does alone on a cluster (decode, normalise, see what is new) is measured by
itself. Printed is what follows for `--a-day` records: these figures times a number, no more.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import measure
import numpy as np
import psutil
from rate import CATALOGUE, PLANS, subscribe, write_calls, write_deck

DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one record."""

    loader: float  # seconds of a processor
    database: float
    alone: float  # of the loader's: what is not spread over a cluster
    came: float  # bytes
    kept: float
    keys: float
    log: float
    totals: float


def folder_bytes(path: Path) -> int:
    """What lies in a folder."""
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def database_seconds(folder: Path) -> float:
    """The processor's seconds of the server of a data folder, and of all that it has started."""
    pid = int((folder / "postgresql" / "postmaster.pid").read_text().split("\n")[0])
    server = psutil.Process(pid)
    family = [server, *server.children(recursive=True)]
    times = [one.cpu_times() for one in family]
    return sum(one.user + one.system for one in times)


def asked(query: str) -> int:
    """One number of the database."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def alone(path: Path) -> float:
    """The seconds of what one machine does for a whole load."""
    from meterline.rating import properties
    from meterline.usage import formats
    from meterline.usage.deduplicate import Seen
    from meterline.usage.known import known_records
    from meterline.usage.normalise import CANONICAL
    from meterline.usage.process import prepare

    seen, known, line = Seen(), known_records(), 1
    start = time.process_time()
    for chunk in formats.decode(path, format="csv"):
        named = properties.as_properties(chunk.records, ("line", *CANONICAL))
        numbered = named.rename({"line": "file_line"}).with_row_index("line", offset=line)
        prepared = prepare(numbered, source="files", now=datetime(2026, 11, 1, tzinfo=UTC))
        seen.add(prepared.keys)
        known.has(prepared.keys)
        line += named.height
    return time.process_time() - start


def cost(folder: Path, first: Path, second: Path) -> Cost:
    """Load both; what a record of the second costs."""
    from meterline.platform import files
    from meterline.usage import services as usage
    from meterline.usage.models import KnownKeys
    from meterline.usage.tend_keys import tend

    usage.load_file(first)
    tend(batches_most=0, keys_most=0)
    single = alone(second)
    usages, wal = files.folder("usage"), "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"
    tables = "SELECT pg_total_relation_size('usage_total')"
    before = folder_bytes(usages), asked(wal), asked(tables), database_seconds(folder)
    start = time.process_time()
    batch = usage.load_file(second)
    loader, kept = time.process_time() - start, folder_bytes(usages)
    log, totals, server = asked(wal), asked(tables), database_seconds(folder)
    tend(batches_most=0, keys_most=0)
    runs = sum(folder_bytes(usages / one.path) for one in KnownKeys.objects.all())
    n = batch.records
    return Cost(
        loader=loader / n, database=(server - before[3]) / n, alone=single / n,
        came=second.stat().st_size / n, kept=(kept - before[0]) / n, keys=runs / (2 * n),
        log=(log - before[1]) / n, totals=(totals - before[2]) / n,
    )  # fmt: skip


def table(one: Cost, a_day: int, peak: float, keep_days: int) -> list[tuple[str, str]]:
    """What so many records a day need, with `peak` times as many in the busiest hour."""
    cores: Callable[[float], float] = lambda seconds: a_day * seconds / DAY  # noqa: E731
    many: Callable[[float], float] = lambda size: a_day * size / 1e12  # noqa: E731
    a_second = a_day * peak / DAY
    return [
        ("processor of a record", f"{one.loader * 1e6:.2f} µs, {one.database * 1e6:.2f} µs in the"
         f" database; {one.alone * 1e6:.2f} µs on the machine that was asked"),
        ("records a second, busiest hour", f"{a_second:,.0f}"),
        ("cores that rate, busiest hour", f"{cores(one.loader) * peak:.1f}"),
        ("of them on the machine that was asked", f"{cores(one.alone) * peak:.1f}"),
        ("cores of PostgreSQL, busiest hour", f"{cores(one.database) * peak:.1f}"),
        ("comes in", f"{many(one.came):.2f} TB a day, {a_second * one.came / 1e6:,.0f} MB/s"),
        ("Parquet", f"{one.kept:.0f} bytes a record, {many(one.kept):.2f} TB a day,"
         f" {many(one.kept) * keep_days:,.0f} TB in {keep_days} days"),
        ("keys", f"{one.keys:.1f} bytes a record, {many(one.keys) * keep_days:,.1f} TB in"
         f" {keep_days} days, a twentieth of it read for what is new"),
        ("PostgreSQL's log", f"{one.log:.1f} bytes a record, {a_second * one.log / 1e6:,.1f} MB/s"),
        ("PostgreSQL's totals", f"{one.totals:.1f} bytes a record,"
         f" {many(one.totals) * keep_days:,.2f} TB in {keep_days} days"),
    ]  # fmt: skip


def main() -> None:
    """Generate, load, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--a-day", type=int, default=10_000_000_000)
    parser.add_argument("--peak", type=float, default=2.5)
    parser.add_argument("--keep-days", type=int, default=90)
    wanted = parser.parse_args()
    with measure.scratch() as home:
        from meterline.catalog import files as catalogues
        from meterline.catalog import services as catalog
        from meterline.platform import clock

        clock.move_to(datetime(2026, 11, 1, tzinfo=UTC))
        folder, chance = Path(home), np.random.default_rng(1)
        write_deck(folder / "deck.csv", chance, 35_000)
        (folder / "catalogue.yaml").write_text(CATALOGUE)
        catalog.apply(catalogues.parse(folder / "catalogue.yaml"))
        subscribe(wanted.customers, PLANS["plain"])
        paths = folder / "first.csv", folder / "second.csv"
        write_calls(paths[0], chance, wanted.rows, wanted.customers)
        write_calls(paths[1], chance, wanted.rows, wanted.customers)
        text = paths[1].read_text().replace("\nc-", "\nd-")
        paths[1].write_text(text)
        found = cost(folder, *paths)
    for name, told in table(found, wanted.a_day, wanted.peak, wanted.keep_days):
        print(f"{name:40} {told}")
    figures = {name: round(value * 1e6, 3) if value < 1e-2 else round(value, 2)
               for name, value in vars(found).items()}  # fmt: skip
    measure.tell("scale", wanted.a_day, **figures)


if __name__ == "__main__":
    main()
