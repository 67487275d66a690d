"""Background jobs of authoring."""

from __future__ import annotations

from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

PLAY = "review_draft"


@app.task(name=PLAY, pass_context=False)
def review_draft(draft_id: int, actor: str) -> None:
    """Play the scenarios of a draft, in a process of its own: they move its clock and work on
    another database."""
    from meterline.authoring.trial import review_as
    from meterline.billing.workers import in_workers

    for _ in in_workers(review_as, [(draft_id, actor)], workers=1):
        pass


def reviewing(draft_id: int) -> ProcrastinateJob | None:
    """The job that plays the scenarios of a draft, or waits to; None where there is none."""
    return (
        ProcrastinateJob.objects.filter(
            task_name=PLAY, status__in=("todo", "doing"), args__draft_id=draft_id
        )
        .order_by("-id")
        .first()
    )


def last_failed(draft_id: int) -> bool:
    """Whether the last such job of a draft broke off."""
    last = ProcrastinateJob.objects.filter(task_name=PLAY, args__draft_id=draft_id).order_by("-id")
    found = last.first()
    return found is not None and found.status == "failed"
