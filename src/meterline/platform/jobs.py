"""Background jobs: a queue in PostgreSQL, worked by `meterline worker`."""

from __future__ import annotations

from procrastinate.contrib.django import app

from meterline.platform import events


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="publish_events", pass_context=False)
def publish_events(timestamp: int) -> None:
    """Publish the events that wait in the outbox, every minute."""
    while events.publish():
        pass
