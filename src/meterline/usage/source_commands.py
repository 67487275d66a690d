"""`meterline usage sources`, `source`, `watch`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

_console = Console()

FormatOption = Annotated[
    str | None, typer.Option(help="Format of its files; default: recognised from the content.")
]
MappingOption = Annotated[
    Path | None, typer.Option(help="Mapping file (YAML): which column is which field.")
]
SettleOption = Annotated[
    int, typer.Option(min=0, help="Seconds for which a file must not change to be whole.")
]


def sources(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Where usage comes from: what each source sent, and which of its numbered files are
    missing."""
    from meterline.usage.sources import sources

    found = sources()
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2, default=_plain))
        return
    table = Table(
        "source", "files", "records", "rejected", "flagged", "last file", "next", "missing"
    )
    for one in found:
        counts = (f"{n:,}" for n in (one.files, one.records, one.rejected, one.flagged))
        when = "" if one.last_at is None else f"{one.last_at:%Y-%m-%d %H:%M}"
        after = "\n".join(str(stream.expected) for stream in one.streams)
        missing = "\n".join(
            f"{stream.name} {stream.missing}".strip() if stream.missing else "none"
            for stream in one.streams
        )
        table.add_row(one.code, *counts, when, after, missing)
    _console.print(table)


def source(
    code: Annotated[str, typer.Argument(help="Name of the source.")],
    folder: Annotated[
        Path | None, typer.Option(help="Folder in which the worker looks for its files.")
    ] = None,
    format: FormatOption = None,
    mapping: MappingOption = None,
    settle: SettleOption = 5,
    late_days: Annotated[
        int | None,
        typer.Option(min=0, help="Days after which records go to review; default: never."),
    ] = None,
) -> None:
    """Say how a source is read, the folder that the worker watches for it, and how old its records
    may be."""
    from meterline.usage.sources import set_source

    made = set_source(
        code, folder=folder, format=format, mapping=mapping, settle=settle, late_days=late_days
    )
    where = f"its files are taken from {made.folder}" if made.folder else "no folder is watched"
    age = "" if late_days is None else f"; what is older than {late_days} days goes to review"
    _console.print(f"Source {code}: {where}{age}.", markup=False, soft_wrap=True)


def watch(
    folder: Annotated[Path, typer.Argument(help="Folder into which usage files come.")],
    format: FormatOption = None,
    mapping: MappingOption = None,
    name: Annotated[
        str, typer.Option("--source", help="Where they come from; part of ids not given.")
    ] = "files",
    settle: SettleOption = 5,
    once: Annotated[bool, typer.Option("--once", help="Look once, then stop.")] = False,
) -> None:
    """Load files as they come into a folder; they are moved to `done`, or to `failed` with a note
    that tells why."""
    from meterline.usage.errors import UnknownFolder
    from meterline.usage.watch import look
    from meterline.usage.watch import watch as keep_watching

    if not folder.is_dir():
        raise UnknownFolder(folder=folder)
    if once:
        for one in look(folder, source=name, format=format, mapping=mapping, settle=settle):
            _tell(one)
        return
    _console.print(f"watching {folder} (Ctrl-C stops)", markup=False)
    keep_watching(folder, source=name, format=format, mapping=mapping, settle=settle, told=_tell)


def _tell(one: Any) -> None:
    if one.why:
        _console.print(f"{one.name}: failed: {one.why}", markup=False, soft_wrap=True)
    for batch in one.batches:
        counts = ", ".join(
            f"{getattr(batch, count):,} {count}"
            for count in ("records", "rated", "rejected", "duplicates")
        )
        line = f"{batch.file_name}: batch {batch.pk} ({batch.format}): {counts}"
        _console.print(line, markup=False, soft_wrap=True)


def _plain(value: Any) -> str:
    return str(value.isoformat())
