"""Background work on contracts."""

from __future__ import annotations

from procrastinate.contrib.django import app


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="tell_renewals", pass_context=False)
def tell_renewals(timestamp: int) -> None:
    """Tell of the terms that were renewed, every ten minutes."""
    from meterline.subscriptions import renewals  # loaded by the worker alone

    renewals.tell()
