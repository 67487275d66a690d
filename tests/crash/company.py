"""A small company whose data folder and database can be made again, to disturb and to compare."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
from django.db import connection

ACCOUNTS = 400
RECORDS = 60_000
CATALOGUE = """
currency: EUR
timezone: Europe/Rome
meters: {calls: {aggregation: sum, value: seconds, unit: second}}
taxes: [{code: vat, rates: [{region: IT, percent: 22}]}]
plans:
  basic:
    prices:
      base: {kind: recurring, interval: month, model: flat, amount: "9.90", tax: vat}
      calls: {kind: usage, meter: calls, model: per_unit, unit_amount: "0.0013", tax: vat}
"""
BILL = """
import sys
from datetime import date
import django
django.setup()
from meterline.billing import services
services.CHUNK_SIZE = 40
action, workers = sys.argv[1], int(sys.argv[2])
if action == "resume":
    services.resume(workers=workers)
else:
    services.run(date(2026, 2, 1), workers=workers)
"""
STATE = {
    "totals": """
        SELECT s.code, p.code, t.period_start, sum(t.events), sum(t.quantity), sum(t.amount)
        FROM usage_total t JOIN subscriptions_subscription s ON s.id = t.subscription_id
        JOIN catalog_price p ON p.id = t.price_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
    "batches": """
        SELECT file_name, records, rated, rejected, duplicates FROM usage_batch ORDER BY 1""",
    "invoices": """
        SELECT i.number, a.code, i.net, i.tax, i.total FROM invoices_invoice i
        JOIN customers_account a ON a.id = i.account_id ORDER BY i.sequence_number""",
    "lines": """
        SELECT i.number, l.position, l.price_code, l.start_at, l.end_at, l.quantity, l.amount
        FROM invoices_line l JOIN invoices_invoice i ON i.id = l.invoice_id ORDER BY 1, 2""",
    "ledger": """
        SELECT e.kind, e.reference, l.ledger_account, l.amount
        FROM ledger_entry e JOIN ledger_line l ON l.entry_id = e.id ORDER BY 1, 2, 3, 4""",
    "open": "SELECT account_id, sum(open) FROM payments_openitem GROUP BY 1 ORDER BY 1",
    "events": "SELECT name, count(*) FROM platform_event GROUP BY 1 ORDER BY 1",
}


@dataclass(frozen=True, kw_only=True)
class Company:
    """A data folder with its database."""

    folder: Path
    url: str

    @property
    def environment(self) -> dict[str, str]:
        """Of commands that work on this company, on the day after the month."""
        return {
            **os.environ,
            "METERLINE_HOME": str(self.folder),
            "METERLINE_DATABASE_URL": self.url,
            "METERLINE_CLOCK": "2026-02-01T06:00:00+00:00",
            "DJANGO_SETTINGS_MODULE": "meterline.platform.settings",
        }

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start Python with these arguments, as the leader of its own processes."""
        return subprocess.Popen(
            [sys.executable, *arguments], env=self.environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options,
        )  # fmt: skip

    def run(self, *arguments: str) -> None:
        """Run Python with these arguments to a good end."""
        process = self.start(*arguments)
        _, errors = process.communicate()
        assert process.returncode == 0, errors[-3000:]

    def meterline(self, *arguments: str) -> None:
        """Run a command to a good end."""
        self.run("-m", "meterline", *arguments)

    def state(self) -> dict[str, list[Any]]:
        """Everything that must be the same, however often the work was interrupted."""
        with psycopg.connect(self.url) as reader:
            return {name: reader.execute(query).fetchall() for name, query in STATE.items()}

    def bill(self, action: str, workers: int) -> tuple[str, ...]:
        """Arguments that bill the month in small chunks, or resume it."""
        return ("-c", BILL, action, str(workers))


def server_url(name: str) -> str:
    """A database of the tests' server."""
    settings = connection.settings_dict
    return f"postgresql://{settings['USER']}@/{name}?host={settings['HOST']}"


def named(name: str) -> str:
    """The name of a database of this process: others test on the same server."""
    return f"{name}_{os.getpid()}"


@contextmanager
def of_its_own(folder: Path, name: str) -> Iterator[Company]:
    """The company before its first usage file, in a database of its own."""
    name = named(name)
    with psycopg.connect(server_url("postgres"), autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
        write_files(folder)
        made = Company(folder=folder, url=server_url(name))
        prepare(made)
        yield made
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def write_files(folder: Path) -> list[Path]:
    """The company's files; gives those of usage."""
    (folder / "catalogue.yaml").write_text(CATALOGUE)
    codes = pl.DataFrame({"code": [f"A{n:04d}" for n in range(ACCOUNTS)]})
    codes.with_columns(
        currency=pl.lit("EUR"), timezone=pl.lit("Europe/Rome"), region=pl.lit("IT")
    ).write_csv(folder / "accounts.csv")
    codes.select(
        "code", account="code", plan=pl.lit("basic"), start=pl.lit("2026-01-01")
    ).write_csv(folder / "subscriptions.csv")
    numbers = pl.int_range(RECORDS, eager=True)
    records = pl.DataFrame({"n": numbers}).select(
        id=pl.format("r{}", "n"),
        meter=pl.lit("calls"),
        subscription=pl.format("A{}", (pl.col("n") % (ACCOUNTS + 3)).cast(pl.String).str.zfill(4)),
        start=pl.format(
            "2026-01-{}T10:00:00Z", (pl.col("n") % 28 + 1).cast(pl.String).str.zfill(2)
        ),
        seconds=pl.col("n") % 977,
    )
    files = [folder / f"usage-{part}.csv" for part in range(3)]
    for part, path in enumerate(files):
        records[part * RECORDS // 4 : (part + 2) * RECORDS // 4].write_csv(path)
    return files


def prepare(company: Company) -> None:
    """Catalogue and contracts, by the commands."""
    company.meterline("migrate")
    company.meterline("catalog", "apply", str(company.folder / "catalogue.yaml"))
    for kind in ("accounts", "subscriptions"):
        company.meterline("import", kind, str(company.folder / f"{kind}.csv"))
