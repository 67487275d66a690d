"""Background jobs of usage."""

from __future__ import annotations

import threading

from procrastinate.contrib.django import app

from meterline.platform import audit
from meterline.platform.beside import beside


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


@beside
def load_received(stop: threading.Event) -> None:
    """Load what comes over HTTP and streams, within a second or two."""
    from meterline.usage import received

    received.run(stop)


@app.periodic(cron="17 3 * * *")
@app.task(queueing_lock="forget_receipts", pass_context=False)
def forget_receipts(timestamp: int) -> None:
    """Give up old receipts, every night."""
    from meterline.usage import receipts

    receipts.forget()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="recycle_owned", lock="recycle_owned", pass_context=False)
def recycle_owned(timestamp: int) -> None:
    """Try records again whose identifier has an owner now, every minute."""
    from meterline.usage import waiting

    with audit.acting_as("system:worker"):
        waiting.recycle_owned()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="tend_keys", lock="tend_keys", pass_context=False)
def tend_keys(timestamp: int) -> None:
    """Write the keys of what has come as a run, every minute, and merge runs."""
    from meterline.usage.tend_keys import tend

    tend()


@app.periodic(cron="23 2 * * *")
@app.task(queueing_lock="tend_usage", lock="tend_usage", pass_context=False)
def tend_usage(timestamp: int) -> None:
    """Every night: archive or erase what has stayed long enough, and pack small batches."""
    from meterline.usage import pack, retention

    with audit.acting_as("system:worker"):
        retention.keep_to_it()
        pack.compact()


@app.periodic(cron="53 * * * *")
@app.task(queueing_lock="sweep_usage", lock="sweep_usage", pass_context=False)
def sweep_usage(timestamp: int) -> None:
    """Every hour: remove folders that others took the place of, once nobody can be reading them."""
    from meterline.usage.folders import sweep

    sweep()
