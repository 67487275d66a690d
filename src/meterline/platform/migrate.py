"""Is the database's schema the one that this version needs?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import blake2b
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from meterline.kernel.errors import MeterlineError

_LOCK = 7206255
_EMPTY = "meterline_empty_"


class PendingMigrations(MeterlineError):
    """the database is older than this version: {count} migrations are to be applied. Make a
    backup, then run `meterline migrate`"""

    code = "pending_migrations"


def pending() -> list[str]:
    """The migrations that are not applied yet."""
    applied = MigrationRecorder(connection).applied_migrations()
    if all(one in applied for one in _written()):
        return []  # without loading them all, which takes longer than many a command
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def empty_database() -> str:
    """The name of the server's database without rows, with the schema of this version, that
    scenarios copy; another name where any migration differs."""
    digest = blake2b(digest_size=8)
    for label, name in sorted(_written()):
        package, _explicit = MigrationLoader.migrations_module(label)
        found = find_spec(f"{package}.{name}")
        digest.update(f"{label}.{name}\0".encode())
        digest.update(Path(found.origin).read_bytes() if found and found.origin else b"")
    return _EMPTY + digest.hexdigest()


def _written() -> Iterator[tuple[str, str]]:
    """Application and name of every migration, by the names of their files."""
    for label in (config.label for config in apps.get_app_configs()):
        package, _explicit = MigrationLoader.migrations_module(label)
        if package is None or find_spec(package) is None:
            continue
        for one in iter_modules(import_module(package).__path__):
            if not one.ispkg and one.name[0] not in "_~":
                yield label, one.name


def migrate() -> None:
    """Apply all migrations; several processes may try at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            call_command("migrate", verbosity=0, interactive=False)
            _drop_older_empty(cursor)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _drop_older_empty(cursor: Any) -> None:
    cursor.execute(
        "SELECT datname FROM pg_database WHERE datname ^@ %s AND datname <> %s"
        " AND pg_get_userbyid(datdba) = current_user",
        [_EMPTY, empty_database()],
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')


def ensure_migrated() -> None:
    """On the embedded server, bring the database up to date; on any other one, refuse to work on
    an old one, since its owner decides when it changes."""
    missing = pending()
    if not missing:
        return
    if os.environ.get("METERLINE_DATABASE_URL"):
        raise PendingMigrations(count=len(missing))
    migrate()
