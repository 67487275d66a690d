"""`meterline catalog deck`: decks of rates beside each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import polars as pl

    from meterline.catalog.compare_decks import Deck

app = typer.Typer(help="Decks of rates.", no_args_is_help=True)

DeckArgument = Annotated[str, typer.Argument(help="A CSV deck, or catalogue.yaml:card.")]


@app.callback()
def _group() -> None:
    """Decks of rates."""


@app.command("diff")
def diff_command(
    old: DeckArgument,
    new: DeckArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What rises, falls, appears and vanishes from one deck to another: counts, then rows."""
    from meterline.catalog.compare_decks import compare_decks, counts
    from meterline.catalog.errors import DecksDiffer

    before, after = _deck(old), _deck(new)
    widths = [sum(name.startswith("key") for name in deck[0].columns) for deck in (before, after)]
    if widths[0] != widths[1]:
        raise DecksDiffer(old=old, new=new, old_keys=widths[0], new_keys=widths[1])
    found = compare_decks(before, after)
    told = {"counts": counts(found)}
    changed = found.filter(found["change"] != "same")
    if as_json:
        rows = changed.to_dicts()
        typer.echo(json.dumps({**told, "rows": rows}, default=str, ensure_ascii=False))
        return
    typer.echo(", ".join(f"{number} {change}" for change, number in told["counts"].items()))
    if changed.height:
        typer.echo("\n".join(_lines(changed)))


def _lines(changed: pl.DataFrame) -> list[str]:
    import polars as pl

    keys = [name for name in changed.columns if name.startswith("key")]
    missing = pl.lit("-")
    percent = pl.when(pl.col("percent") > 0).then(pl.lit("+")).otherwise(pl.lit(""))
    moved = pl.concat_str(pl.lit("  "), percent, pl.col("percent").cast(pl.String), pl.lit(" %"))
    date = pl.concat_str(pl.lit("  from "), pl.col("effective").cast(pl.String))
    return changed.select(
        pl.concat_str(
            pl.col("change").str.pad_end(8), pl.lit("  "),
            pl.concat_str(keys, separator=", "),
            pl.concat_str(pl.lit("  "), "band").fill_null(""), date.fill_null(""), pl.lit("  "),
            pl.col("before").fill_null(missing), pl.lit(" -> "), pl.col("after").fill_null(missing),
            moved.fill_null(""),
        )
    ).to_series().to_list()  # fmt: skip


def _deck(name: str) -> Deck:
    """The rows of a CSV deck, or of a card of a catalogue file. Raises CatalogInvalid for one that
    has faults, UnknownCard for a card that the file does not have."""
    from meterline.catalog.build import card_rows
    from meterline.catalog.deck import key_fields_of, read_deck
    from meterline.catalog.errors import UnknownCard
    from meterline.catalog.files import parse

    file, colon, code = name.rpartition(":")
    if not colon or not file.endswith((".yaml", ".yml")):
        path = Path(name)
        return read_deck(path, key_fields_of(path))
    catalogue = parse(Path(file))
    card = catalogue.model.rate_cards.get(code)
    if card is None:
        raise UnknownCard(card=code, file=file, known=", ".join(catalogue.model.rate_cards))
    if card.file is not None:
        return read_deck(catalogue.folder / card.file, len(card.keys))
    return card_rows(card)
