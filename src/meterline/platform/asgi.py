"""The web application, for an ASGI server; `meterline serve` runs it.

Each request runs in a thread of its own, so connections to the database are kept in a pool: a new
one would cost each request more than all that it asks. One that broke is replaced when it is taken.
"""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

POOL = {"min_size": 2, "max_size": 20, "timeout": 10, "name": "web"}
"""Requests above `max_size` wait for a connection, up to `timeout` seconds."""

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meterline.platform.settings")
application = get_asgi_application()


def _pool_connections() -> None:
    from django.db import connection

    connection.close()  # what was opened before does not belong to the pool
    connection.settings_dict["OPTIONS"]["pool"] = POOL
    connection.settings_dict["CONN_HEALTH_CHECKS"] = True


_pool_connections()
