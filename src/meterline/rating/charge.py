"""What a rate card makes of events: fee, increments by step and band, cap, rounding. Exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import polars as pl

from meterline.kernel.money import RoundingMode, from_scaled
from meterline.rating.compiled import NO_CAP, CompiledCard, Epoch, StepTable
from meterline.rating.taximeter import NO_END, NO_ROW, charged

Array = np.ndarray[Any, Any]
_SAFE = 2**62
_LASTING_MOST = 10 * 366 * 86_400 * 1_000_000  # microseconds of an event that passes bands


@dataclass(frozen=True, kw_only=True)
class CardAmounts:
    """amount, denominator by event; known: whether a row was found; exact: whether quantity and
    amount are small enough to be counted exactly."""

    amount: pl.Series  # Decimal(38, 20)
    denominator: pl.Series  # Int64
    band: Array  # the code of the one it starts in
    known: Array
    exact: Array

    def bands(self, compiled: CompiledCard) -> pl.Series:
        """The bands' names; null for any other one than those of the card's rows."""
        names = pl.Series([*compiled.bands, None], dtype=pl.String)
        return names.gather(pl.Series(self.band))


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
    if bool(_small(quantity, places).all()):
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
        band=np.concatenate([one.band for one in found])[back],
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
    moments, table = start.to_physical().to_numpy(), compiled.table(places)
    elapses = elapses and compiled.calendar is not None
    finer, coarser = 10 ** max(places - 6, 0), 10 ** max(6 - places, 0)
    brief = units // finer <= (_LASTING_MOST // coarser if elapses else NO_END)
    if not brief.all():
        units = np.where(brief, units, 0)
    end = moments
    if elapses:  # what is split is cut at the edges to the end of the last increment
        split = min(table.increment_most, _LASTING_MOST // coarser)
        last = units + (split if compiled.card.split_increments else 0)
        end = moments + (last // finer + 1) * coarser
    bands = _Bands(compiled, start, end)
    total, steps = _totals(table, units)
    row, band = np.full(len(units), NO_ROW), np.full(len(units), len(compiled.bands))
    known = np.zeros(len(units), dtype=bool)
    for epoch, which in _by_epoch(compiled, moments):
        part = total[which], row[which], band[which]
        run = charged if steps.dtype == np.int64 else charged.plain
        known[which] = run(
            moments[which], end[which], units[which], begin[which],
            epoch.destinations.find(keys[which], keys.columns), epoch.rows,
            bands.edges, bands.codes, finer, coarser, elapses, compiled.card.split_increments,
            compiled.step_lists, steps, *part,
        )  # fmt: skip
        total[which], row[which], band[which] = part
    total = _fee_and_cap(table, total, row, known & (units > begin))
    exact = _countable(table, total)
    amount, denominator = _amounts(compiled, table, np.where(exact, total, total * 0))
    return CardAmounts(
        amount=amount,
        denominator=pl.Series([denominator], dtype=pl.Int64).new_from_index(0, len(units)),
        band=band,
        known=known,
        exact=exact & brief,
    )


def _totals(table: StepTable, units: Array) -> tuple[Array, Array]:
    """Zeroes to add to, and the steps: of 64 bits where no sum needs more, else Python's whole
    numbers."""
    most = int(units.max(initial=0)) + table.increment_most
    if most * table.coefficient_most < _SAFE:
        return np.zeros(len(units), dtype=np.int64), table.steps
    return np.zeros(len(units), dtype=object), table.steps.astype(object)


def _by_epoch(compiled: CompiledCard, moments: Array) -> Iterator[tuple[Epoch, Any]]:
    """The card's epochs with the events that start in them: all, or their indexes."""
    since = np.array([_micros(epoch.since) for epoch in compiled.epochs])
    since[0] = -NO_END
    found = np.searchsorted(since, moments, side="right") - 1
    first = found.min(initial=len(since) - 1)
    if first == found.max(initial=first):
        yield compiled.epochs[first], slice(None)
        return
    for number in np.unique(found):
        yield compiled.epochs[number], np.flatnonzero(found == number)


def _micros(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp()) * 1_000_000


def _finest(quantity: pl.Series, least: int) -> int:
    """The decimals of all quantities together, at least those of the card's steps."""
    narrow = _narrow(quantity)
    for places in range(least, 11):
        step = 10 ** (10 - places)
        if (
            _divides(quantity.to_physical(), step)
            if narrow is None
            else np.array_equal(narrow // step * step, narrow)
        ):
            return places
    raise AssertionError("quantities have at most ten decimals")


def _in_units(quantity: pl.Series, places: int) -> Array:
    """Quantities in units of 10^-places, which they are multiples of."""
    narrow, step = _narrow(quantity), 10 ** (10 - places)
    return _to_int64(quantity.to_physical(), step) if narrow is None else narrow // step


def _narrow(quantity: pl.Series) -> Array | None:
    """Quantities in units of 10^-10, if all of them fit 63 bits: those are divided ten times as
    fast as those of 128."""
    physical = quantity.to_physical()
    narrow = physical.cast(pl.Int64, strict=False)
    return narrow.to_numpy() if narrow.null_count() == 0 else None


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
    """When the bands of a card begin, over the time of some events."""

    def __init__(self, compiled: CompiledCard, start: pl.Series, end: Array) -> None:
        other = len(compiled.bands)
        if compiled.calendar is None or start.is_empty():
            self.edges, self.codes = np.array([-NO_END]), np.array([other])
            return
        last = pl.Series([int(end.max())]).cast(start.dtype)
        stretches = compiled.calendar.calendar.stretches(cast(datetime, start.min()), last[0])
        self.edges = stretches["at"].to_physical().to_numpy()
        self.codes = (
            stretches["band"]
            .replace_strict(compiled.bands, default=other, return_dtype=pl.Int64)
            .to_numpy()
        )


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
