"""A real PostgreSQL for the whole session, and a data folder of its own for each test."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from hypothesis import settings

from meterline.platform.catalogues import compile_all

_HOME = Path(os.environ.get("METERLINE_TEST_HOME") or tempfile.mkdtemp(prefix="meterline-tests-"))
os.environ["METERLINE_TEST_HOME"] = str(_HOME)  # workers of one session share one server
os.environ["METERLINE_HOME"] = str(_HOME)
os.environ.pop("METERLINE_CLOCK", None)
os.environ["DJANGO_SETTINGS_MODULE"] = "meterline.platform.settings"
compile_all()  # translations may have changed since the set-up
django.setup()  # with the folder above, and not where the tests are called from

settings.register_profile("any machine", deadline=None)  # a busy one is no failure
settings.load_profile("any machine")

pytest_plugins = ["browsing"]  # once, so that there is one browser

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh data folder; the database stays the session's."""
    monkeypatch.setenv("METERLINE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def _past_triggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Append-only tables refuse TRUNCATE, but the test database must be emptied afterwards."""
    from django.db.backends.postgresql.operations import DatabaseOperations

    plain = DatabaseOperations.sql_flush

    def sql_flush(self: DatabaseOperations, *args: Any, **options: Any) -> list[str]:
        return [
            "SET session_replication_role = replica",
            *plain(self, *args, **options),
            "SET session_replication_role = origin",
        ]

    monkeypatch.setattr(DatabaseOperations, "sql_flush", sql_flush)


@pytest.fixture
def at_once(_past_triggers: None, transactional_db: None) -> None:
    """A database that several threads see: everything commits, and is emptied afterwards."""


@pytest.fixture(autouse=True)
def _running_clock() -> Iterator[None]:
    """No test leaves the clock moved."""
    yield
    os.environ.pop("METERLINE_CLOCK", None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server that the session started."""
    if hasattr(config, "workerinput"):
        return
    import shutil

    from meterline.platform.embedded import stop

    stop(_HOME / "postgresql")
    shutil.rmtree(_HOME, ignore_errors=True)
