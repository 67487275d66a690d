"""The room tells usage of the files that it takes."""

from __future__ import annotations

from django.apps import AppConfig


class ReadsConfig(AppConfig):
    """Meter reads."""

    name = "meterline.reads"

    def ready(self) -> None:
        from meterline.platform import events
        from meterline.reads import stale
        from meterline.usage import intake

        intake.register("reads", "meterline.reads.load")
        events.subscribe("account.billing_day_set", stale.note_account)
