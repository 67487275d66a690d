"""`meterline usage`: loading files, batches, rejects."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from meterline.platform.instants import parse_date_or_instant
from meterline.usage import (
    life_commands,
    receipt_commands,
    reject_commands,
    rerate_commands,
    source_commands,
    stream_commands,
)

app = typer.Typer(help="Usage files, batches, rejects.", no_args_is_help=True)
_console = Console()

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_COUNTS = ("records", "rated", "rejected", "duplicates")

app.command("consume")(stream_commands.consume)
app.command("receipts")(receipt_commands.receipts)
app.command("sources")(source_commands.sources)
app.command("source")(source_commands.source)
app.command("watch")(source_commands.watch)
app.command("rerate")(rerate_commands.rerate)
app.command("rejects")(reject_commands.rejects)
app.command("recycle")(reject_commands.recycle)
app.command("accept")(reject_commands.accept)
app.command("discard")(reject_commands.discard)
app.add_typer(reject_commands.one, name="reject")
for _name in ("retention", "compact", "archive", "restore", "erase"):
    app.command(_name)(getattr(life_commands, _name))


@app.command("load")
def load_command(
    files: Annotated[
        list[str], typer.Argument(help="Usage files, or URLs such as s3://bucket/january/*.csv.gz.")
    ],
    format: Annotated[
        str | None, typer.Option(help="Their format; default: recognised from the content.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="Mapping file (YAML): which column is which field.")
    ] = None,
    source: Annotated[
        str, typer.Option(help="Where they come from; part of ids that are not given.")
    ] = "files",
    as_json: JsonOption = False,
) -> None:
    """Load files: decode, validate, deduplicate, guide, rate. A file that is loaded already
    changes nothing."""
    from meterline.usage import services

    told = []
    for location in files:
        with _progress(hidden=as_json) as progress:
            task = progress.add_task(location.rsplit("/", 1)[-1], total=None)
            report = partial(_report, progress, task)
            batches = services.load_all(
                location, format=format, mapping=mapping, source=source, progress=report
            )
        told += [_batch(batch) for batch in batches]
        if as_json:
            continue
        for batch in batches:
            counts = ", ".join(f"{getattr(batch, name):,} {name}" for name in _COUNTS)
            line = f"{batch.file_name}: batch {batch.pk} ({batch.format}): {counts}"
            _console.print(line, markup=False, soft_wrap=True)
    if as_json:
        typer.echo(json.dumps(told, indent=2))


@app.command("list")
def list_command(
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """The newest batches."""
    from meterline.usage.models import Batch

    rows = [_batch(batch) for batch in Batch.objects.order_by("-id")[:limit]]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("batch", "file", "format", "state")
    for name in _COUNTS:
        table.add_column(name, justify="right")
    for row in rows:
        counts = (f"{row[name]:,}" for name in _COUNTS)
        table.add_row(str(row["id"]), row["file"], row["format"], row["state"], *counts)
    _console.print(table)


@app.command("show")
def show_command(
    batch_id: Annotated[int, typer.Argument(help="Number of the batch.")],
    as_json: JsonOption = False,
) -> None:
    """A batch: its counts, and its control totals by price."""
    from meterline.usage import services

    batch = services.batch(batch_id)
    told = _batch(batch) | services.delivered(batch)
    told["totals"] = services.control_totals(batch)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    for name, value in told.items():
        if name != "totals":
            shown = "; ".join(value) if isinstance(value, list) else value
            _console.print(f"{name}: {shown}", markup=False)
    table = Table("plan", "price")
    for name in ("events", "quantity", "amount"):
        table.add_column(name, justify="right")
    for row in told["totals"]:
        table.add_row(row["plan"], row["price"], str(row["events"]), row["quantity"], row["amount"])
    _console.print(table)


@app.command("back-out")
def back_out_command(
    batch_id: Annotated[int, typer.Argument(help="Number of the batch.")],
) -> None:
    """Take a batch's records out again; what was billed of them is corrected by the next bill."""
    from meterline.usage import services

    made = services.back_out(batch_id)
    _console.print(f"Batch {batch_id} is backed out, by batch {made.pk}.")


@app.command("allowances")
def allowances_command(
    whose: Annotated[str, typer.Argument(help="Code of an account or a subscription.")],
    at: Annotated[str | None, typer.Option(help="An instant or day; default: now.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What is left of the allowances that an account, or one subscription, can use."""
    from meterline.usage import services

    moment = None if at is None else parse_date_or_instant(at)
    rows = [_balance(one) for one in services.balances_of(whose, moment)]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("allowance", "of", "from", "valid until")
    for name in ("granted", "used", "left"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row["allowance"], row["subscription"] or "account", row["from"][:16],
            (row["until"] or "")[:16], row["granted"], row["used"], row["left"],
        )  # fmt: skip
    _console.print(table)


def _balance(one: Any) -> dict[str, Any]:
    from meterline.kernel.explain import number

    return {
        "allowance": one.allowance, "subscription": one.subscription or None,
        "unit": "money" if one.money else None, "from": one.start.isoformat(),
        "until": one.end and one.end.isoformat(), "granted": number(one.granted),
        "used": number(one.used), "left": number(one.left),
    }  # fmt: skip


def _report(progress: Progress, task: TaskID, done: int) -> None:
    progress.update(task, completed=done)


def _progress(*, hidden: bool) -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,} records"),
        TimeElapsedColumn(), transient=True, disable=hidden or not sys.stderr.isatty(),
        console=Console(stderr=True),
    )  # fmt: skip


def _batch(batch: Any) -> dict[str, Any]:
    return {
        "id": batch.pk, "file": batch.file_name, "format": batch.format, "source": batch.source,
        "state": batch.state, "committed_at": batch.committed_at.isoformat(),
        **{name: getattr(batch, name) for name in _COUNTS},
    }  # fmt: skip
