"""`meterline demo`: a living group of companies, generated from a seed."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer


def demo(
    customers: Annotated[int, typer.Option(help="How many customers.")] = 1500,
    months: Annotated[int, typer.Option(help="How many months, up to the last whole one.")] = 12,
    seed: Annotated[int, typer.Option(help="The same seed makes the same data.")] = 1,
    until: Annotated[
        str | None, typer.Option(help="The month after the last, such as 2026-01; default: this.")
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Drop the data of an earlier demo first.")
    ] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="Of a sandbox: live it anew, keep who signs in.")
    ] = False,
) -> None:
    """Create three companies with customers, usage, invoices and payments, and show them."""
    if restore:
        from meterline.demo import restore as again

        again.restore(again.check(), typer.echo)
        return
    from meterline.demo import report, safety
    from meterline.demo.documents import leave_invoices
    from meterline.demo.run import run
    from meterline.demo.size import last_months
    from meterline.platform import clock

    today = clock.now().date()
    if until is not None:
        try:
            today = date.fromisoformat(f"{until}-01")
        except ValueError:
            raise typer.BadParameter("expected a month such as 2026-01") from None
    size = last_months(customers, months, seed, today)
    folder = safety.prepare(size, reset=reset)
    story = run(size, folder, typer.echo)
    leave_invoices(story)
    for line in report.tell(story):
        typer.echo(line)
    raise typer.Exit(0 if report.balanced() else 1)
