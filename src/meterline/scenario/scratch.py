"""A scratch database and data folder, there for one run of scenarios and gone afterwards."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import DatabaseError, connection

from meterline.platform import clock
from meterline.scenario.errors import ScratchRefused


@contextmanager
def scratch() -> Iterator[None]:
    """Work on a new, empty database beside the configured one, and in a temporary folder.

    The database is made from the migrations. Raises ScratchRefused where the server does not
    allow it.
    """
    usual = connection.settings_dict["NAME"]
    name = f"meterline_scratch_{os.getpid()}_{secrets.token_hex(4)}"
    try:
        _execute(f'CREATE DATABASE "{name}"')
    except DatabaseError as error:
        raise ScratchRefused(reason=str(error).strip()) from error
    try:
        _switch(name)
        call_command("migrate", verbosity=0, interactive=False)
        with folder():
            yield
    finally:
        _switch(usual)
        _execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


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


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
