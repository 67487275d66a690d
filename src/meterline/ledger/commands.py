"""`meterline ledger`: trial balance, export, recognition of revenue."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from meterline.platform import clock
from meterline.platform.instants import parse_date

app = typer.Typer(help="The books.", no_args_is_help=True)
_console = Console()


@app.command("trial-balance")
def trial_balance_command(
    at: Annotated[str | None, typer.Option(help="Up to this date; default: everything.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Debit, credit and balance of each ledger account; the balances of a currency sum to 0."""
    from meterline.kernel.money import decimals
    from meterline.ledger import services

    frame = services.trial_balance(_date(at))
    if as_json:
        rows = [{k: str(v) for k, v in row.items()} for row in frame.iter_rows(named=True)]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("ledger account", "currency")
    for name in ("debit", "credit", "balance"):
        table.add_column(name, justify="right")
    for row in frame.iter_rows():
        places = decimals(row[1])
        table.add_row(row[0], row[1], *(f"{amount:,.{places}f}" for amount in row[2:]))
    _console.print(table)
    for currency, difference in services.differences(frame).items():
        state = "balanced" if difference == 0 else f"OUT OF BALANCE by {difference}"
        _console.print(f"{currency}: {state}")


@app.command("export")
def export_command(
    format: Annotated[str, typer.Option(help="beancount, hledger or csv.")] = "beancount",
    since: Annotated[str | None, typer.Option(help="From this date on.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this date.")] = None,
    output: Annotated[Path | None, typer.Option(help="File; default: standard output.")] = None,
) -> None:
    """Write the journal for another program."""
    from meterline.ledger import services
    from meterline.platform.files import write_bytes

    text = services.export(format, since=_date(since), until=_date(until))
    if output is None:
        sys.stdout.writelines(text)
    else:
        write_bytes(output, "".join(text).encode())


@app.command("recognise")
def recognise_command(
    until: Annotated[
        str | None, typer.Option(help="Earned before this date; default: now.")
    ] = None,
) -> None:
    """Move what is earned of advance billing from deferred revenue to revenue."""
    from meterline.ledger import services

    made = services.recognise(_date(until) or clock.now().date())
    _console.print(f"{made:,} entries made.")


def _date(text: str | None) -> date | None:
    return None if text is None else parse_date(text)
