"""Background work of the console: checking files and importing them."""

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
