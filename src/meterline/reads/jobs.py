"""Background jobs of reads."""

from __future__ import annotations

from procrastinate.contrib.django import app

from meterline.platform import audit


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="follow_contracts", lock="follow_contracts", pass_context=False)
def follow_contracts(timestamp: int) -> None:
    """Bring usage up to contracts that have changed between reads, every minute."""
    from meterline.reads import services

    with audit.acting_as("system:worker"):
        services.catch_up()
