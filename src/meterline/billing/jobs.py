"""Background work of billing: dry runs of plans, their runs, going on with what was interrupted."""

from __future__ import annotations

from procrastinate.contrib.django import app

from meterline.billing import planning, services
from meterline.platform import audit


@app.task(queueing_lock="bill_resume")
def resume_run(actor: str) -> None:
    """Finish the run that was interrupted."""
    with audit.acting_as(actor):
        services.resume()
    planning.settle()


@app.task
def check_plan(plan: int) -> None:
    """The dry run of a plan."""
    planning.check(plan)


@app.task
def issue_plan(plan: int, actor: str) -> None:
    """The run of a plan, in the name of who released it."""
    with audit.acting_as(actor):
        planning.issue(plan)
