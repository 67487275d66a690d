"""A rate card compiled to arrays: rows by destination and band, steps in whole numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import lcm
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from meterline.kernel.calendar import CalendarSpec
from meterline.rating.card import KeyField, RateCard, Step
from meterline.rating.destination import Destinations
from meterline.rating.taximeter import NO_END, NO_ROW

Ints = np.ndarray[Any, np.dtype[np.int64]]
Rows = np.ndarray[Any, np.dtype[np.int32]]
NO_CAP = 10**60
_ALWAYS = date(1, 1, 1)
_making = Lock()  # a table is made once, whoever asks for it at the same time


@dataclass(frozen=True, kw_only=True)
class StepTable:
    """Lists of steps as arrays [list, step]; quantities in units of 10^-places.

    An amount is `sum(increments x coefficient) / (10^scale x denominator)`.
    """

    starts: Ints
    increments: Ints
    coefficients: Ints  # of one unit of quantity
    fees: Ints  # by row of the card
    caps: Ints  # NO_CAP: none
    places: int
    scale: int
    denominator: int

    @cached_property
    def increment_most(self) -> int:
        """The largest increment."""
        return int(self.increments.max(initial=1))

    @cached_property
    def coefficient_most(self) -> int:
        """The largest coefficient, without its sign."""
        return max((abs(int(one)) for one in self.coefficients.flat), default=0)

    @cached_property
    def steps(self) -> Ints:
        """[list, step, START or INCREMENT or COEFFICIENT], as the taximeter takes them; of Python's
        whole numbers where a coefficient needs more than 64 bits."""
        laid = np.stack([self.starts, self.increments, self.coefficients], axis=-1)
        return laid.astype(np.int64) if self.coefficient_most < NO_END else laid


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """The rows in force from `since` on: row[destination, band], the last band being any other.

    `destinations` finds only keys that have a row now: where a longer prefix begins later, or is
    given up, the shorter one is in force.
    """

    day: date
    since: datetime
    rows: Rows
    destinations: Destinations


@dataclass(frozen=True, kw_only=True)
class CompiledCard:
    """All versions of a card, ready to rate: those that differ only in rows from the newest, and
    `before` for events that start before `since`, where fields, calendar or rounding differed."""

    card: RateCard  # the newest version
    since: datetime
    before: CompiledCard | None
    calendar: CalendarSpec | None
    keys: Mapping[tuple[str, ...], int]  # destinations of all versions
    bands: Mapping[str, int]
    epochs: tuple[Epoch, ...]
    fees: tuple[Decimal, ...]
    caps: tuple[Decimal | None, ...]
    step_lists: Ints  # of each row
    steps: tuple[tuple[Step, ...], ...]
    needed_places: int  # decimals that the steps' own bounds and increments have
    tables: dict[int, StepTable] = field(default_factory=dict, repr=False)  # by decimals

    def table(self, places: int) -> StepTable:
        """The steps in whole numbers, for quantities with so many decimals."""
        with _making:
            if places not in self.tables:
                self.tables[places] = _step_table(self, places)
        return self.tables[places]


def places_of(steps: Iterable[Sequence[Step]]) -> int:
    """Decimals that the bounds and increments of steps have."""
    values = {
        value for one in steps for step in one for value in (step.start, step.per, step.increment)
    }
    return max(map(_decimals, values), default=0)


def head(card: RateCard) -> tuple[Any, ...]:
    """All of a card but its rows and its date."""
    return (
        card.code, card.keys, card.calendar, card.timezone, card.quantity_field,
        card.quantity_unit, card.split_increments, card.rounding, card.places,
    )  # fmt: skip


def compile_card(
    versions: Sequence[RateCard], calendars: Mapping[str, CalendarSpec]
) -> CompiledCard:
    """Compile the versions of one card (any order)."""
    every = sorted(versions, key=lambda card: card.valid_from or _ALWAYS)
    newest = every[-1]
    other = [number for number, card in enumerate(every) if head(card) != head(newest)]
    earlier = every[: other[-1] + 1] if other else []
    ordered = every[len(earlier) :]
    calendar = calendars[newest.calendar] if newest.calendar else None
    rows, steps = _stack(ordered)
    names = [f"key{i}" for i in range(len(newest.keys))]
    distinct = rows.select(names).unique(maintain_order=True).with_row_index("destination")
    rows = rows.join(distinct, on=names, how="left", maintain_order="left")
    keys = {row[1:]: row[0] for row in distinct.iter_rows()}
    band_names = sorted(rows["band"].drop_nulls().unique())
    bands = {band: code for code, band in enumerate(band_names)}
    return CompiledCard(
        card=newest,
        since=instant_of(ordered[0].valid_from or _ALWAYS, ZoneInfo(newest.timezone)),
        before=compile_card(earlier, calendars) if earlier else None,
        calendar=calendar,
        keys=keys,
        bands=bands,
        epochs=_epochs(ordered, rows, bands, keys),
        fees=tuple(rows["connection_fee"].fill_null(0)),
        caps=tuple(rows["max_charge"]),
        step_lists=rows["steps"].to_numpy().astype(np.int64),
        steps=steps,
        needed_places=places_of(steps),
    )


def _stack(versions: Sequence[RateCard]) -> tuple[pl.DataFrame, tuple[tuple[Step, ...], ...]]:
    """The rows of all versions, with `version`, and their step lists in one numbering."""
    steps: list[tuple[Step, ...]] = []
    frames = []
    for number, card in enumerate(versions):
        frames.append(
            card.rows.with_columns(
                version=pl.lit(number, pl.Int32), steps=pl.col("steps") + len(steps)
            )
        )
        steps += card.steps
    return pl.concat(frames), tuple(steps)


def _epochs(
    versions: Sequence[RateCard],
    rows: pl.DataFrame,
    bands: Mapping[str, int],
    keys: Mapping[tuple[str, ...], int],
) -> tuple[Epoch, ...]:
    """One table of rows for each date at which any row or version becomes effective."""
    zone = ZoneInfo(versions[-1].timezone)
    dates = {card.valid_from or _ALWAYS for card in versions}
    dates |= set(rows["effective"].drop_nulls())
    columns = rows.with_row_index("row").select(
        "row", "version", "destination", "band", pl.col("effective").fill_null(_ALWAYS)
    )
    epochs: list[Epoch] = []
    for day in sorted(dates | {_ALWAYS}):
        current = max(
            (n for n, card in enumerate(versions) if (card.valid_from or _ALWAYS) <= day),
            default=0,
        )
        inside = columns.filter(pl.col("version") == current, pl.col("effective") <= day).sort(
            "effective", "row"
        )
        table = row_table(inside, bands, len(keys))
        found = destinations_of(table, keys, versions[-1].keys, epochs)
        epochs.append(Epoch(day=day, since=instant_of(day, zone), rows=table, destinations=found))
    return tuple(epochs)


def instant_of(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins; the first of all days, not before time can be told."""
    return datetime.combine(max(day, date(1, 1, 3)), time(0), tzinfo=zone).astimezone(UTC)


