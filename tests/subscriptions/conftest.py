"""What tests of concurrency need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations


@pytest.fixture
def _flush_past_triggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Append-only tables refuse TRUNCATE, but the test database must be emptied afterwards."""
    plain = DatabaseOperations.sql_flush

    def sql_flush(self: DatabaseOperations, *args: Any, **options: Any) -> list[str]:
        statements = plain(self, *args, **options)
        return [
            "SET session_replication_role = replica",
            *statements,
            "SET session_replication_role = origin",
        ]

    monkeypatch.setattr(DatabaseOperations, "sql_flush", sql_flush)


@pytest.fixture
def at_once(_flush_past_triggers: None, transactional_db: None) -> Iterator[None]:
    """A database that several threads see: everything commits, and is emptied afterwards."""
    yield
