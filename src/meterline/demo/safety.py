"""The demo never mixes with real customers: it wants an empty database, or an earlier demo's."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from meterline.customers.models import Account, Customer
from meterline.demo.companies import COMPANIES
from meterline.demo.errors import DatabaseNotEmpty, DemoTooSmall, NotOnlyDemoData
from meterline.demo.size import Size, keep
from meterline.platform import files


def prepare(size: Size, *, reset: bool) -> Path:
    """Check the size and the database; returns the demo's folder, which is there.

    With `reset`, data of an earlier demo are dropped, the whole schema with them; anything
    else in the database forbids it. Raises DatabaseNotEmpty, NotOnlyDemoData, DemoTooSmall.
    """
    if size.customers < len(COMPANIES) or size.months < 1:
        raise DemoTooSmall
    folder = files.home() / "demo"
    customers = Customer.objects.count()
    if customers and not reset:
        raise DatabaseNotEmpty(customers=customers)
    if customers:
        _reset(folder)
    folder.mkdir(parents=True, exist_ok=True)
    keep(size, folder)
    return folder


def only_demo() -> None:
    """Raises NotOnlyDemoData where the database holds anything that no demo made."""
    codes = [company.code for company in COMPANIES]
    strangers = Account.objects.exclude(seller__code__in=codes).count()
    if strangers:
        raise NotOnlyDemoData(customers=strangers)


def _reset(folder: Path) -> None:
    only_demo()
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    call_command("migrate", verbosity=0, interactive=False)
    for path in (folder, files.home() / "usage"):
        shutil.rmtree(path, ignore_errors=True)
