"""Background jobs of documents: sending them, writing files for the print shop."""

from __future__ import annotations

from procrastinate.contrib.django import app

from meterline.platform import audit


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="send_invoices", lock="send_invoices", pass_context=False)
def send_invoices(timestamp: int) -> None:
    """Every minute: send the bills that wait, and say of which it is unknown."""
    from meterline.invoices import sending

    with audit.acting_as("system:worker"):
        sending.send_waiting()


@app.task(lock="send_invoices")
def send_asked(actor: str) -> None:
    """Send what somebody has just asked for."""
    from meterline.invoices import sending

    with audit.acting_as(actor):
        sending.send_waiting()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="print_invoices", lock="print_invoices", pass_context=False)
def print_invoices(timestamp: int) -> None:
    """Every minute: write the files for the print shop that were asked for."""
    from meterline.invoices import printing

    with audit.acting_as("system:worker"):
        for run in printing.unfinished():
            printing.write(run)


@app.task(lock="print_invoices")
def print_asked(actor: str) -> None:
    """Write the file that somebody has just asked for."""
    from meterline.invoices import printing

    with audit.acting_as(actor):
        for run in printing.unfinished():
            printing.write(run)
