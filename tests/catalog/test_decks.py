"""Decks beside each other: counts and rows, from CSV and from catalogue files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from meterline.catalog.commands import app
from meterline.catalog.errors import CatalogInvalid, DecksDiffer, UnknownCard
from meterline.kernel.errors import MeterlineError

HEADER = (
    "key,band,connection_fee,max_charge,effective,step1_from,step1_price,step1_per,"
    "step1_increment,step2_from,step2_price\n"
)
OLD = """\
39,peak,,,,0,0.10,60,60,60,0.12
39,,0.05,,,0,0.08,60,1,,
44|4420,,,,,0,1,,,,
33,,0.10,,2026-01-01,0,1,,,,
33,,0.10,,2026-03-01,0,2,,,,
7,,,,,0,0,,,,
1,,,2.00,,0,0.5,,,,
"""
NEW = """\
39,peak,,,,0,6,3600,60,60,0.15
39,,0.05,,,0,0.08,60,30,,
44,,,,,0,0.75,,,,
33,,0.08,,2026-01-01,0,1,,,,
33,,0.10,,2026-03-01,0,2,,,,
7,,,,,0,0.02,,,,
1,,,3.00,,0,0.50,,,,
86,,,,2026-06-01,0,0.09,60,,,
"""


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["deck", "diff", *(str(one) for one in arguments)])
    if isinstance(result.exception, MeterlineError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def decks(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text(HEADER + OLD)
    new.write_text(HEADER + NEW)
    return old, new


def test_counts_first_then_the_rows(decks: tuple[Path, Path]) -> None:
    assert invoke(*decks).stdout.splitlines() == [
        "2 rises, 2 falls, 1 appears, 1 vanishes, 2 changes, 1 same",
        "changes   1  0.5/1 -> 0.5/1",
        "falls     33  from 2026-01-01  fee 0.1 -> fee 0.08  -20.00 %",
        "changes   39  0.08/60 -> 0.08/60",
        "rises     39  peak  0.12/1 -> 0.15/1  +25.00 %",
        "falls     44  1/1 -> 0.75/1  -25.00 %",
        "vanishes  4420  1/1 -> -",
        "rises     7  0/1 -> 0.02/1",
        "appears   86  from 2026-06-01  - -> 0.09/60",
    ]


def test_a_deck_and_the_card_that_it_makes_are_the_same(decks: tuple[Path, Path]) -> None:
    catalogue = decks[0].parent / "c.yaml"
    catalogue.write_text(
        "currency: EUR\n"
        "calendars: {c: {timezone: UTC, bands: [{band: peak, days: [mon]}, {band: rest}]}}\n"
        "rate_cards:\n"
        "  world: {key: {field: to}, calendar: c, file: old.csv}\n"
        "  own: {key: {field: to}, rows: [{key: ['44'], steps: [{price: 2}]}]}\n"
    )
    told = json.loads(invoke(decks[0], f"{catalogue}:world", "--json").stdout)
    assert told["counts"]["same"] == 8
    assert told["rows"] == []
    told = json.loads(invoke(decks[1], f"{catalogue}:own", "--json").stdout)
    (risen,) = [row for row in told["rows"] if row["change"] == "rises"]
    assert (risen["key0"], risen["before"], risen["after"], risen["percent"]) == (
        "44", "0.75/1", "2/1", "166.67",
    )  # fmt: skip
    with pytest.raises(UnknownCard, match="expected one of world, own"):
        invoke(decks[0], f"{catalogue}:moon")


def test_decks_that_cannot_be_compared(decks: tuple[Path, Path]) -> None:
    wide = decks[0].parent / "wide.csv"
    wide.write_text("key1,key2,step1_price\n44,a,1\n")
    with pytest.raises(DecksDiffer, match="has 1 key fields and"):
        invoke(decks[0], wide)
    with pytest.raises(CatalogInvalid, match="not a CSV deck"):
        invoke(decks[0], decks[0].parent / "gone.csv")


def test_a_new_date_of_the_same_row_is_a_change(tmp_path: Path) -> None:
    for name, day in (("a.csv", ""), ("b.csv", "2026-05-01")):
        (tmp_path / name).write_text(f"key,effective,step1_price\n44,{day},1\n")
    told = json.loads(invoke(tmp_path / "a.csv", tmp_path / "b.csv", "--json").stdout)
    assert told["counts"]["changes"] == 1
