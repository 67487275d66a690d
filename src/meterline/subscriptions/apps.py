"""Makes subscriptions known to the catalogue when the program starts."""

from __future__ import annotations

from django.apps import AppConfig


class Subscriptions(AppConfig):
    """The room's Django application."""

    name = "meterline.subscriptions"
    label = "subscriptions"

    def ready(self) -> None:
        from meterline.catalog import existing

        existing.register("meterline.subscriptions.moves")
