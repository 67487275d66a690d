"""One event rated by itself: for tests of tariffs, for a price enquiry, for an explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

import polars as pl

from meterline.pricing.price import Meter, Price
from meterline.pricing.registry import model
from meterline.rating.card import RateCard
from meterline.rating.properties import column
from meterline.rating.rate import QUANTITY, rate
from meterline.rating.tariff import Tariff, compile_tariff

_METER = "event"


@dataclass(frozen=True, kw_only=True)
class EventRate:
    """The exact amount of an event, or the reason why it has none."""

    amount: Fraction | None
    reject: str | None = None
    detail: str | None = None


def rate_event(
    start: datetime, properties: Mapping[str, str], price: Price, tariff: Tariff
) -> EventRate:
    """What one event comes to under a usage price of the tariff."""
    rated = rate(_frame(start, properties, price), _only(tariff, price))
    if rated.rejects.height:
        row = rated.rejects.row(0, named=True)
        return EventRate(amount=None, reject=row["reason"], detail=row["detail"])
    amount, denominator = rated.rated.select("amount", "denominator").row(0)
    return EventRate(amount=Fraction(amount) / denominator)


def rate_event_by_card(
    start: datetime, properties: Mapping[str, str], card: RateCard, tariff: Tariff
) -> EventRate:
    """What one event comes to under a card alone: seconds of `duration`, unless the card says
    otherwise."""
    field = card.quantity_field or "duration"
    price = Price(
        id=0, plan_version_id=0, code=card.code, name=card.code, kind="usage", model="rate_card",
        parameters=model("rate_card").parameters.model_validate({"card": card.code}), meter=_METER,
    )  # fmt: skip
    meter = Meter(code=_METER, aggregation="sum", value=field, unit=card.quantity_unit or "second")
    alone = replace(tariff, meters={_METER: meter})
    return rate_event(start, properties, price, alone)


def _only(tariff: Tariff, price: Price) -> Tariff:
    """The tariff with one price."""
    table = compile_tariff([price], {}, {}, []).table
    return replace(tariff, prices={price.id: price}, table=table)


def _frame(start: datetime, properties: Mapping[str, str], price: Price) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "row": pl.Series([0], dtype=pl.UInt32),
            "plan_version_id": pl.Series([price.plan_version_id], dtype=pl.Int64),
            "meter": [price.meter],
            "start": pl.Series([start], dtype=pl.Datetime("us", "UTC")),
            "duration_us": pl.Series([None], dtype=pl.Int64),
            "quantity": pl.Series([None], dtype=QUANTITY),
            **{
                column(name): pl.Series([value], dtype=pl.String)
                for name, value in properties.items()
            },
        }
    )


def rate_enquiry(
    tariff: Tariff,
    event: Mapping[str, object],
    *,
    start: datetime,
    card: str | None = None,
    plan: str | None = None,
    price: str | None = None,
) -> EventRate:
    """What an event comes to under a card, or under a plan's price (its newest version)."""
    properties = {name: str(value) for name, value in event.items()}
    if card is not None:
        return rate_event_by_card(start, properties, tariff.cards[card].card, tariff)
    found = [p for p in tariff.prices.values() if p.plan == plan and p.code == price]
    newest = max(found, key=lambda candidate: candidate.plan_version_id)
    return rate_event(start, properties, newest, tariff)
