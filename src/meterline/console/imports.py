"""Imports by a page: the file is kept, checked in the background, then imported or given up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from meterline.console.errors import ImportMoved
from meterline.console.models import Import
from meterline.customers import csvfile
from meterline.customers import imports as customers
from meterline.customers.imports import ImportReport
from meterline.kernel.errors import MeterlineError
from meterline.payments import statement
from meterline.platform import audit, clock, files
from meterline.reads import imports as reads
from meterline.subscriptions import imports as subscriptions
from meterline.web.words import Words

_FILE, _REJECTS = "file.csv", "rejects.csv"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a file may hold: who may import it, its columns, what does it."""

    title: Words
    permission: str
    columns: csvfile.Columns
    run: Callable[[Path, bool, Path], ImportReport]


def _of_customers(kind: str) -> Callable[[Path, bool, Path], ImportReport]:
    return lambda path, dry, rejects: customers.import_file(
        kind, path, dry_run=dry, rejects=rejects
    )


def _of_contracts(kind: str) -> Callable[[Path, bool, Path], ImportReport]:
    return lambda path, dry, rejects: subscriptions.import_file(
        kind, path, dry_run=dry, rejects=rejects
    )


PAYMENTS: Final = "payments"
KINDS: Final[dict[str, Kind]] = {
    "customers": Kind(
        title=_("Customers"), permission="customers.edit", run=_of_customers("customers"),
        columns=customers.COLUMNS["customers"],
    ),
    "accounts": Kind(
        title=_("Accounts"), permission="customers.edit", run=_of_customers("accounts"),
        columns=customers.COLUMNS["accounts"],
    ),
    "subscriptions": Kind(
        title=_("Subscriptions"), permission="subscriptions.edit",
        run=_of_contracts("subscriptions"), columns=subscriptions.COLUMNS["subscriptions"],
    ),
    "identifiers": Kind(
        title=_("Numbers of subscriptions"), permission="subscriptions.edit",
        run=_of_contracts("identifiers"), columns=subscriptions.COLUMNS["identifiers"],
    ),
    "meters": Kind(
        title=_("Meters"), permission="usage.load", columns=reads.COLUMNS,
        run=lambda path, dry, rejects: reads.import_meters(path, dry_run=dry, rejects=rejects),
    ),
    "sellers": Kind(
        title=_("Sellers"), permission="sellers.edit", run=_of_customers("sellers"),
        columns=customers.COLUMNS["sellers"],
    ),
    PAYMENTS: Kind(
        title=_("Payments of a bank statement"), permission="payments.record",
        columns=statement.COLUMNS,
        run=lambda path, dry, rejects: statement.import_statement(
            path, dry_run=dry, rejects=rejects
        ),
    ),
}  # fmt: skip
"""What can be imported, in the order in which one begins."""


def keep(kind: str, name: str, content: Iterable[bytes]) -> Import:
    """Keep a file to be checked. `name` is what it is called; it is no path."""
    folder = files.folder("imports") / uuid4().hex
    folder.mkdir()
    lines = 0
    with (folder / _FILE).open("wb") as file:
        for part in content:
            file.write(part)
            lines += part.count(b"\n")
    return Import.objects.create(
        kind=kind, file_name=Path(name).name or _FILE, folder=folder.name, rows=lines,
        asked_by=audit.actor(), asked_at=clock.now(),
    )  # fmt: skip


def check(import_id: int) -> Import:
    """The dry run: every row is checked, nothing is made."""
    return _run(_in_state(import_id, "checking"), dry_run=True, state="checked")


def release(import_id: int) -> Import:
    """Say that a checked file is to be imported. Raises ImportMoved."""
    with transaction.atomic():
        one = _in_state(import_id, "checked", lock=True)
        one.state = "importing"
        one.save(update_fields=["state"])
        return one


def carry_out(import_id: int) -> Import:
    """Import the good rows; of the file only those that were refused stay."""
    one = _run(_in_state(import_id, "importing"), dry_run=False, state="done")
    (_folder(one) / _FILE).unlink()
    return one


def drop(import_id: int) -> None:
    """Give a file up that was not imported. Raises ImportMoved."""
    with transaction.atomic():
        one = _in_state(import_id, "checked", "failed", lock=True)
        one.delete()
    shutil.rmtree(_folder(one), ignore_errors=True)


def rejects(one: Import) -> Path | None:
    """The file of refused rows, where there are any."""
    path = _folder(one) / _REJECTS
    return path if path.exists() else None


def _run(one: Import, *, dry_run: bool, state: str) -> Import:
    folder = _folder(one)
    try:
        report = KINDS[one.kind].run(folder / _FILE, dry_run, folder / _REJECTS)
    except MeterlineError as error:
        one.state = "failed"
        one.problem = error.message.replace(str(folder / _FILE), one.file_name)
    else:
        one.rows, one.good, one.refused = report.rows, report.created, report.rejected
        one.state = state
    one.save()
    return one


def _folder(one: Import) -> Path:
    return files.folder("imports") / one.folder


def _in_state(import_id: int, *states: str, lock: bool = False) -> Import:
    rows = Import.objects.select_for_update() if lock else Import.objects.all()
    one = rows.get(pk=import_id)
    if one.state not in states:
        raise ImportMoved(file=one.file_name, state=one.state)
    return one
