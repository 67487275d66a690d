"""A scratch database and data folder, there for one run of scenarios and gone afterwards."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management import call_command
from django.db import DatabaseError, ProgrammingError, connection

from meterline.platform import clock, migrate
from meterline.scenario.errors import ScratchRefused


@contextmanager
def scratch() -> Iterator[None]:
    """Work on a new, empty database beside the configured one, and in a temporary folder.

    Raises ScratchRefused where the server does not allow it.
    """
    name = _name()
    try:
        _execute(f'CREATE DATABASE "{name}" TEMPLATE "{_empty()}"')
    except DatabaseError as error:
        raise ScratchRefused(reason=str(error).strip()) from error
    with _dropped_after(name), _switched(name), folder():
        yield


def _name() -> str:
    return f"meterline_scratch_{os.getpid()}_{secrets.token_hex(4)}"


def _empty() -> str:
    """A database without rows, to be copied: the server's, with the schema of this version. The
    first to want it makes it, which takes as long as the migrations."""
    name = migrate.empty_database()
    if _execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
        return name
    made = _name()
    _execute(f'CREATE DATABASE "{made}"')
    with _dropped_after(made):
        with _switched(made):
            call_command("migrate", verbosity=0, interactive=False)
        with suppress(ProgrammingError):  # another process was first
            _execute(f'ALTER DATABASE "{made}" RENAME TO "{name}"')
    return name


@contextmanager
def _dropped_after(name: str) -> Iterator[None]:
    try:
        yield
    finally:
        _execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def _switched(name: str) -> Iterator[None]:
    usual = connection.settings_dict["NAME"]
    _switch(name)
    try:
        yield
    finally:
        _switch(usual)


@contextmanager
def folder() -> Iterator[None]:
    """A temporary data folder; the clock and the folder before are back afterwards."""
    before = os.environ.get("METERLINE_HOME")
    moved = clock.now() if "METERLINE_CLOCK" in os.environ else None
    with tempfile.TemporaryDirectory(prefix="meterline-scenario-") as path:
        os.environ["METERLINE_HOME"] = path
        try:
            yield
        finally:
            clock.move_to(moved)
            if before is None:
                del os.environ["METERLINE_HOME"]
            else:
                os.environ["METERLINE_HOME"] = before


def _switch(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def _execute(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
