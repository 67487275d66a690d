"""Background work of billing: dry runs of plans, their runs, going on with what was interrupted.

Every command loads this module; what the work stands on is loaded by the worker alone.
"""

from __future__ import annotations

from procrastinate.contrib.django import app

from meterline.platform import audit


@app.task(queueing_lock="bill_resume")
def resume_run(actor: str) -> None:
    """Finish the run that was interrupted."""
    from meterline.billing import planning, services

    with audit.acting_as(actor):
        services.resume()
    planning.settle()


@app.task
def check_plan(plan: int) -> None:
    """The dry run of a plan."""
    from meterline.billing import planning

    planning.check(plan)


@app.task
def issue_plan(plan: int, actor: str) -> None:
    """The run of a plan, in the name of who released it."""
    from meterline.billing import planning

    with audit.acting_as(actor):
        planning.issue(plan)
