"""What a rate card makes of events: fee, increments by step and band, cap, rounding. Exact.

All events advance together: in each round every unfinished event is charged for the increments
that start before the next edge (of its step, of its band, of itself), at the price in force where
they start. Most events are done after one or two rounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

import numpy as np
import polars as pl

from meterline.kernel.money import RoundingMode, from_scaled
from meterline.rating.compiled import NO_CAP, NO_END, NO_ROW, CompiledCard, StepTable
from meterline.rating.destination import UNKNOWN

Array = np.ndarray[Any, Any]
_SAFE = 2**62


@dataclass(frozen=True, kw_only=True)
class CardAmounts:
    """amount, denominator, band (of the start) by event; known: whether a row was found; exact:
    whether quantity and amount are small enough to be counted exactly."""

    amount: pl.Series  # Decimal(38, 20)
    denominator: pl.Series  # Int64
    band: pl.Series  # String
    known: Array
    exact: Array


def charge_events(
    compiled: CompiledCard,
    start: pl.Series,
    quantity: pl.Series,
    keys: pl.DataFrame,
    elapses: bool,
    covered: pl.Series | None = None,
) -> CardAmounts:
    """Amounts of events: `start` Datetime(us, UTC), `quantity` Decimal(38, 10) >= 0, `keys` one
    String column a key field. `elapses`: the quantity is seconds, so that bands change under way.
    `covered` Decimal(38, 10) <= quantity: so much costs nothing; charging begins there.
    """
    least = compiled.needed_places if covered is None else _finest(covered, compiled.needed_places)
    places = _finest(quantity, least)
    if _fits(quantity, places):
        return _charge(compiled, start, quantity, covered, keys, elapses, places)
    paid_from = quantity.clip(0, 0) if covered is None else covered
    decimals = np.maximum(_own_places(quantity, least), _own_places(paid_from, least))
    found, order = [], []
    for own in np.unique(decimals):
        which = np.flatnonzero(decimals == own)
        part, begin = quantity[which], paid_from[which]
        exact = _small(part, int(own))
        none = part.clip(0, 0)
        made = _charge(
            compiled, start[which], part.zip_with(pl.Series(exact), none),
            begin.zip_with(pl.Series(exact), none), keys[which], elapses, int(own),
        )  # fmt: skip
        found.append(replace(made, exact=made.exact & exact))
        order.append(which)
    back = np.argsort(np.concatenate(order))
    return CardAmounts(
        amount=pl.concat([one.amount for one in found])[back],
        denominator=pl.concat([one.denominator for one in found])[back],
        band=pl.concat([one.band for one in found])[back],
        known=np.concatenate([one.known for one in found])[back],
        exact=np.concatenate([one.exact for one in found])[back],
    )


def _charge(
    compiled: CompiledCard,
    start: pl.Series,
    quantity: pl.Series,
    paid_from: pl.Series | None,
    keys: pl.DataFrame,
    elapses: bool,
    places: int,
) -> CardAmounts:
    """charge_events of quantities that are whole numbers of 10^-places, in 63 bits."""
    units = _in_units(quantity, places)
    begin = np.zeros_like(units) if paid_from is None else _in_units(paid_from, places)
    table = compiled.table(places)
    bands = _Bands(compiled, start, places, elapses)
    destination = bands.destinations(keys)
    rows = bands.first_rows(destination)
    known = rows != NO_ROW
    meter = _Meter(compiled, table, bands, destination, units)
    total, complete = meter.run(np.flatnonzero(known & (units > begin)), rows, begin)
    known &= complete
    total = _fee_and_cap(table, total, rows, known & (units > begin))
    exact = _countable(table, total)
    amount, denominator = _amounts(compiled, table, np.where(exact, total, total * 0))
    return CardAmounts(
        amount=amount,
        denominator=pl.Series(np.full(len(units), denominator, dtype=np.int64)),
        band=bands.names(),
        known=known,
        exact=exact,
    )


def _finest(quantity: pl.Series, least: int) -> int:
    """The decimals of all quantities together, at least those of the card's steps."""
    physical = quantity.to_physical()
    for places in range(least, 11):
        if _divides(physical, 10 ** (10 - places)):
            return places
    raise AssertionError("quantities have at most ten decimals")


