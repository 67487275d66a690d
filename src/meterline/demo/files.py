"""The demo's files: catalogues, contracts and a month of usage, as an operator would get them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import polars as pl

from meterline.demo import electricity, mobile, software
from meterline.demo.companies import COMPANIES, ELECTRICITY, MOBILE, SOFTWARE
from meterline.demo.deck import deck
from meterline.demo.size import Size
from meterline.demo.warts import hold_back, repeat, spoil

TWICE_EVERY = 3
"""Each so many months a file is delivered a second time."""


def write_catalogues(size: Size, folder: Path) -> list[Path]:
    """The three catalogue files, and beside them the rate deck that one of them names and the
    mapping of meter data."""
    folder.mkdir(parents=True, exist_ok=True)
    deck(size).write_csv(folder / "deck.csv")
    ours = files("meterline.demo") / "catalogue"
    for name in (*(company.catalogue for company in COMPANIES), "nem12.yaml"):
        text = (ours / name).read_text("utf-8")
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / company.catalogue for company in COMPANIES]


def write_usage(size: Size, contracts: pl.DataFrame, index: int, folder: Path) -> list[Path]:
    """The files that arrive after the month `index`, in the order of their arrival.

    The mobile operator's records of the month before that came late have a file of their own.
    """
    first, after = size.month(index), size.month(index + 1)
    folder = folder / f"{first:%Y-%m}"
    folder.mkdir(parents=True, exist_ok=True)
    sold = {company.code: contracts.filter(seller=company.code) for company in COMPANIES}
    in_time, _ = _mobile(size, sold[MOBILE.code], index)
    written = [_csv(in_time, folder / f"mobile-{first:%Y-%m}.csv")]
    if index:
        _, late = _mobile(size, sold[MOBILE.code], index - 1)
        written.append(_csv(late, folder / f"mobile-late-{size.month(index - 1):%Y-%m}.csv"))
    power = sold[ELECTRICITY.code]
    intervals = folder / f"energy-{first:%Y-%m}.nem12.csv"
    half_hours = electricity.half_hours(size, power, first, after)
    if half_hours[0]:
        intervals.write_text(electricity.nem12(*half_hours), encoding="utf-8")
        written.append(intervals)
    reads = electricity.daily(size, power, first, after)
    written.append(_csv(reads, folder / f"reads-{first:%Y-%m}.csv"))
    events = software.usage(size, sold[SOFTWARE.code], first, after)
    written.append(_csv(events, folder / f"software-{first:%Y-%m}.csv"))
    written = [path for path in written if path.exists()]
    return [*written, written[0]] if index % TWICE_EVERY == TWICE_EVERY - 1 else written


def _mobile(size: Size, contracts: pl.DataFrame, index: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The month's records that arrive in time, spoilt ones among them, and the late ones."""
    first, after = size.month(index), size.month(index + 1)
    kinds = (mobile.calls, mobile.messages, mobile.data)
    records = pl.concat([kind(size, contracts, first, after) for kind in kinds], how="diagonal")
    chance = size.chance("warts", first.isoformat())
    in_time, late = hold_back(chance, records)
    return repeat(chance, spoil(chance, in_time)), late


def _csv(records: pl.DataFrame, path: Path) -> Path:
    if records.height:
        records.write_csv(path)
    return path
