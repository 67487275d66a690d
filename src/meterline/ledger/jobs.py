"""Background jobs of the books."""

from __future__ import annotations

from datetime import date

from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from meterline.ledger import services

ADD_UP = "add_up_books"


@app.periodic(cron="23 * * * *")
@app.task(queueing_lock="refresh_trial_balance", pass_context=False)
def refresh_trial_balance(timestamp: int) -> None:
    """Add all of the books up, every hour."""
    services.keep_trial_balance(None)


@app.task(name=ADD_UP, pass_context=False)
def add_up(up_to: str) -> None:
    """Add the books up to a day up, because somebody asked; "": everything."""
    services.keep_trial_balance(date.fromisoformat(up_to) if up_to else None)


def adding_up(up_to: str) -> bool:
    """Is somebody's trial balance of this day being added up, or about to be?"""
    asked = ProcrastinateJob.objects.filter(task_name=ADD_UP, args__up_to=up_to)
    return bool(asked.filter(status__in=("todo", "doing")).exists())