def _in_units(quantity: pl.Series, places: int) -> Array:
    """Quantities in units of 10^-places, which they are multiples of."""
    return _to_int64(quantity.to_physical(), 10 ** (10 - places))


def _own_places(quantity: pl.Series, least: int) -> Array:
    """The decimals of each quantity, at least those of the card's steps."""
    places = np.full(len(quantity), 10, dtype=np.int64)
    whole = quantity.to_physical().to_frame("q")
    for number in range(9, least - 1, -1):
        step = pl.lit(10 ** (10 - number), pl.Int128)
        places[whole.select(pl.col("q") % step == 0).to_series().to_numpy()] = number
    return places


def _small(quantity: pl.Series, places: int) -> Array:
    """Whether quantities in units of 10^-places, and increments begun, stay within 63 bits."""
    most = pl.lit(_SAFE // 2 * 10 ** (10 - places), pl.Int128)
    return quantity.to_physical().to_frame("q").select(pl.col("q") < most).to_series().to_numpy()


def _fits(quantity: pl.Series, places: int) -> bool:
    return bool(_small(quantity, places).all())


def _countable(table: StepTable, total: Array) -> Array:
    """Whether amounts fit Decimal(38, 20)."""
    most = 10 ** (38 - max(20 - table.scale, 0))
    if total.dtype != object and most > _SAFE * 2:
        return np.ones(len(total), dtype=bool)
    return np.array([abs(one) < most for one in total.tolist()], dtype=bool)


def _divides(physical: pl.Series, step: int) -> bool:
    rest = physical.to_frame("q").select((pl.col("q") % pl.lit(step, pl.Int128) != 0).any())
    return not rest.item()


def _to_int64(physical: pl.Series, step: int) -> Array:
    whole = physical.to_frame("q").select((pl.col("q") // pl.lit(step, pl.Int128)).cast(pl.Int64))
    return whole.to_series().to_numpy()


class _Bands:
    """The band of each event at its start, and as it goes on."""

    def __init__(
        self, compiled: CompiledCard, start: pl.Series, places: int, elapses: bool
    ) -> None:
        self.compiled = compiled
        self.start = start.to_physical().to_numpy()
        self.elapses = elapses and compiled.calendar is not None
        self.places = places
        self.band, self.edge = self._place(start)
        self.epoch = self._epochs()

    def _place(self, instants: pl.Series) -> tuple[Array, Array]:
        """Band codes, and the instants (microseconds) at which they may change."""
        if self.compiled.calendar is None:
            other = len(self.compiled.bands)
            size = len(instants)
            return np.full(size, other, dtype=np.int32), np.full(size, NO_END, dtype=np.int64)
        placed = self.compiled.calendar.calendar.place(instants)
        codes = placed["band"].replace_strict(
            self.compiled.bands, default=len(self.compiled.bands), return_dtype=pl.Int32
        )
        return codes.to_numpy(), placed["next_at"].to_physical().to_numpy()

    def _epochs(self) -> Array:
        since = [
            int(epoch.since.astimezone(UTC).timestamp()) * 1_000_000
            for epoch in self.compiled.epochs
        ]
        since[0] = -(2**63)
        found: Array = np.searchsorted(np.array(since), self.start, side="right") - 1
        return found

    def destinations(self, keys: pl.DataFrame) -> Array:
        """The destination of each event among those of its epoch, UNKNOWN where none matches."""
        numbers = np.unique(self.epoch)
        tables = {id(self.compiled.epochs[number].destinations) for number in numbers}
        found: Array = np.full(len(self.epoch), UNKNOWN, dtype=np.int32)
        if len(tables) == 1:
            found = self.compiled.epochs[numbers[0]].destinations.find(keys, keys.columns)
            return found
        for number in numbers:
            inside = np.flatnonzero(self.epoch == number)
            found[inside] = self.compiled.epochs[number].destinations.find(
                keys[inside], keys.columns
            )
        return found

    def first_rows(self, destination: Array) -> Array:
        return self.rows(np.arange(len(destination)), destination, self.band)

    def rows(self, which: Array, destination: Array, band: Array) -> Array:
        """The card's row of each event in a band, NO_ROW where it has none."""
        found = np.full(len(which), NO_ROW, dtype=np.int32)
        epochs = self.epoch[which]
        for number in np.unique(epochs):
            inside = (epochs == number) & (destination != UNKNOWN)
            table = self.compiled.epochs[number].rows
            found[inside] = table[destination[inside], band[inside]]
        return found

    def at(self, which: Array, position: Array) -> tuple[Array, Array]:
        """Band of events at a position, and the position of the next edge."""
        unit = 10**6 // 10**self.places if self.places <= 6 else None
        if unit is None:
            moment = self.start[which] + position // 10 ** (self.places - 6)
        else:
            moment = self.start[which] + position * unit
        band, edge = self._place(pl.Series(moment).cast(pl.Datetime("us", "UTC")))
        return band, self.position_of(which, edge)

    def position_of(self, which: Array, edge: Array) -> Array:
        """The first position at or after an instant."""
        distance: Array = edge - self.start[which]
        if self.places <= 6:
            distance = -(-distance // 10 ** (6 - self.places))
        else:
            distance = distance * 10 ** (self.places - 6)
        return distance

    def names(self) -> pl.Series:
        names = [*self.compiled.bands, None]
        return pl.Series(names, dtype=pl.String).gather(pl.Series(self.band))


@dataclass(kw_only=True)
class _Front:
    """The events that are still being charged, a place each."""

    which: Array  # their indexes
    row: Array  # of the card, in the band at `position`
    position: Array
    units: Array
    edge: Array  # the position at which the band may change
    owed: Array  # end of an increment that a band's edge has cut
    owed_step: Array

    def only(self, places: Array) -> _Front:
        """Those at some places."""
        if len(places) == len(self.which):
            return self
        return _Front(**{name: values.take(places) for name, values in vars(self).items()})


class _Meter:
    """The taximeter of all events."""

    def __init__(
        self,
        compiled: CompiledCard,
        table: StepTable,
        bands: _Bands,
        destination: Array,
        units: Array,
    ) -> None:
        self.compiled, self.table, self.bands = compiled, table, bands
        self.destination, self.units = destination, units
        self.split = compiled.card.split_increments
        most = int(units.max(initial=0)) + int(table.increments.max(initial=1))
        steepest = max((abs(int(c)) for c in table.coefficients.flat), default=0)
        safe = most * steepest < _SAFE
        self.kind: Any = np.int64 if safe else object
        self.coefficients = table.coefficients.astype(self.kind).ravel()
        self.increments, self.ends = table.increments.ravel(), table.ends.ravel()
        self.width = table.starts.shape[1]

    def run(self, which: Array, rows: Array, begin: Array) -> tuple[Array, Array]:
        """The sums of charged units x coefficient of every event, from its position `begin` on, and
        whether each found a row in every band that it crossed. `which` are charged; `rows`: the row
        of each event's start."""
        total = np.zeros(len(self.units), dtype=self.kind)
        complete = np.ones(len(self.units), dtype=bool)
        front = _Front(
            which=which,
            row=rows.take(which),
            position=begin.take(which),
            units=self.units.take(which),
            edge=self._first_edge(which),
            owed=np.zeros(len(which), dtype=np.int64),
            owed_step=np.zeros(len(which), dtype=np.int64),
        )
        self._cross(front)
        while front.which.size:
            lost = front.row == NO_ROW
            if lost.any():
                complete[front.which[lost]] = False
                front = front.only(np.flatnonzero(~lost))
            total[front.which] += self._advance(front)
            left = front.position < front.units
            if self.split:
                left |= front.owed > front.position
            front = front.only(np.flatnonzero(left))
            self._cross(front)
        return total, complete

    def _advance(self, front: _Front) -> Array:
        """Charge up to the next edge: what it comes to, in units x coefficient."""
        lists = self.compiled.step_lists.take(front.row)
        step = self._step(lists, front.position)
        if self.split:
            within = front.owed > front.position
            step = np.where(within, np.minimum(front.owed_step, self._last(lists)), step)
        cell = lists * self.width + step
        increment, stop = self.increments.take(cell), self.ends.take(cell)
        stop = np.minimum(np.minimum(stop, front.units), front.edge)
        length = -(-(stop - front.position) // increment) * increment
        if self.split:
            end = np.where(within, front.owed, front.position + length)
            length = np.minimum(end, front.edge) - front.position
            front.owed = np.where(end > front.position + length, end, 0)
            front.owed_step = step
        front.position = front.position + length
        amount: Array = length.astype(self.kind, copy=False) * self.coefficients.take(cell)
        return amount

    def _cross(self, front: _Front) -> None:
        """Move those that came to an edge on to the row of the next band."""
        crossed = np.flatnonzero(front.position >= front.edge)
        if crossed.size:
            which = front.which[crossed]
            band, front.edge[crossed] = self.bands.at(which, front.position[crossed])
            front.row[crossed] = self.bands.rows(which, self.destination[which], band)

    def _first_edge(self, which: Array) -> Array:
        if not self.bands.elapses:
            return np.full(len(which), NO_END, dtype=np.int64)
        return self.bands.position_of(which, self.bands.edge[which])

    def _step(self, lists: Array, position: Array) -> Array:
        """The step in which a position lies."""
        step = np.zeros(len(lists), dtype=np.int64)
        if position.any():
            for later in range(1, self.width):
                step += self.table.starts[:, later].take(lists) <= position
        return step

    def _last(self, lists: Array) -> Array:
        used: Array = (self.table.starts[lists] < NO_END).sum(axis=1)
        return used - 1


def _fee_and_cap(table: StepTable, total: Array, rows: Array, charged: Array) -> Array:
    """Totals with the starting row's connection fee, and never more than its maximum charge."""
    fees, caps = table.fees, table.caps
    if total.dtype == object or fees.dtype == object or caps.dtype == object:
        total, fees = total.astype(object), fees.astype(object)
        caps = np.array([NO_CAP if cap >= NO_END else cap for cap in caps.tolist()], dtype=object)
    row = np.where(charged, rows, 0)
    with_fee = np.minimum(total + fees[row], caps[row])
    return np.where(charged, with_fee, total * 0)


def _amounts(compiled: CompiledCard, table: StepTable, total: Array) -> tuple[pl.Series, int]:
    """Decimal(38, 20) amounts and their common denominator, rounded where the card says so."""
    card = compiled.card
    if card.rounding is not None:
        unit = 10 ** (table.scale - card.places) * table.denominator
        return _decimal(_rounded(total, unit, card.rounding), card.places), 1
    finer = max(table.scale - 20, 0)  # more decimals than amounts have stand in the denominator
    return _decimal(total, table.scale - finer), table.denominator * 10**finer


def _rounded(total: Array, unit: int, mode: RoundingMode) -> Array:
    whole, rest = total // unit, total % unit
    match mode:
        case "down":
            return whole
        case "up":
            return whole + (rest > 0)
        case "half_up":
            return whole + (rest * 2 >= unit)
        case "half_even":
            half = rest * 2 == unit
            return whole + np.where(half, whole % 2 == 1, rest * 2 > unit)


def _decimal(values: Array, scale: int) -> pl.Series:
    wide = values.dtype == object
    series = (
        pl.Series("amount", values.tolist(), pl.Int128) if wide else pl.Series("amount", values)
    )
    return (
        series.cast(pl.Int128)
        .to_frame()
        .select(from_scaled(pl.col("amount") * pl.lit(10 ** (20 - scale), pl.Int128), 20))
        .to_series()
    )
