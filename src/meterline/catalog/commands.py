"""`meterline catalog` and `meterline schema`: the product catalogue as files."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from meterline.platform.instants import parse_date

app = typer.Typer(help="The product catalogue as files.", no_args_is_help=True)
_console = Console()

FileArgument = Annotated[Path, typer.Argument(help="A catalogue file (YAML).")]
EffectiveOption = Annotated[
    str | None,
    typer.Option(help="In force from this date; default: new things always, changes from today."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("validate")
def validate_command(
    files: Annotated[list[Path], typer.Argument(help="Catalogue files.")],
) -> None:
    """Check files; every fault with file, line, field and what was expected. Exit 2 if any."""
    from meterline.catalog.errors import CatalogInvalid
    from meterline.catalog.files import parse

    faulty = False
    for path in files:
        try:
            found = parse(path)
        except CatalogInvalid as error:
            faulty = True
            for problem in error.problems:
                typer.echo(str(problem), err=True)
        else:
            _console.print(f"{path}: {len(found.plans)} plans, valid", markup=False)
    raise typer.Exit(2 if faulty else 0)


@app.command("diff")
def diff_command(
    file: FileArgument, effective: EffectiveOption = None, as_json: JsonOption = False
) -> None:
    """What applying a file would change."""
    from meterline.catalog import services
    from meterline.catalog.files import parse

    changes = services.diff(parse(file), effective=_date(effective))
    changed = [change for change in changes if not change.unchanged]
    if as_json:
        typer.echo(json.dumps([_told(change) for change in changed], indent=2))
        return
    for change in changed:
        state = "new" if change.before is None else f"version {change.version}"
        _console.print(f"[bold]{change.kind} {change.code}[/]: {state}, from {change.effective}")
        for difference in change.differences() if change.before else ():
            _console.print(f"    {difference}", markup=False)
    _console.print(f"{len(changed)} changes, {len(changes) - len(changed)} unchanged")


def _told(change: Any) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "code": change.code,
        "version": change.version,
        "effective": change.effective.isoformat(),
        "differences": [vars(difference) for difference in change.differences()],
    }


@app.command("apply")
def apply_command(
    file: FileArgument,
    effective: EffectiveOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; change nothing.")
    ] = False,
) -> None:
    """Publish what a file changes, as new versions. Applying it again changes nothing."""
    from meterline.catalog import services
    from meterline.catalog.files import parse

    if dry_run:
        diff_command(file, effective)
        return
    applied = services.apply(parse(file), effective=_date(effective))
    for kind, codes in applied.made.items():
        _console.print(f"{kind}: {', '.join(codes)}", markup=False)
    made = sum(map(len, applied.made.values()))
    _console.print(f"{made} published, {applied.unchanged} unchanged")


@app.command("export")
def export_command(
    plan: Annotated[list[str] | None, typer.Option(help="Only this plan (repeatable).")] = None,
    at: Annotated[
        str | None, typer.Option(help="As in force on this date; default: today.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the files and their decks; default: print.")
    ] = None,
) -> None:
    """Write the catalogue as files, one for each currency and time zone."""
    import shutil

    from meterline.catalog import services
    from meterline.catalog.reading import deck_path

    texts = services.export(plan, at=_date(at))
    for index, one in enumerate(texts):
        if output is None:
            typer.echo(("---\n" if index else "") + one.text, nl=False)
            continue
        output.mkdir(parents=True, exist_ok=True)
        (output / one.name).write_text(one.text, encoding="utf-8")
        for name, digest in one.decks.items():
            shutil.copyfile(deck_path(digest), output / name)
        _console.print(f"{output / one.name}", markup=False)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """The plans with their versions."""
    from meterline.catalog.models import PlanVersion

    fields = ("plan_code", "name", "version", "effective", "currency")
    rows = PlanVersion.objects.filter(base=None).order_by("plan_code", "version").values(*fields)
    if as_json:
        typer.echo(json.dumps(list(rows), indent=2, default=str))
        return
    table = Table("plan", "name", "version", "effective", "currency")
    for row in rows:
        table.add_row(*(str(row[name]) for name in fields))
    _console.print(table)


@app.command("show")
def show_command(
    plan: Annotated[str, typer.Argument(help="Code of the plan.")],
    at: Annotated[
        str | None, typer.Option(help="As in force on this date; default: today.")
    ] = None,
) -> None:
    """A plan and what it needs, as a catalogue file."""
    export_command([plan], at)


def _date(text: str | None) -> date | None:
    return None if text is None else parse_date(text)
