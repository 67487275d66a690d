"""Copies of a small company, each with a database and a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from crash.company import Company, named, prepare, server_url, write_files


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Company:
    """The company before its first usage file; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("prepared")
    write_files(folder)
    with psycopg.connect(server_url("postgres"), autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {named('crash_prepared')}")
        server.execute(f"CREATE DATABASE {named('crash_prepared')}")
    company = Company(folder=folder, url=server_url(named("crash_prepared")))
    prepare(company)
    return company


@pytest.fixture
def copy(prepared: Company, tmp_path: Path) -> Iterator[Callable[[str], Company]]:
    """Makes copies of the company, with database and folder."""
    made: list[str] = []

    def make(name: str) -> Company:
        folder = tmp_path / name
        shutil.copytree(prepared.folder, folder)
        database = named(f"crash_{name}")
        with psycopg.connect(server_url("postgres"), autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {database} TEMPLATE {named('crash_prepared')}")
        made.append(database)
        return Company(folder=folder, url=server_url(database))

    yield make
    with psycopg.connect(server_url("postgres"), autocommit=True) as server:
        for name in made:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
