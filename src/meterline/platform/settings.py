"""Django settings. Everything that differs between installations comes from the environment."""

from __future__ import annotations

import os

from psycopg.conninfo import conninfo_to_dict

from meterline.platform.embedded import database_url

SECRET_KEY = os.environ.get("METERLINE_SECRET_KEY", "development-only")
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "procrastinate.contrib.django",
    "meterline.platform",
    "meterline.customers",
    "meterline.catalog",
    "meterline.subscriptions",
    "meterline.usage",
    "meterline.ledger",
    "meterline.payments",
    "meterline.invoices",
    "meterline.billing",
]

_connection = conninfo_to_dict(database_url())
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _connection.get("dbname", "postgres"),
        "USER": _connection.get("user", ""),
        "PASSWORD": _connection.get("password", ""),
        "HOST": _connection.get("host", ""),
        "PORT": _connection.get("port", ""),
    }
}
