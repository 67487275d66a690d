"""Whether background work is still going on, or was lost with its worker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db.models import Q
from django.db.models.functions import Now
from procrastinate.contrib.django.models import ProcrastinateJob

SILENCE: Final = timedelta(seconds=60)
"""A worker tells every ten seconds that it lives; after so long without a word it is lost."""


def at_work(tasks: list[str], **arguments: Any) -> bool:
    """Is a job of one of these tasks with these arguments waiting, or done by a living worker?"""
    lives = Q(status="doing", worker__last_heartbeat__gt=Now() - SILENCE)
    jobs = ProcrastinateJob.objects.filter(Q(status="todo") | lives, task_name__in=tasks)
    found: bool = jobs.filter(args__contains=arguments).exists()
    return found
