"""Scratch databases are copies of an empty one, which is made once for each schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from meterline.customers.models import Account
from meterline.platform import migrate
from meterline.scenario import scratch as module
from meterline.scenario.scratch import scratch


@pytest.fixture(autouse=True)
def _database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def is_there(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        return bool(cursor.fetchall())


def test_the_empty_database_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = connection.settings_dict["NAME"]
    with scratch():
        assert connection.settings_dict["NAME"] != usual
        assert not Account.objects.exists()
    assert connection.settings_dict["NAME"] == usual
    assert is_there(migrate.empty_database())
    monkeypatch.delattr(module, "call_command")
    with scratch():
        assert not Account.objects.exists()


def test_a_migrated_server_drops_those_of_other_versions() -> None:
    with scratch(), connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE meterline_empty_older")
    migrate.migrate()
    assert not is_there("meterline_empty_older")
    assert is_there(migrate.empty_database())


def test_nothing_is_left_when_what_is_played_fails() -> None:
    with pytest.raises(ZeroDivisionError), scratch():
        name = connection.settings_dict["NAME"]
        assert is_there(name)
        raise ZeroDivisionError
    assert not is_there(name)
