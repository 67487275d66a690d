"""A tariff: everything that rating needs to know, compiled once (TMF620)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from meterline.kernel.calendar import CalendarSpec
from meterline.pricing.price import Meter, Price
from meterline.rating.card import RateCard
from meterline.rating.compiled import CompiledCard, compile_card


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """Prices, meters, calendars and compiled rate cards."""

    prices: Mapping[int, Price]
    meters: Mapping[str, Meter]
    calendars: Mapping[str, CalendarSpec]
    cards: Mapping[str, CompiledCard]
    table: pl.DataFrame = field(repr=False)  # plan_version_id, meter, price_id

    def price_table(self) -> pl.DataFrame:
        """plan_version_id, meter, price_id of all usage prices."""
        return self.table


def compile_tariff(
    prices: Sequence[Price],
    meters: Mapping[str, Meter],
    calendars: Mapping[str, CalendarSpec],
    rate_cards: Iterable[RateCard],
) -> Tariff:
    """Compile usage prices with their cards; `rate_cards` holds all versions of each card."""
    return assemble(prices, meters, calendars, compile_cards(rate_cards, calendars))


def compile_cards(
    rate_cards: Iterable[RateCard], calendars: Mapping[str, CalendarSpec]
) -> dict[str, CompiledCard]:
    """Compile all versions of each card, by code."""
    versions: dict[str, list[RateCard]] = {}
    for card in rate_cards:
        versions.setdefault(card.code, []).append(card)
    return {code: compile_card(cards, calendars) for code, cards in versions.items()}


def assemble(
    prices: Sequence[Price],
    meters: Mapping[str, Meter],
    calendars: Mapping[str, CalendarSpec],
    cards: Mapping[str, CompiledCard],
) -> Tariff:
    """A tariff of prices with cards that are compiled already."""
    usage = [price for price in prices if price.kind == "usage"]
    table = pl.DataFrame(
        [(price.plan_version_id, price.meter, price.id) for price in usage],
        schema={"plan_version_id": pl.Int64, "meter": pl.String, "price_id": pl.Int64},
        orient="row",
    )
    return Tariff(
        prices={price.id: price for price in usage},
        meters=dict(meters),
        calendars=dict(calendars),
        cards=dict(cards),
        table=table,
    )