def destinations_of(
    table: Rows,
    keys: Mapping[tuple[str, ...], int],
    fields: tuple[KeyField, ...],
    epochs: Sequence[Epoch],
) -> Destinations:
    """The destinations that have a row in `table`; those of an epoch with the same, if there is
    one."""
    there = (table != NO_ROW).any(axis=1)
    for epoch in epochs:
        if len(epoch.rows) == len(table) and np.array_equal(
            (epoch.rows != NO_ROW).any(axis=1), there
        ):
            return epoch.destinations
    found = keys if there.all() else {key: code for key, code in keys.items() if there[code]}
    return Destinations(fields, dict(found))


def row_table(rows: pl.DataFrame, bands: Mapping[str, int], destinations: int) -> Rows:
    """row[destination, band]; a row without band stands in for every band that has none."""
    table = np.full((destinations, len(bands) + 1), NO_ROW, dtype=np.int32)
    plain = rows.filter(pl.col("band").is_null())
    table[plain["destination"].to_numpy()] = plain["row"].to_numpy()[:, None]
    banded = rows.filter(pl.col("band").is_not_null())
    if banded.is_empty():
        return table
    codes = banded["band"].replace_strict(bands, return_dtype=pl.Int32).to_numpy()
    table[banded["destination"].to_numpy(), codes] = banded["row"].to_numpy()
    return table


