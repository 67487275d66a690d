"""`meterline usage receipts`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

_console = Console()
_COUNTS = ("events", "rated", "rejected", "duplicates")


def receipts(
    code: Annotated[
        str | None, typer.Argument(help="A receipt, to be told the fate of each of its events.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What came over HTTP and streams, and what became of it."""
    if code is not None:
        _one(code, as_json=as_json)
        return
    from meterline.usage.models import Receipt
    from meterline.usage.receipts import told

    rows = [told(one) for one in Receipt.objects.defer("body").order_by("-id")[:limit]]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("receipt", "state", "batch")
    table.columns[0].no_wrap = True
    for name in _COUNTS:
        table.add_column(name, justify="right")
    for row in rows:
        counts = (f"{row[name]:,}" for name in _COUNTS)
        table.add_row(row["receipt"], row["state"], str(row["batch"] or ""), *counts)
    _console.print(table)


def _one(code: str, *, as_json: bool) -> None:
    from meterline.usage.receipts import fates, receipt, told

    one = receipt(code)
    told_of_it: dict[str, Any] = told(one)
    if as_json:
        typer.echo(json.dumps({**told_of_it, "fates": [asdict(f) for f in fates(one)]}, indent=2))
        return
    for name, value in told_of_it.items():
        _console.print(f"{name}: {'' if value is None else value}", markup=False)
    table = Table("event", "fate", "reason", "detail", "reject")
    for fate in fates(one):
        reject = "" if fate.reject is None else str(fate.reject)
        table.add_row(str(fate.event), fate.fate, fate.reason, fate.detail, reject)
    _console.print(table)
