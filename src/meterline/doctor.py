"""`meterline doctor`: checks the installation and explains what to do about each finding."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import typer
from rich.console import Console

State = Literal["good", "note", "bad"]
_CLOCK_SECONDS_MOST = 5
_POSTGRESQL_LEAST = 150000
_FREE_LEAST = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check found, and what to do if it is not good."""

    check: str
    state: State
    text: str
    advice: str = ""


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Remove files of usage that no batch owns.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check database, versions, migrations, clock, ledger and files. Exit 1 if anything is bad."""
    found = list(examine(repair=repair))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        console = Console()
        marks = {"good": "[green]good[/]", "note": "[yellow]note[/]", "bad": "[red]bad [/]"}
        for one in found:
            console.print(f"{marks[one.state]} {one.check}: {one.text}")
            if one.advice:
                console.print(f"     {one.advice}", markup=False)
    raise typer.Exit(1 if any(one.state == "bad" for one in found) else 0)


def examine(*, repair: bool = False) -> Iterator[Finding]:
    """All findings; those that need the tables only where the database is up to date."""
    from django.db import DatabaseError

    try:
        yield _version()
    except DatabaseError as error:
        yield Finding(
            check="database", state="bad", text=str(error).strip(),
            advice="Start it, or set METERLINE_DATABASE_URL, or METERLINE_HOME to another folder.",
        )  # fmt: skip
        return
    yield _clock()
    yield _space()
    migrations = _migrations()
    yield migrations
    if migrations.state == "bad":
        return
    yield from _ledger()
    yield _bill_run()
    yield _orphans(repair=repair)
    yield from _usage_folders()
    yield _events()


def _version() -> Finding:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        name = cursor.fetchone()[0]
        cursor.execute("SHOW server_version_num")
        good = int(cursor.fetchone()[0]) >= _POSTGRESQL_LEAST
    return Finding(
        check="database", state="good" if good else "bad", text=f"PostgreSQL {name} answers",
        advice="" if good else "PostgreSQL 15 or newer is needed.",
    )  # fmt: skip


def _clock() -> Finding:
    import os
    from datetime import UTC, datetime

    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        apart = abs((cursor.fetchone()[0] - datetime.now(UTC)).total_seconds())
    if "METERLINE_CLOCK" in os.environ:
        moved = os.environ["METERLINE_CLOCK"]
        return Finding(check="clock", state="note", text=f"moved to {moved} by METERLINE_CLOCK")
    good = apart <= _CLOCK_SECONDS_MOST
    return Finding(
        check="clock", state="good" if good else "bad",
        text=f"database and this machine are {apart:.1f} s apart",
        advice="" if good else "Set both clocks by NTP: bills depend on the time.",
    )  # fmt: skip


def _space() -> Finding:
    from meterline.platform.embedded import home

    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    good = free >= _FREE_LEAST
    return Finding(
        check="data folder", state="good" if good else "bad",
        text=f"{folder}, {free / 1e9:.1f} GB free",
        advice="" if good else "Make room: usage files and documents are written there.",
    )  # fmt: skip


def _migrations() -> Finding:
    from meterline.platform.migrate import pending

    missing = len(pending())
    return Finding(
        check="migrations", state="bad" if missing else "good",
        text=f"{missing} pending" if missing else "all applied",
        advice="Run `meterline migrate`." if missing else "",
    )  # fmt: skip


def _ledger() -> Iterator[Finding]:
    from meterline.ledger import services as ledger

    wrong = {
        currency: difference
        for currency, difference in ledger.differences(ledger.trial_balance()).items()
        if difference
    }
    for currency, difference in wrong.items():
        yield Finding(
            check="ledger", state="bad", text=f"{currency} is out of balance by {difference}",
            advice="Somebody wrote past the program: compare with the last backup.",
        )  # fmt: skip
    if not wrong:
        yield Finding(check="ledger", state="good", text="balanced in every currency")


def _bill_run() -> Finding:
    from meterline.billing.models import BillRun

    open_run = BillRun.objects.filter(finished_at=None).order_by("id").first()
    if open_run is None:
        return Finding(check="bill runs", state="good", text="all finished")
    done = f"{open_run.chunks_done} of {open_run.chunks} chunks"
    return Finding(
        check="bill runs", state="note", text=f"run {open_run.pk} is unfinished ({done})",
        advice="It is being worked on, or was interrupted: then run `meterline bill resume`.",
    )  # fmt: skip


def _orphans(*, repair: bool) -> Finding:
    from meterline.usage.services import orphans

    found = orphans()
    if repair:
        for path in found:
            shutil.rmtree(path)
        return Finding(
            check="usage files", state="good", text=f"{len(found)} orphan folders removed"
        )
    return Finding(
        check="usage files", state="note" if found else "good",
        text=f"{len(found)} folders belong to no batch" if found else "each belongs to a batch",
        advice="Left by interrupted loads; `meterline doctor --repair` removes them."
        if found else "",
    )  # fmt: skip


def _usage_folders() -> Iterator[Finding]:
    """Every batch has its folder, every archived one its archive."""
    from meterline.usage.archive import missing
    from meterline.usage.services import without_folder

    gone = without_folder()
    if gone:
        yield Finding(
            check="usage batches", state="bad", text=f"the folders of batches {gone} are missing",
            advice="Bring usage/ of the data folder back from a backup, of the same time as the"
            " database's.",
        )  # fmt: skip
    from meterline.usage.models import Batch

    archived = list(Batch.objects.filter(records_at="archived").order_by("pk"))
    lost = [one.pk for one in missing(archived)]
    if lost:
        yield Finding(
            check="usage archives", state="bad",
            text=f"the archives of batches {lost} are not where they were put, or not whole",
            advice="Bring them back, or make the store reachable; bills do not need them.",
        )  # fmt: skip
    elif archived:
        text = f"{len(archived):,} archived batches, each with its archive"
        yield Finding(check="usage archives", state="good", text=text)


def _events() -> Finding:
    from meterline.platform.models import Event

    waiting = Event.objects.filter(published_at=None).count()
    return Finding(check="events", state="good", text=f"{waiting:,} wait for `meterline worker`")
