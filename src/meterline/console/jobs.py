"""Background work of the console: files that are imported, and the demo company reset."""

from __future__ import annotations

from procrastinate.contrib.django import app

from meterline.platform import audit


@app.task
def check_import(file: int) -> None:
    """The dry run of a file."""
    from meterline.console import imports

    imports.check(file)


@app.task
def carry_out_import(file: int, actor: str) -> None:
    """Import a file that was checked, in the name of who said so."""
    from meterline.console import imports

    with audit.acting_as(actor):
        imports.carry_out(file)


@app.task(queueing_lock="restore_demo", lock="restore_demo", pass_context=False)
def restore_demo(actor: str) -> None:
    """Reset the demo company of a sandbox, in the name of whoever asked."""
    from meterline.console import training

    with audit.acting_as(actor):
        training.work()
