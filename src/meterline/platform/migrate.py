"""Is the database's schema the one that this version needs?"""

from __future__ import annotations

import os

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from meterline.kernel.errors import MeterlineError

_LOCK = 7206255


class PendingMigrations(MeterlineError):
    """the database is older than this version: {count} migrations are to be applied. Make a
    backup, then run `meterline migrate`"""

    code = "pending_migrations"


def pending() -> list[str]:
    """The migrations that are not applied yet."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def migrate() -> None:
    """Apply all migrations; several processes may try at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            call_command("migrate", verbosity=0, interactive=False)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def ensure_migrated() -> None:
    """On the embedded server, bring the database up to date; on any other one, refuse to work on
    an old one, since its owner decides when it changes."""
    missing = pending()
    if not missing:
        return
    if os.environ.get("METERLINE_DATABASE_URL"):
        raise PendingMigrations(count=len(missing))
    migrate()
