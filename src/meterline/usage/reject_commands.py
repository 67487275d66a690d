"""`meterline usage rejects`, `reject edit`, `recycle`, `accept`, `discard`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

one = typer.Typer(help="One reject.", no_args_is_help=True)
_console = Console()
_COUNTS = ("records", "rated", "rejected", "duplicates")
_HOW = {"plan": "as if on plan {}", "average": "by the average record of its meter", "unknown": ""}

SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="FIELD=VALUE to change in them first.")
]
ReasonOption = Annotated[str | None, typer.Option(help="Only of this reason.")]


def rejects(
    batch: Annotated[int | None, typer.Option(help="Only of this batch.")] = None,
    reason: ReasonOption = None,
    by_reason: Annotated[
        bool,
        typer.Option(
            "--by-reason", help="What is missing, how many wait for it, what is at stake."
        ),
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    output: Annotated[Path | None, typer.Option(help="Write all of them to a CSV file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Records that could not be rated, and why."""
    from meterline.usage import reject_file, services

    if by_reason:
        _by_reason(limit, as_json=as_json)
        return
    found = services.rejects(batch_id=batch, reason=reason)
    if output is not None:
        with output.open("w", encoding="utf-8", newline="") as file:
            reject_file.write(file, found)
        _console.print(f"{len(found):,} rejects written to {output}", markup=False)
        return
    if as_json:
        typer.echo(json.dumps([_reject(row) for row in found[:limit]], indent=2))
        return
    table = Table("reject", "file", "line", "reason", "detail")
    for row in found[:limit]:
        table.add_row(str(row.pk), row.file_name, str(row.line), row.reason, row.detail)
    _console.print(table)
    _console.print(f"{len(found):,} open rejects")


def _by_reason(limit: int, *, as_json: bool) -> None:
    from meterline.usage import worklist

    found = worklist.groups()[:limit]
    if as_json:
        typer.echo(json.dumps([_group(row) for row in found], indent=2))
        return
    table = Table("reason", "missing", "meter")
    for name in ("open", "about"):
        table.add_column(name, justify="right")
    for name in ("estimated", "first seen", "last seen", "for example"):
        table.add_column(name)
    for row in found:
        stake = "\n".join(f"{amount} {currency}" for currency, amount in row.stake)
        table.add_row(
            row.reason, row.missing, row.meter, f"{row.count:,}", stake,
            _HOW[row.how].format(row.plan), f"{row.first_at:%Y-%m-%d %H:%M}",
            f"{row.last_at:%Y-%m-%d %H:%M}", str(row.sample),
        )  # fmt: skip
    _console.print(table)


def recycle(
    ids: Annotated[list[int] | None, typer.Argument(help="Rejects; default: all.")] = None,
    change: SetOption = None,
    reason: ReasonOption = None,
    missing: Annotated[
        str | None,
        typer.Option(help="With --reason: only those that lack it, as --by-reason shows."),
    ] = None,
) -> None:
    """Try rejects again, after their cause is mended or with a field changed. What a check of a
    mapping refused is tried only where it is named."""
    from meterline.usage import services, worklist

    chosen = ids or None
    if missing is not None:
        if reason is None:
            raise typer.BadParameter("--missing needs --reason")
        chosen = worklist.ids_of(reason, missing)
    elif reason is not None:
        chosen = [row.pk for row in services.rejects(reason=reason)]
    batch = None if chosen == [] else services.recycle(chosen, changes=_changes(change))
    if batch is None:
        _console.print("There are no open rejects.")
        return
    counts = ", ".join(f"{getattr(batch, name):,} {name}" for name in _COUNTS)
    _console.print(f"Batch {batch.pk}: {counts}")


def accept(
    ids: Annotated[list[int] | None, typer.Argument(help="Rejects; default: all.")] = None,
) -> None:
    """Rate records that came later than their source may."""
    from meterline.usage import services

    batch = services.accept_late(ids or None)
    if batch is None:
        _console.print("There are no open rejects that came too late.")
        return
    counts = ", ".join(f"{getattr(batch, name):,} {name}" for name in _COUNTS)
    _console.print(f"Batch {batch.pk}: {counts}")


def discard(
    ids: Annotated[list[int], typer.Argument(help="Rejects to give up.")],
) -> None:
    """Give up rejects; they stay on record."""
    from meterline.usage import services

    _console.print(f"{services.discard(ids):,} rejects discarded")


@one.command("edit")
def edit(
    reject: Annotated[int, typer.Argument(help="Number of the reject.")],
    change: SetOption = None,
) -> None:
    """Change fields of a reject; `recycle` then tries it again."""
    from meterline.usage import services

    row = services.edit_reject(reject, _changes(change))
    for name, value in row.record.items():
        _console.print(f"{name}: {value}", markup=False)


def _changes(change: list[str] | None) -> dict[str, str]:
    changes = {}
    for text in change or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"expected FIELD=VALUE, not {text}")
        changes[name] = value
    return changes


def _group(row: Any) -> dict[str, Any]:
    return {
        "reason": row.reason, "missing": row.missing, "meter": row.meter, "count": row.count,
        "first_at": row.first_at.isoformat(), "last_at": row.last_at.isoformat(),
        "sample": row.sample, "detail": row.detail, "estimated_by": row.how, "plan": row.plan,
        "stake": {currency: str(amount) for currency, amount in row.stake},
    }  # fmt: skip


def _reject(row: Any) -> dict[str, Any]:
    names = ("file_name", "line", "reason", "detail", "record")
    return {"id": row.pk, "batch": row.batch_id, **{name: getattr(row, name) for name in names}}
