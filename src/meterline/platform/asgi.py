"""The pages, as an ASGI application; `api/asgi.py` puts the API before them.

Each request runs in a thread of its own, so connections to the database are kept in a pool: a new
one would cost each request more than all that it asks. One that broke is replaced when it is taken.
"""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

from meterline.platform import libraries

POOL = {"min_size": 2, "max_size": 20, "timeout": 10, "name": "web"}
"""Requests above `max_size` wait for a connection, up to `timeout` seconds."""
PLANNED = """
    SET random_page_cost = 1.1; SET jit = off; SET max_parallel_workers_per_gather = 0;
    SET enable_seqscan = off
"""
"""Pages ask for few rows by an index, of data that is in memory or on a solid disk: to compile a
query, or to start workers for it, takes longer than such a query does. Reading a table through
until six rows of many have come is a bad bet: they may all stand at its end."""

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meterline.platform.settings")
libraries.for_pages()
libraries.load()
application = get_asgi_application()


def serve_pages() -> None:
    """Connections of this process are pooled from now on, and plan for pages."""
    from django.db import connection
    from django.db.backends.signals import connection_created

    connection.close()  # what was opened before does not belong to the pool
    connection.settings_dict["OPTIONS"]["pool"] = POOL
    connection.settings_dict["CONN_HEALTH_CHECKS"] = True
    connection_created.connect(_plan_for_pages)


def _plan_for_pages(connection: Any, **_signal: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(PLANNED)


serve_pages()
