"""Background jobs of usage."""

from __future__ import annotations

from procrastinate.contrib.django import app

from meterline.platform import audit


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="watch_folders", lock="watch_folders", pass_context=False)
def watch_folders(timestamp: int) -> None:
    """Load what has come into the folders of sources, every minute."""
    from meterline.usage.watch import look_at_all

    look_at_all()


@app.task
def load_upload(upload: int, actor: str) -> None:
    """Load a file that somebody gave to a page, in their name."""
    from meterline.usage import uploads

    with audit.acting_as(actor):
        uploads.load(upload)
