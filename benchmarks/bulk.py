"""Fills a database with a large company: accounts, contracts, a year of invoices, payments, books.

    python benchmarks/bulk.py --accounts 1000000 --home /data/big

A small company lives through the year by the product's own services (`company.py`); then the
database itself writes its copies (`copies.py`), without indexes and triggers, and builds the
indexes. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import copies as copying
import measure
import psycopg

SEED = 1000
WHILE_FILLING = {
    "fsync": "off", "full_page_writes": "off", "max_wal_size": "'6GB'", "wal_level": "minimal",
    "max_wal_senders": "0", "autovacuum": "off",
}  # fmt: skip
MULTIPLIED = """
    UPDATE invoices_numberseries SET next_number = (next_number - 1) * %(n)s + 1;
    UPDATE billing_run r SET accounts = accounts * %(n)s, invoices = invoices * %(n)s,
        chunks = ceil(accounts * %(n)s::numeric / chunk_size),
        chunks_done = ceil(accounts * %(n)s::numeric / chunk_size),
        boundaries = (SELECT jsonb_agg(first) FROM generate_series(1, accounts * %(n)s, chunk_size)
                      first),
        report = jsonb_set(report, '{totals}', (
            SELECT jsonb_object_agg(key, (value::numeric * %(n)s)::text)
            FROM jsonb_each_text(report -> 'totals')));
    UPDATE platform_event SET published_at = at;
    INSERT INTO platform_auditentry (at, actor, action, subject, after)
        SELECT created_at, 'user:clerk' || id %% 50 || '@example.com', 'account.created',
            'account:' || code, jsonb_build_object('currency', currency)
        FROM customers_account ORDER BY id;
"""
BALANCED = "SELECT currency FROM ledger_line GROUP BY currency HAVING sum(amount) <> 0"


def make(accounts: int, home: Path) -> dict[str, float]:
    """A database with so many accounts under `home`; the seconds of each step."""
    import company
    from django.db import connection

    seed = min(SEED, accounts)
    times = accounts // seed
    seconds: dict[str, float] = {}
    with measure.timed(seconds, "company"):
        home.mkdir(parents=True, exist_ok=True)
        company.live(seed, home)
    connection.close()
    _restart(home, WHILE_FILLING)
    tables = copying.tables()
    with measure.timed(seconds, "rows"):
        _run([*copying.stage(tables, times), _emptied(tables)])
        _side_by_side(copying.fill(one, times) for one in _largest_first(tables))
        _run([MULTIPLIED % {"n": times}])
    with measure.timed(seconds, "indexes"):
        names = [one.table for one in _largest_first(tables)]
        _side_by_side(f"REINDEX TABLE {name}" for name in names)
        _run([*(_counted_on(one) for one in tables if one.placed), "DROP SCHEMA bulk CASCADE"])
    with measure.timed(seconds, "statistics"):
        _run(["VACUUM (ANALYZE)", "CHECKPOINT"])
        with _connected() as link:
            assert link.execute(BALANCED).fetchall() == []
    _restart(home, None)
    return seconds


def _largest_first(tables: list[copying.Copied]) -> list[copying.Copied]:
    with _connected() as link:
        sizes: dict[str, int] = dict(
            link.execute(
                "SELECT relname, pg_relation_size(oid) FROM pg_class"
                " WHERE relnamespace = 'bulk'::regnamespace"
            ).fetchall()
        )
    return sorted(tables, key=lambda one: -sizes[one.table])


def _emptied(tables: list[copying.Copied]) -> str:
    """Empty the tables, and let their indexes be until they are built anew."""
    names = ", ".join(one.table for one in tables)
    quoted = ", ".join(f"'{one.table}'::regclass" for one in tables)
    return f"""
        TRUNCATE {names} CASCADE;
        UPDATE pg_index SET indisready = false, indisvalid = false WHERE indrelid IN ({quoted});
    """


def _counted_on(one: copying.Copied) -> str:
    """The next id comes after the last one."""
    sequence = f"pg_get_serial_sequence('{one.table}', '{one.key}')"
    return f"SELECT setval({sequence}, coalesce(max({one.key}), 0) + 1, false) FROM {one.table}"


def _connected() -> psycopg.Connection[Any]:
    from meterline.platform.embedded import database_url

    options = (
        "-c session_replication_role=replica -c maintenance_work_mem=1GB -c work_mem=64MB"
        " -c jit=off -c synchronous_commit=off -c max_parallel_maintenance_workers=1"
    )
    return psycopg.connect(database_url(), autocommit=True, options=options)


def _run(statements: Iterable[str]) -> None:
    with _connected() as link:
        for statement in statements:
            link.execute(statement)  # type: ignore[call-overload]


def _side_by_side(statements: Iterable[str]) -> None:
    """Two at a time."""
    with ThreadPoolExecutor(2) as pool:
        for _done in pool.map(lambda statement: _run([statement]), statements):
            pass


def _restart(home: Path, settings: dict[str, str] | None) -> None:
    """Start the embedded server anew, with other settings, or those that it comes with."""
    from meterline.platform.embedded import stop

    changes = ["ALTER SYSTEM RESET ALL"] if settings is None else [
        f"ALTER SYSTEM SET {name} = {value}" for name, value in settings.items()
    ]  # fmt: skip
    with _connected() as link:
        for change in changes:
            link.execute(change)  # type: ignore[call-overload]
    stop(home / "postgresql")
    _connected().close()


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--home", type=Path, required=True, help="a data folder that is not there")
    wanted = parser.parse_args()
    os.environ["METERLINE_HOME"] = str(wanted.home)
    measure.prepare()
    with measure.timed(seconds := {}, "all"):
        seconds |= make(wanted.accounts, wanted.home)
    print({name: round(value) for name, value in seconds.items()})
    size = sum(path.stat().st_size for path in wanted.home.rglob("*") if path.is_file())
    measure.tell("bulk", wanted.accounts, seconds=round(seconds["all"], 1), gb=round(size / 1e9, 1))


if __name__ == "__main__":
    main()
