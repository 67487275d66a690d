"""Background jobs of insight."""

from __future__ import annotations

from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

SIMULATE = "simulate_what_if"


@app.periodic(cron="7 * * * *")
@app.task(queueing_lock="refresh_reports", pass_context=False)
def refresh_reports(timestamp: int) -> None:
    """Compute the reports, every hour."""
    from meterline.insight import reports

    reports.refresh()


@app.task(name=SIMULATE, pass_context=False)
def simulate_what_if(what_if: int) -> None:
    """Simulate what was asked."""
    from meterline.insight import what_ifs

    what_ifs.run(what_if)


def simulating(what_if: int) -> bool:
    """Whether a job simulates it, or waits to."""
    return bool(
        ProcrastinateJob.objects.filter(
            task_name=SIMULATE, status__in=("todo", "doing"), args__what_if=what_if
        ).exists()
    )
