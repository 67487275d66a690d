"""Brings the roles of the product into the database when it is migrated."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class Access(AppConfig):
    """The room's Django application."""

    name = "meterline.access"
    label = "access"

    def ready(self) -> None:
        post_migrate.connect(_bring_roles, sender=self)


def _bring_roles(**_: Any) -> None:
    from meterline.access.services import bring_roles

    bring_roles()
