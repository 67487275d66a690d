"""Background jobs of insight."""

from __future__ import annotations

from procrastinate.contrib.django import app


@app.periodic(cron="7 * * * *")
@app.task(queueing_lock="refresh_reports", pass_context=False)
def refresh_reports(timestamp: int) -> None:
    """Compute the reports, every hour."""
    from meterline.insight import reports

    reports.refresh()
