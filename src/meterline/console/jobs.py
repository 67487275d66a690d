"""Background jobs of the console."""

from __future__ import annotations

from procrastinate.contrib.django import app

from meterline.platform import audit


@app.task(queueing_lock="restore_demo", lock="restore_demo", pass_context=False)
def restore_demo(actor: str) -> None:
    """Reset the demo company of a sandbox, in the name of whoever asked."""
    from meterline.console import training

    with audit.acting_as(actor):
        training.work()