def _step_table(compiled: CompiledCard, places: int) -> StepTable:
    steps = [step for one in compiled.steps for step in one]
    common = lcm(*(int(step.per * 10**places) for step in steps))
    odd, twos, fives = _without_tens(common)
    padding = max(twos, fives)
    prices = [*(step.price for step in steps), *compiled.fees]
    prices += [cap for cap in compiled.caps if cap is not None]
    decimals = max(map(_decimals, set(prices)), default=0)
    if compiled.card.rounding is not None:
        decimals = max(decimals, compiled.card.places)
    table = step_table(
        compiled.steps, compiled.fees, compiled.caps, places, decimals + padding, odd
    )
    assert table is not None, "the scale holds every price"
    return table


def step_table(
    lists: Sequence[Sequence[Step]],
    fees: Sequence[Decimal],
    caps: Sequence[Decimal | None],
    places: int,
    scale: int,
    denominator: int,
) -> StepTable | None:
    """Steps, fees and caps in whole numbers; None where a price does not go into them exactly."""
    money = 10**scale * denominator
    coefficients = [
        [Fraction(step.price) * money / (Fraction(step.per) * 10**places) for step in one]
        for one in lists
    ]
    whole_fees, whole_caps = (
        _whole(fees, money),
        _whole([NO_CAP if c is None else c for c in caps], money),
    )
    inexact = any(value.denominator != 1 for one in coefficients for value in one)
    if inexact or whole_fees is None or whole_caps is None:
        return None
    width = max(len(one) for one in lists)
    shape = (len(lists), width)
    starts = np.full(shape, NO_END, dtype=np.int64)
    increments = np.ones(shape, dtype=np.int64)
    whole = np.zeros(shape, dtype=object)
    for i, one in enumerate(lists):
        for j, step in enumerate(one):
            starts[i, j] = int(step.start * 10**places)
            increments[i, j] = int(step.increment * 10**places)
            whole[i, j] = int(coefficients[i][j])
    return StepTable(
        fees=_narrow(whole_fees), caps=_narrow(whole_caps),
        starts=starts, increments=increments, coefficients=whole,
        places=places, scale=scale, denominator=denominator,
    )  # fmt: skip


def _whole(values: Sequence[Decimal | int], money: int) -> list[int] | None:
    """Amounts in units of 1 / money (NO_CAP stays); None where one does not go into it exactly."""
    distinct = {value: Fraction(value) * money for value in set(values) if value != NO_CAP}
    if any(value.denominator != 1 for value in distinct.values()):
        return None
    whole = {**{value: int(exact) for value, exact in distinct.items()}, NO_CAP: NO_CAP}
    return [whole[value] for value in values]


def _narrow(values: list[int]) -> Ints:
    """int64 where all fit, Python's whole numbers where one does not."""
    fits = all(abs(value) < NO_END or value == NO_CAP for value in values)
    if fits:
        return np.array([min(value, NO_END) for value in values], dtype=np.int64)
    return np.array(values, dtype=object)


def _without_tens(value: int) -> tuple[int, int, int]:
    """value = odd x 2^twos x 5^fives with odd prime to ten."""
    twos = fives = 0
    while value % 2 == 0:
        value, twos = value // 2, twos + 1
    while value % 5 == 0:
        value, fives = value // 5, fives + 1
    return value, twos, fives


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(-int(exponent), 0)
