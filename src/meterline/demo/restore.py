"""The demo company of a sandbox, as it was on the first day: for training, from a page.

Unlike `demo --reset` it keeps who signs in, roles, keys, feedback, jobs and the audit log, so that
it can run while people are signed in.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from django.db import connection, transaction

from meterline.billing.models import BillRun
from meterline.customers.models import Customer
from meterline.demo.companies import COMPANIES
from meterline.demo.errors import NotASandbox
from meterline.demo.run import run
from meterline.demo.safety import only_demo
from meterline.demo.size import Size, keep, kept, last_months
from meterline.platform import clock, files

KEPT = ("access_", "account_", "auth_", "django_", "mfa_", "platform_", "procrastinate_",
        "socialaccount_", "web_")  # fmt: skip
"""Beginnings of the names of tables that stay as they are."""
_TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname
"""


def check() -> Size:
    """How large the demo company is. Raises NotASandbox, NotOnlyDemoData: nothing but the demo
    company of a sandbox is ever reset."""
    if not os.environ.get("METERLINE_SANDBOX"):
        raise NotASandbox
    only_demo()
    today = clock.now().date()
    made = kept(files.home() / "demo", today)
    if made is not None:
        return made
    customers = max(Customer.objects.count(), len(COMPANIES))
    months = max(BillRun.objects.values("until").distinct().count(), 1)
    return last_months(customers, months, 1, today)


def restore(size: Size, say: Callable[[str], None]) -> None:
    """Empty the tables of the business, then live the demo anew; `say` gets a line a month."""
    folder = files.home() / "demo"
    with transaction.atomic():
        _empty()
    for path in (folder, files.home() / "usage"):
        shutil.rmtree(path, ignore_errors=True)
    folder.mkdir(parents=True)
    keep(size, folder)
    run(size, folder, say)


def _empty() -> None:
    """Numbers of rows go on, so that nothing remembered of an old row is taken for a new one."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        tables = [name for (name,) in cursor.fetchall() if not name.startswith(KEPT)]
        names = ", ".join(connection.ops.quote_name(name) for name in tables)
        for table in tables:
            cursor.execute(f"ALTER TABLE {connection.ops.quote_name(table)} DISABLE TRIGGER USER")
        cursor.execute(f"TRUNCATE {names}")
        for table in tables:
            cursor.execute(f"ALTER TABLE {connection.ops.quote_name(table)} ENABLE TRIGGER USER")
