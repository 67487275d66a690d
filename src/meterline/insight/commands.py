"""`meterline catalog simulate`: a tariff tried on the real usage of the whole base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def simulate_command(
    file: Annotated[Path, typer.Argument(help="A catalogue file (YAML).")],
    against: Annotated[
        str, typer.Option(help="The months that are billed anew: last-month, or as in 3-months.")
    ] = "last-month",
    segment: Annotated[
        list[str] | None,
        typer.Option(
            help="Only accounts with this: KEY=VALUE, the key being plan, region, currency,"
            " seller, segment, country, language or kind (repeatable)."
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Also write the bills one by one: a CSV file, or its URL.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; default: cores.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What a file would change: last month's bills now and under it. Nothing is written."""
    from meterline.catalog.files import parse
    from meterline.insight import report
    from meterline.insight.segment import conditions
    from meterline.insight.simulate import simulate
    from meterline.insight.window import months
    from meterline.platform import files

    bar = Progress(
        TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True), disable=as_json,
    )  # fmt: skip
    with bar:
        task = bar.add_task("simulating", total=None)
        found = simulate(
            parse(file),
            months=months(against),
            segment=conditions(segment or ()),
            workers=workers,
            progress=lambda done, all_: bar.update(task, completed=done, total=all_),
        )
    if output is not None:
        files.put(output, report.bills_csv(found.bills).write_csv)
    if as_json:
        typer.echo(json.dumps(report.as_dict(found), indent=2, default=str, ensure_ascii=False))
    else:
        typer.echo(report.as_text(found))
