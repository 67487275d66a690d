"""`meterline invoice send` and `print`: bills on their way to customers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

_console = Console()

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what it would do.")]


def send(
    numbers: Annotated[
        list[str] | None, typer.Argument(help="Documents to send (again); default: what waits.")
    ] = None,
    dry_run: DryRunOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send documents by e-mail: those named, or those that wait, as the worker does by itself."""
    from meterline.invoices import reading, sending
    from meterline.invoices.models import Invoice

    chosen = Invoice.objects.filter(pk__in=reading.ids_of(numbers)) if numbers else None
    if dry_run:
        _tell(_planned(chosen), as_json)
        return
    if chosen is not None:
        sending.ask(chosen)
    made = sending.send_waiting()
    told = {"sent": made.sent, "failed": made.failed, "later": made.later, "unknown": made.unknown}
    _tell(told, as_json)


def _planned(chosen: Any) -> dict[str, Any]:
    from meterline.invoices import sending

    waiting = sending.waiting()
    if chosen is None:
        addresses = waiting.filter(invoice__account__customer__party__email="").count()
        return {"documents": waiting.count(), "without_address": addresses}
    plan = sending.plan(chosen)
    return {"documents": plan.documents, "under_way": plan.under_way,
            "sent_before": plan.sent_before, "without_address": plan.without_address}  # fmt: skip


def print_bills(
    output: Annotated[Path, typer.Argument(help="The ZIP to write.")] = Path("bills.zip"),
    dry_run: DryRunOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Put the bills of customers who want paper into a ZIP of PDFs for the print shop."""
    from meterline.invoices import printing
    from meterline.invoices.models import Sending

    waiting = Sending.objects.filter(channel="post", state="waiting").count()
    run = None if dry_run or not waiting else printing.plan()
    if run is None:
        _tell({"documents": waiting}, as_json)
        return
    shutil.copyfile(printing.write(run.pk), output)
    _tell({"documents": run.documents, "file": str(output)}, as_json)


def _tell(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    words = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in told.items())
    _console.print(words.capitalize(), markup=False, soft_wrap=True)
