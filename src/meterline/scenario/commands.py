"""`meterline scenario`: tests of tariffs, played through the real services."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Test tariffs: what happens, and what must be billed.")


@app.callback()
def group() -> None:
    """Test tariffs: what happens, and what must be billed."""


@app.command("run")
def run_command(
    files: Annotated[list[Path], typer.Argument(help="Scenario files.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
    name: Annotated[str, typer.Option("-k", help="Only scenarios whose name contains this.")] = "",
) -> None:
    """Run scenarios on a scratch database. Exit 0: all hold; 1: some do not; 2: malformed."""
    from meterline.scenario import report
    from meterline.scenario.read import read
    from meterline.scenario.run import Outcome, run
    from meterline.scenario.scratch import scratch

    found = [one for file in files for one in read(file)]
    chosen = [one for one in found if name.lower() in (one.name or "").lower()]
    outcomes: list[Outcome] = []
    if chosen:
        with scratch():
            for one in chosen:
                outcome = run(one)
                outcomes.append(outcome)
                if not as_json:
                    typer.echo(report.as_text(outcome), err=outcome.state == "malformed")
    typer.echo(report.as_json(outcomes) if as_json else report.summary(outcomes))
    raise typer.Exit(report.exit_code(outcomes))


schema_app = typer.Typer(help="JSON Schema of the file formats.", no_args_is_help=True)


@schema_app.command("catalog")
def catalog_schema_command() -> None:
    """The JSON Schema of catalogue files."""
    from meterline.catalog.schema import catalog_schema

    typer.echo(json.dumps(catalog_schema(), indent=2))


@schema_app.command("scenario")
def scenario_schema_command() -> None:
    """The JSON Schema of one scenario document."""
    from meterline.scenario.schema import scenario_schema

    typer.echo(json.dumps(scenario_schema(), indent=2))
