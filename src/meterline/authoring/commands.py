"""`meterline catalog`: simulating a file, and its way as a draft to publication."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from meterline.catalog.commands import app, told_change
from meterline.insight.commands import simulate_command
from meterline.platform.instants import parse_date

if TYPE_CHECKING:
    from meterline.authoring.trial import Review
    from meterline.catalog.models import Draft

app.command("simulate")(simulate_command)

DraftArgument = Annotated[int, typer.Argument(help="Number of the draft.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("draft")
def draft_command(
    file: Annotated[Path, typer.Argument(help="A catalogue file (YAML).")],
    scenarios: Annotated[
        list[Path] | None,
        typer.Option(help="A scenario file that must hold, kept with the draft (repeatable)."),
    ] = None,
    note: Annotated[str, typer.Option(help="Why, for those who review it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Keep a checked file, with its decks and scenarios, to be reviewed and published."""
    from meterline.authoring.bundle import bundle
    from meterline.catalog import drafts

    name, kept = bundle(file, scenarios or [])
    draft = drafts.create(name, kept, note=note)
    if as_json:
        typer.echo(json.dumps(_told(draft), default=str))
        return
    typer.echo(f"draft {draft.pk}: {name}, {len(kept)} files, digest {draft.digest[:12]}")


@app.command("drafts")
def drafts_command(as_json: JsonOption = False) -> None:
    """The drafts, newest first."""
    from meterline.catalog import drafts

    rows = [_told(draft) for draft in drafts.drafts()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, default=str, ensure_ascii=False))
        return
    if not rows:
        typer.echo("No drafts: `meterline catalog draft FILE` keeps one.")
        return
    table = Table("draft", "file", "state", "author", "made", "effective", "note")
    for row in rows:
        made = f"{row['created_at']:%Y-%m-%d %H:%M}"
        shown = [row[name] for name in ("draft", "file", "state", "author")]
        shown += [made, row["effective"] or "", row["note"]]
        table.add_row(*map(str, shown))
    Console().print(table)


@app.command("review")
def review_command(draft: DraftArgument, as_json: JsonOption = False) -> None:
    """What a draft changes now, whom it affects, and whether its scenarios hold. Exit 1 if not."""
    from meterline.authoring.trial import review
    from meterline.catalog import drafts

    found = review(drafts.get(draft))
    if as_json:
        typer.echo(json.dumps(_review(found), indent=2, default=str, ensure_ascii=False))
    else:
        _print_review(found)
    raise typer.Exit(0 if all(one["passed"] for one in found.outcomes or ()) else 1)


@app.command("approve")
def approve_command(
    draft: DraftArgument,
    effective: Annotated[str, typer.Option(help="Plans and rate cards hold from this date.")],
    publish: Annotated[bool, typer.Option("--publish", help="Publish it at once.")] = False,
) -> None:
    """Let a draft be published; not by its author, unless the rules say so."""
    from meterline.catalog import drafts

    held = drafts.approve(drafts.get(draft), effective=parse_date(effective))
    typer.echo(f"draft {held.pk}: approved by {held.approved_by}, effective {held.effective}")
    if publish:
        publish_command(draft)


@app.command("publish")
def publish_command(draft: DraftArgument) -> None:
    """Publish an approved draft, as new versions from the approved date."""
    from meterline.catalog import drafts

    applied = drafts.publish(drafts.get(draft))
    for kind, codes in applied.made.items():
        typer.echo(f"{kind}: {', '.join(codes)}")
    typer.echo(f"{sum(map(len, applied.made.values()))} published, {applied.unchanged} unchanged")


@app.command("withdraw")
def withdraw_command(draft: DraftArgument) -> None:
    """Give a draft up; it stays on record."""
    from meterline.catalog import drafts

    typer.echo(f"draft {drafts.withdraw(drafts.get(draft)).pk}: withdrawn")


@app.command("rules")
def rules_command(
    review: Annotated[
        str | None, typer.Option(help="required: publish drafts only; optional: files too.")
    ] = None,
    approval: Annotated[
        str | None, typer.Option(help="four-eyes: not by the author; or single-operator.")
    ] = None,
) -> None:
    """What is demanded before a catalogue is published; with options, change it."""
    from meterline.catalog import services

    rule = services.set_rules(
        required=_choice("--review", review, yes="required", no="optional"),
        four_eyes=_choice("--approval", approval, yes="four-eyes", no="single-operator"),
    )
    typer.echo(f"review: {'required' if rule.required else 'optional'}")
    typer.echo(f"approval: {'four-eyes' if rule.four_eyes else 'single-operator'}")


def _choice(option: str, given: str | None, *, yes: str, no: str) -> bool | None:
    if given not in (None, yes, no):
        raise typer.BadParameter(f"expected {yes} or {no}, not {given!r}", param_hint=option)
    return None if given is None else given == yes


def _told(draft: Draft) -> dict[str, Any]:
    names = ("state", "digest", "author", "note", "created_at", "effective", "approved_by",
             "approved_at")  # fmt: skip
    return {"draft": draft.pk, "file": draft.name} | {name: getattr(draft, name) for name in names}


def _review(found: Review) -> dict[str, Any]:
    return {
        **_told(found.draft),
        "changes": [told_change(change) for change in found.changes],
        "affected": {plan: list(why) for plan, why in found.reasons.items()},
        "subscriptions": found.subscriptions,
        "scenarios": found.outcomes,
    }


def _print_review(found: Review) -> None:
    from meterline.catalog.services import told

    draft = found.draft
    typer.echo(f"draft {draft.pk}: {draft.name} by {draft.author}, {draft.created_at:%Y-%m-%d}")
    if draft.note:
        typer.echo(f"  {draft.note}")
    typer.echo(told(found.changes))
    for plan, why in sorted(found.reasons.items()):
        count = found.subscriptions.get(plan, 0)
        typer.echo(f"affects {plan}: {count:,} subscriptions ({', '.join(why)})")
    if found.outcomes is None:
        typer.echo("no scenarios are kept with it")
    for one in found.outcomes or ():
        typer.echo(f"{'holds' if one['passed'] else 'FAILS'}  {one['file']}: {one['scenario']}")
        for text in one["differences"]:
            typer.echo("    " + text.replace("\n", "\n    "))
