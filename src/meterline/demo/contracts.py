"""Who buys what, and what happens to the contract: joiners, changes, cancellations, payers."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from meterline.demo.companies import COMPANIES, Company
from meterline.demo.people import companies, people
from meterline.demo.size import Size

CONTRACTS = {
    "seller": pl.String, "account": pl.String, "currency": pl.String, "timezone": pl.String,
    "region": pl.String, "country": pl.String, "billing_day": pl.Int32, "name": pl.String,
    "address": pl.String, "email": pl.String, "kind": pl.String, "plan": pl.String,
    "quantity": pl.Int32, "identifier_kind": pl.String, "identifier": pl.String,
    "start": pl.Date, "end": pl.Date, "change_on": pl.Date, "change_to": pl.String,
    "quantity_on": pl.Date, "quantity_to": pl.Int32, "payer": pl.String,
}  # fmt: skip
"""A row for each customer, with one account and one subscription. Dates are local days; `end`,
`change_on` and `quantity_on` are null where nothing of the kind happens; `billing_day` is null
for anniversary billing."""

PAYERS = {
    "prompt": 0.80,
    "late": 0.09,
    "partial": 0.04,
    "generous": 0.03,
    "never": 0.04,
}
"""How customers pay: in full in time, a month late, a part, too much, not at all."""

_JOIN = 0.30
_CANCEL = 0.10
_CHANGE = 0.10
_SEATS = 0.25


def contracts(size: Size) -> pl.DataFrame:
    """The contracts of the whole group, in the order of their codes (columns: CONTRACTS)."""
    counts = [max(1, round(size.customers * company.share)) for company in COMPANIES]
    counts[0] += size.customers - sum(counts)
    frames = [
        _contracts(size, company, max(1, count))
        for company, count in zip(COMPANIES, counts, strict=True)
    ]
    return pl.concat(frames)


def _contracts(size: Size, company: Company, count: int) -> pl.DataFrame:
    chance = size.chance("contracts", company.code)
    who = (companies if company.seats else people)(chance, company.country, count)
    plan = chance.choice(list(company.plans), count, p=list(company.plans.values()))
    start = _starts(size, chance, count)
    last = size.month(size.months)
    end = _somewhen(chance, start, last, _CANCEL)
    changes = np.array([company.changes[code] for code in plan])
    change_on = _somewhen(chance, start, last, _CHANGE)
    change_on = np.where((changes == plan) | (change_on >= end), np.datetime64("NaT"), change_on)
    seats = chance.geometric(0.12, count) if company.seats else np.ones(count, dtype=int)
    seats_on = _somewhen(chance, start, last, _SEATS if company.seats else 0.0)
    seats_on = np.where(seats_on >= end, np.datetime64("NaT"), seats_on)
    more = np.maximum(1, seats + chance.integers(-2, 8, count))
    seats_on = np.where(more == seats, np.datetime64("NaT"), seats_on)
    days = chance.integers(0, len(company.billing_days), count)
    frame = who.with_columns(
        seller=pl.lit(company.code),
        account=pl.Series([f"{company.letter}{n:06d}" for n in range(1, count + 1)]),
        currency=pl.lit(company.currency),
        timezone=pl.lit(company.timezone),
        region=pl.Series(
            chance.choice(list(company.regions), count, p=list(company.regions.values()))
        ),
        country=pl.lit(company.country),
        billing_day=pl.Series([company.billing_days[i] for i in days], dtype=pl.Int32),
        plan=pl.Series(plan),
        quantity=pl.Series(seats, dtype=pl.Int32),
        identifier_kind=pl.lit(company.identifier),
        identifier=pl.Series([identifier(company, n) for n in range(1, count + 1)]),
        start=pl.Series(start).cast(pl.Date),
        end=pl.Series(end).cast(pl.Date),
        change_on=pl.Series(change_on).cast(pl.Date),
        change_to=pl.Series(changes),
        quantity_on=pl.Series(seats_on).cast(pl.Date),
        quantity_to=pl.Series(more, dtype=pl.Int32),
        payer=pl.Series(chance.choice(list(PAYERS), count, p=list(PAYERS.values()))),
    )
    return frame.select(pl.col(name).cast(kind) for name, kind in CONTRACTS.items())


def identifier(company: Company, number: int) -> str:
    """Telephone number, meter number or key of a company's customer."""
    match company.identifier:
        case "msisdn":
            return f"39320{number:07d}"
        case "meter":
            return f"NMI{number:07d}"
        case _:
            return f"qs-{number:06d}"


def _starts(size: Size, chance: np.random.Generator, count: int) -> np.ndarray:
    """Most are there from the first day; a part joins later, often at a month's end."""
    months = chance.integers(0, size.months, count)
    firsts = np.array([size.month(i) for i in range(size.months + 1)], dtype="datetime64[D]")
    length = (firsts[months + 1] - firsts[months]).astype(int)
    day = np.where(chance.random(count) < 0.3, length - 1 - chance.integers(0, 3, count),
                   chance.integers(0, 28, count))  # fmt: skip
    joined = firsts[months] + day.astype("timedelta64[D]")
    return np.where(chance.random(count) < _JOIN, joined, firsts[0])


def _somewhen(
    chance: np.random.Generator, start: np.ndarray, last: date, share: float
) -> np.ndarray:
    """A day between a week after the start and `last`, for a share of the customers."""
    room = (np.datetime64(last, "D") - start).astype(int) - 7
    day = start + 7 + (chance.random(len(start)) * np.maximum(room, 0)).astype(int)
    happens = (chance.random(len(start)) < share) & (room > 0)
    return np.where(happens, day, np.datetime64("NaT"))


def active(frame: pl.DataFrame, first: date, after: date) -> pl.DataFrame:
    """Contracts alive in `[first, after)`, with `begin` and `until`, the part of it they live."""
    living = frame.filter(
        pl.col("start") < after, pl.col("end").is_null() | (pl.col("end") > first)
    )
    return living.with_columns(
        begin=pl.max_horizontal("start", pl.lit(first)),
        until=pl.min_horizontal(pl.col("end").fill_null(after), pl.lit(after)),
    )


def days(first: date, after: date) -> list[date]:
    """Each day of `[first, after)`."""
    return [first + timedelta(days=n) for n in range((after - first).days)]
