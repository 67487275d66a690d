"""`meterline catalog`: the product catalogue as files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from meterline.catalog.deck_commands import app as deck_app
from meterline.platform.instants import parse_date

if TYPE_CHECKING:
    from meterline.catalog.export import CatalogText
    from meterline.catalog.services import Change

app = typer.Typer(help="The product catalogue as files.", no_args_is_help=True)
app.add_typer(deck_app, name="deck")

FileArgument = Annotated[Path, typer.Argument(help="A catalogue file (YAML).")]
EffectiveOption = Annotated[
    str | None,
    typer.Option(
        help="Plans and rate cards hold from this date; default: new ones always, changes from"
        " today. A plan's own date goes first; everything else holds at once."
    ),
]
AtOption = Annotated[str | None, typer.Option(help="As in force on this date; default: today.")]
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
            typer.echo(error.message, err=True)
            continue
        typer.echo(f"{path}: valid; plans: {', '.join(found.plans) or 'none'}")
    raise typer.Exit(2 if faulty else 0)


@app.command("diff")
def diff_command(
    file: FileArgument, effective: EffectiveOption = None, as_json: JsonOption = False
) -> None:
    """What applying a file would change, field by field."""
    from meterline.catalog import services
    from meterline.catalog.files import parse

    changes = services.diff(parse(file), effective=_date(effective))
    changed = [change for change in changes if not change.unchanged]
    if as_json:
        typer.echo(
            json.dumps([told_change(change) for change in changes], indent=2, ensure_ascii=False)
        )
        return
    if changed:
        typer.echo(services.told(changes))
    typer.echo(f"{len(changed)} to publish, {len(changes) - len(changed)} unchanged")


def told_change(change: Change) -> dict[str, Any]:
    """A change as data."""
    from meterline.catalog import services

    state = "new" if change.before is None else "changed"
    held = services.holders(change)
    return {
        "kind": change.kind,
        "code": change.code,
        "state": "unchanged" if change.unchanged else state,
        "version": change.before.version if change.before and change.unchanged else change.version,
        "effective": change.effective.isoformat(),
        "differences": [vars(one) for one in change.differences()],
        "existing": held and {"subscriptions": held.count, "policy": held.existing},
    }


@app.command("apply")
def apply_command(
    file: FileArgument,
    effective: EffectiveOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Publish what a file changes, as new versions. Applying it again changes nothing."""
    from meterline.catalog import services
    from meterline.catalog.files import parse

    if dry_run:
        diff_command(file, effective, as_json)
        return
    applied = services.apply(parse(file), effective=_date(effective))
    if as_json:
        told = {"published": applied.made, "unchanged": applied.unchanged, "moved": applied.moved}
        typer.echo(json.dumps(told))
        return
    for kind, codes in applied.made.items():
        typer.echo(f"{kind}: {', '.join(codes)}")
    for code, count in applied.moved.items():
        typer.echo(f"{count} subscriptions of plan {code} move to its new version")
    made = sum(map(len, applied.made.values()))
    typer.echo(f"{made} published, {applied.unchanged} unchanged")


@app.command("export")
def export_command(
    plan: Annotated[list[str] | None, typer.Option(help="Only this plan (repeatable).")] = None,
    at: AtOption = None,
    output: Annotated[
        Path | None,
        typer.Option(help="File (.yaml) or folder; decks go beside it. Default: print."),
    ] = None,
) -> None:
    """Write the catalogue as files that apply to the same; one a currency and time zone."""
    from meterline.catalog import services
    from meterline.catalog.errors import SeveralFiles

    texts = services.export(plan, at=_date(at))
    if output is None:
        _print(texts)
        return
    single = output.suffix in (".yaml", ".yml")
    if single and len(texts) > 1:
        raise SeveralFiles(count=len(texts))
    folder = output.parent if single else output
    folder.mkdir(parents=True, exist_ok=True)
    for one in texts:
        path = output if single else folder / one.name
        path.write_text(one.text, encoding="utf-8")
        _copy_decks(one, folder)
        typer.echo(str(path))


def _print(texts: Sequence[CatalogText]) -> None:
    typer.echo("---\n".join(one.text for one in texts), nl=False)
    decks = sorted({name for one in texts for name in one.decks})
    if decks:
        typer.echo(f"Decks are not printed ({', '.join(decks)}): use --output.", err=True)


def _copy_decks(text: CatalogText, folder: Path) -> None:
    from meterline.catalog.reading import deck_path

    for name, digest in text.decks.items():
        shutil.copyfile(deck_path(digest), folder / name)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """The plans with their versions."""
    from meterline.catalog.models import PlanVersion

    fields = ("plan_code", "name", "version", "effective", "currency")
    found = PlanVersion.objects.filter(base=None).order_by("plan_code", "version").values(*fields)
    rows = [{"plan": row.pop("plan_code"), **row} for row in found]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, default=str, ensure_ascii=False))
        return
    if not rows:
        typer.echo("No plans yet: `meterline catalog apply FILE` publishes those of a file.")
        return
    table = Table(*rows[0])
    for row in rows:
        shown = {**row, "effective": "" if row["effective"] == date.min else row["effective"]}
        table.add_row(*(str(value) for value in shown.values()))
    Console().print(table)


@app.command("show")
def show_command(
    plan: Annotated[str, typer.Argument(help="Code of the plan.")],
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """A plan and what it needs, as a catalogue file."""
    from meterline.catalog import services
    from meterline.platform import clock

    if not as_json:
        _print(services.export([plan], at=_date(at)))
        return
    version = services.plan_version_at(plan, _date(at) or clock.now().date())
    names = ("plan_code", "name", "version", "effective", "existing", "currency", "timezone")
    told = {name.removesuffix("_code"): getattr(version, name) for name in names}
    told["body"] = version.body
    typer.echo(json.dumps(told, indent=2, default=str, ensure_ascii=False))


def _date(text: str | None) -> date | None:
    return None if text is None else parse_date(text)
