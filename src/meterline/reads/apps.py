"""The room tells usage of the files that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from meterline.platform.models import Event


class ReadsConfig(AppConfig):
    """Meter reads."""

    name = "meterline.reads"

    def ready(self) -> None:
        from meterline.platform import events
        from meterline.usage import intake

        intake.register("reads", "meterline.reads.load")
        events.subscribe("account.billing_day_set", _follow_account)


def _follow_account(event: Event) -> None:
    from meterline.reads.stale import note_account

    note_account(event)
