"""`meterline usage rerate`."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from meterline.platform.instants import parse_date_or_instant

_console = Console()


def rerate(
    batch: Annotated[int | None, typer.Option(help="Records of this batch.")] = None,
    account: Annotated[str | None, typer.Option(help="Records of this account.")] = None,
    subscription: Annotated[str | None, typer.Option(help="Records of this subscription.")] = None,
    price: Annotated[
        str | None, typer.Option(help="Records rated at this price: CODE, or PLAN.CODE.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Records that start at or after it.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Records that start before it.")] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="Do it. Default: only show the difference.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rate usage anew under catalogue and contracts as they are now; first shows the difference."""
    from meterline.usage.difference import difference, selected
    from meterline.usage.rehearsal import rehearsal
    from meterline.usage.rework import rework

    wanted = selected(
        batch=batch, account=account, subscription=subscription, price=price,
        start=None if start is None else parse_date_or_instant(start),
        end=None if end is None else parse_date_or_instant(end),
    )  # fmt: skip
    with nullcontext() if commit else rehearsal():
        outcome = rework(wanted)
        found = difference([one.pk for one in outcome.batches])
    if as_json:
        typer.echo(json.dumps(_told(outcome, found, commit=commit), indent=2))
        return
    _console.print(
        f"{outcome.records:,} records looked at, {outcome.changed:,} change, {outcome.refused:,} of"
        f" them cannot be rated any more; {found.accounts_count:,} accounts", markup=False,
    )  # fmt: skip
    if outcome.changed:
        _console.print(_table("price", found.prices))
        _console.print(_table("account, the largest changes", found.accounts))
    if not commit:
        _console.print("Nothing was changed: --commit does it.")
    elif outcome.batches:
        numbers = ", ".join(str(one.pk) for one in outcome.batches)
        _console.print(f"Done, by batch {numbers}. The next bill corrects what was invoiced.")


def _table(title: str, rows: Any) -> Table:
    table = Table(title, "currency")
    for name in ("quantity before", "after", "rated before", "after", "difference"):
        table.add_column(name, justify="right")
    for one in rows:
        figures = (one.quantity_before, one.quantity_after, one.before, one.after, one.by)
        table.add_row(one.name, one.currency, *(f"{figure.normalize():f}" for figure in figures))
    return table


def _told(outcome: Any, found: Any, *, commit: bool) -> dict[str, Any]:
    names = ("name", "currency", "quantity_before", "quantity_after", "before", "after", "by")
    return {
        "committed": commit, "records": outcome.records, "changed": outcome.changed,
        "refused": outcome.refused, "accounts": found.accounts_count,
        "batches": [one.pk for one in outcome.batches] if commit else [],
        "prices": [{name: str(getattr(one, name)) for name in names} for one in found.prices],
        "largest": [{name: str(getattr(one, name)) for name in names} for one in found.accounts],
    }  # fmt: skip
