"""Background jobs of meter reads."""

from __future__ import annotations

from procrastinate.contrib.django import app

from meterline.platform import audit


@app.periodic(cron="11 1 * * *")
@app.task(queueing_lock="follow_contracts", lock="follow_contracts", pass_context=False)
def follow_contracts(timestamp: int) -> None:
    """Every night: bring usage up to contracts that began, ended or moved between two reads."""
    from meterline.reads import services

    with audit.acting_as("system:worker"):
        services.refresh()
