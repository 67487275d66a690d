"""`meterline bill`: preview, dry run, run, resume."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

app = typer.Typer(help="Bill runs and previews.", no_args_is_help=True)
_console = Console()

UntilOption = Annotated[
    str | None,
    typer.Option(
        "--until",
        help="Bill what is due then: a date (midnight in each account's zone) or an instant."
        " Default: now.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("run")
def run_command(
    until: UntilOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be billed; change nothing.")
    ] = False,
    accounts: Annotated[
        list[str] | None, typer.Option("--accounts", help="Only these accounts (repeatable).")
    ] = None,
    progressive: Annotated[
        bool, typer.Option("--progressive", help="Bill usage to date, in mid-period.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Worker processes; default: cores.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Bill all accounts, or those named, for everything that is due."""
    from meterline.billing import services

    with _progress(hidden=as_json) as progress:
        report = services.run(
            parse_until(until),
            account_codes=accounts,
            dry_run=dry_run,
            progressive=progressive,
            workers=workers,
            progress=progress,
        )
    _show(report, dry_run=dry_run, as_json=as_json)


@app.command("resume")
def resume_command(
    workers: Annotated[int | None, typer.Option(help="Worker processes; default: cores.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Finish a bill run that was interrupted."""
    from meterline.billing import services

    with _progress(hidden=as_json) as progress:
        report = services.resume(workers=workers, progress=progress)
    if report is None:
        _console.print("No bill run is unfinished.")
        return
    _show(report, dry_run=False, as_json=as_json)


@app.command("preview")
def preview_command(account: str, until: UntilOption = None, as_json: JsonOption = False) -> None:
    """Show what a run would bill to one account now."""
    from meterline.billing import services
    from meterline.customers.services import account_by_code

    documents = services.preview(account_by_code(account).id, parse_until(until))
    if as_json:
        typer.echo(json.dumps([vars(document) for document in documents], default=str))
        return
    if not documents:
        _console.print(f"Nothing is due for account {account}.")
    for document in documents:
        table = Table(title=f"{document.kind.replace('_', ' ')} to {account}, {document.currency}")
        for name in ("line", "from", "to", "quantity", "amount"):
            table.add_column(name, justify="right" if name in ("quantity", "amount") else "left")
        for line in document.lines:
            table.add_row(
                _line_name(line), _day(line["start_at"]), _day(line["end_at"]),
                "" if line["quantity"] is None else f"{line['quantity'].normalize():f}",
                f"{line['amount'].normalize():f}",
            )  # fmt: skip
        _console.print(table)
        _console.print(
            f"net {document.net.normalize():f}  tax {document.tax.normalize():f}"
            f"  total {document.total.normalize():f}  due {document.due.normalize():f}"
        )


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """Show the bill runs, newest first."""
    from meterline.billing.models import BillRun

    runs = list(
        BillRun.objects.order_by("-id").values(
            "id", "until", "started_at", "finished_at", "accounts", "invoices", "chunks_done",
            "chunks",
        )[:50]
    )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(runs, default=str))
        return
    table = Table("run", "until", "started", "state", "accounts", "invoices")
    for run in runs:
        state = "finished" if run["finished_at"] else f"{run['chunks_done']}/{run['chunks']} chunks"
        table.add_row(
            str(run["id"]), run["until"], f"{run['started_at']:%Y-%m-%d %H:%M}", state,
            f"{run['accounts']:,}", f"{run['invoices']:,}",
        )  # fmt: skip
    _console.print(table)


def parse_until(text: str | None) -> date | datetime | None:
    """A date or an instant from the command line; an instant without an offset is UTC."""
    from meterline.platform.instants import parse_date_or_instant

    return None if text is None else parse_date_or_instant(text)


class _progress:
    """A bar of accounts billed; as a context, gives the callback that moves it."""

    def __init__(self, *, hidden: bool) -> None:
        self._bar = Progress(
            TextColumn("billing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=Console(stderr=True), disable=hidden,
        )  # fmt: skip
        self._task = self._bar.add_task("billing", total=None)

    def __enter__(self) -> Any:
        self._bar.start()
        return lambda done, all_: self._bar.update(self._task, completed=done, total=all_)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _show(report: Any, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(vars(report), default=str))
        return
    sums = ", ".join(f"{total:,.2f} {currency}" for currency, total in report.totals.items())
    verb = "would issue" if dry_run else "issued"
    _console.print(
        f"{report.accounts:,} accounts: {verb} {report.invoices:,} invoices"
        + (f", {sums}" if sums else "")
    )
    for row in report.largest:
        _console.print(f"  {row['account_code']}: {row['total']:,.2f} {row['currency']}")


def _line_name(line: dict[str, Any]) -> str:
    return f"{line['name']} ({line['band']})" if line["band"] else str(line["name"])


def _day(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant:%Y-%m-%d}"
