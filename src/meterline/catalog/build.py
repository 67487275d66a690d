"""From stored bodies to what the engines work with: prices, meters, calendars, rate cards. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any

import polars as pl

from meterline.catalog.model_types import AmountLimit
from meterline.catalog.plan_sections import AllowanceSection, PriceSection, TermSection
from meterline.catalog.resolve import spoken
from meterline.catalog.sections import (
    CalendarSection,
    DiscountSection,
    MeterSection,
    RateCardSection,
    TaxSection,
)
from meterline.kernel.calendar import WEEKDAYS, Band, CalendarSpec, Season
from meterline.kernel.interval import Interval
from meterline.kernel.policy import Policy
from meterline.pricing.price import Limit, Meter, Price
from meterline.pricing.registry import model
from meterline.rating.allowance import Allowance
from meterline.rating.card import ROW_SCHEMA, KeyField, RateCard, Step, intern_steps

Deck = Callable[[str, int], tuple[pl.DataFrame, tuple[tuple[Step, ...], ...]]]


@dataclass(frozen=True, kw_only=True)
class TaxRate:
    """A rate of a region from a day on (null: always)."""

    region: str
    percent: Decimal
    from_date: date | None


@dataclass(frozen=True, kw_only=True)
class Tax:
    """A tax by regions."""

    code: str
    rates: tuple[TaxRate, ...]


@dataclass(frozen=True, kw_only=True)
class Discount:
    """What is taken off, where, for how long and in which order."""

    percent: Decimal | None  # one of percent and amount is None
    amount: Decimal | None
    applies_to: tuple[str, ...]  # price codes; empty: all
    plans: tuple[str, ...]  # empty: all
    on_invoice: bool
    periods: int | None
    from_date: date | None
    to_date: date | None
    stacking: int  # lower ones first
    of_gross: bool
    exclusive: bool


def discount(code: str, body: Mapping[str, Any]) -> Discount:
    """A discount from its body."""
    section = DiscountSection.model_validate({"code": code, **body})
    return Discount(
        percent=section.percent,
        amount=section.amount,
        applies_to=section.applies_to,
        plans=section.plans,
        on_invoice=section.on == "invoice",
        periods=section.periods,
        from_date=section.from_,
        to_date=section.to,
        stacking=section.order,
        of_gross=section.of == "gross",
        exclusive=section.exclusive,
    )


def price(row: Mapping[str, Any], plan: Mapping[str, Any], meters: Mapping[str, Meter]) -> Price:
    """A price from its row (columns of catalog_price) and its plan version's columns."""
    body = dict(row["body"])
    section = PriceSection.model_validate(body)
    meter = meters.get(row["meter_code"] or "")
    parameters = model(row["model"]).parameters.model_validate(section.parameters)
    return Price(
        id=row["id"],
        plan_version_id=plan["id"],
        plan=plan["plan_code"],
        code=row["code"],
        name=row["name"],
        kind=row["kind"],
        model=row["model"],
        parameters=parameters,
        interval=Interval.parse(row["interval"]),
        timing=row["timing"],
        prorate=row["prorate"],
        due=row["due"],
        tax=row["tax_code"],
        meter=row["meter_code"],
        by=section.by,
        minimum_amount=_limit(section.minimum_amount),
        maximum_amount=_limit(section.maximum_amount),
        policy=Policy(**body["policy"]),
        currency=plan["currency"],
        timezone=plan["timezone"],
        aggregation=meter.aggregation if meter else "sum",
        factor=meter.factor if meter else None,
        factor_places=meter.round if meter else None,
    )


def _limit(section: AmountLimit | None) -> Limit | None:
    return None if section is None else Limit(amount=section.amount, per_day=section.per_day)


def meter(code: str, body: Mapping[str, Any]) -> Meter:
    """A meter from its body."""
    section = MeterSection.model_validate(body)
    return Meter(code=code, **{name: getattr(section, name) for name in MeterSection.model_fields})


def allowances(plan_code: str, body: Mapping[str, Any]) -> list[Allowance]:
    """The allowances of a plan version, from its body."""
    policy = body["policy"]
    found = []
    for written in body.get("allowances") or ():
        section = AllowanceSection.model_validate(written)
        found.append(
            Allowance(
                code=section.code,
                plan=plan_code if section.shared == "subscription" else "",
                amount=section.amount,
                interval=Interval.parse(section.interval),
                money=section.unit == "money",
                meters=tuple(sorted(section.all_meters)),
                prices=tuple(sorted(section.prices)),
                prorate=section.prorate,
                rollover=section.rollover,
                shared=section.shared,
                priority=section.priority,
                bands=tuple(sorted(section.bands)),
                increment=section.increment,
                valid=Interval.parse(section.valid) if section.valid else None,
                align=policy["align"],
                day_count=policy["day_count"],
            )
        )
    return found


def calendar(code: str, body: Mapping[str, Any]) -> CalendarSpec:
    """A calendar from its body."""
    return calendar_spec(code, CalendarSection.model_validate(body))


def calendar_spec(code: str, section: CalendarSection) -> CalendarSpec:
    """A calendar from its checked section."""
    holidays = section.holidays
    return CalendarSpec(
        code=code,
        timezone=section.timezone,
        seasons=tuple(
            Season(name=season.season, start=season.from_, end=season.to)
            for season in section.seasons
        ),
        bands=tuple(
            Band(
                name=band.band,
                days=frozenset(band.days or WEEKDAYS),
                start=band.from_ or time(0),
                end=band.to if band.to != time(0) else None,
                season=band.season,
            )
            for band in section.bands
        ),
        holiday_country=holidays.country if holidays else None,
        holiday_subdivision=holidays.subdivision if holidays else None,
        holiday_band=holidays.band if holidays else None,
    )


def rate_card(
    code: str, body: Mapping[str, Any], valid_from: date, timezone: str, deck: Deck
) -> RateCard:
    """One version of a rate card; `deck(digest, key fields)` reads the rows of a CSV deck."""
    written = {name: value for name, value in body.items() if name not in ("deck", "timezone")}
    section = RateCardSection.model_validate(written)
    if section.file is not None:
        rows, steps = deck(body["deck"], len(section.keys))
    else:
        rows, steps = card_rows(section)
    return RateCard(
        code=code,
        keys=tuple(KeyField(field=key.field, match=key.match) for key in section.keys),
        rows=rows,
        steps=steps,
        calendar=section.calendar,
        timezone=timezone,
        quantity_field=section.quantity.field if section.quantity else None,
        quantity_unit=section.quantity.unit if section.quantity else None,
        split_increments=section.increments_across_bands == "split",
        rounding=section.round.mode if section.round else None,
        places=section.round.decimals if section.round else 0,
        valid_from=valid_from,
    )


def card_rows(section: RateCardSection) -> tuple[pl.DataFrame, tuple[tuple[Step, ...], ...]]:
    """The rows that stand in a card (rating.card.ROW_SCHEMA and key columns), and their steps."""
    names = [f"key{i}" for i in range(len(section.keys))]
    found: list[dict[str, Any]] = []
    lists: list[list[Step]] = []
    for row in section.rows:
        steps = [
            Step(start=step.from_, price=step.price, per=step.per, increment=step.increment)
            for step in row.steps
        ]
        for key in row.key:
            values = (key,) if isinstance(key, str) else key
            found.append(
                {
                    **dict(zip(names, values, strict=True)),
                    "band": row.band,
                    "connection_fee": row.connection_fee,
                    "max_charge": row.max_charge,
                    "effective": row.effective,
                }
            )
            lists.append(steps)
    indexes, interned = intern_steps(lists)
    columns = {name: kind for name, kind in ROW_SCHEMA.items() if name != "steps"}
    schema = {**dict.fromkeys(names, pl.String), **columns}
    frame = pl.DataFrame(found, schema=schema)
    return frame.with_columns(steps=pl.Series(indexes, dtype=pl.Int32)), interned


def tax(code: str, body: Mapping[str, Any]) -> Tax:
    """A tax from its body."""
    section = TaxSection.model_validate({"code": code, **body})
    rates = (
        TaxRate(region=rate.region, percent=rate.percent, from_date=rate.from_)
        for rate in section.rates
    )
    return Tax(code=code, rates=tuple(rates))


def minimum(plan: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The minimum spend of a plan version (its columns, and its body): plan_version_id, plan,
    currency, policy, amount, interval, price_codes, shared, tax_code (that of the first price
    that it counts); None where it has none."""
    written = body.get("minimum")
    if written is None:
        return None
    codes = tuple(written.get("of") or ())
    counted = [
        price for code, price in body["prices"].items()
        if code in codes or (not codes and price["kind"] == "usage")
    ]  # fmt: skip
    return {
        **_of_plan(plan, body),
        "amount": Decimal(written["amount"]),
        "interval": written.get("interval", "month"),
        "price_codes": codes,
        "shared": written.get("shared") == "account",
        "tax_code": next((p["tax"] for p in counted if p.get("tax")), None),
    }


def commitments(plan: Mapping[str, Any], body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The volume commitments of a plan version: plan_version_id, plan, currency, policy, code,
    name, quantity, interval, price_codes, unit_amount, tax_code (that of the first price)."""
    prices = body["prices"]
    found = []
    for one in body.get("commitments") or ():
        codes = tuple(one.get("prices") or ()) or tuple(
            code for code, price in prices.items() if price.get("meter") == one["meter"]
        )
        found.append(
            {
                **_of_plan(plan, body),
                "code": one["code"],
                "name": one.get("name") or spoken(one["code"]),
                "quantity": Decimal(one["quantity"]),
                "interval": one.get("interval", "month"),
                "price_codes": codes,
                "unit_amount": Decimal(one["shortfall"]["unit_amount"]),
                "tax_code": next((prices[c]["tax"] for c in codes if prices[c].get("tax")), None),
            }
        )
    return found


def early_fee(plan: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The early fee of a plan version: plan_version_id, amount, per_month, percent (two of them
    None), name, tax_code, currency, rounding; None where it has none."""
    written = body.get("term")
    fee = TermSection.model_validate(written).early_fee if written else None
    if fee is None:
        return None
    return {
        "plan_version_id": plan["id"], "amount": fee.amount, "per_month": fee.per_month,
        "percent": fee.percent, "name": fee.name or "Early termination fee",
        "tax_code": fee.tax, "currency": plan["currency"],
        "rounding": body["policy"]["rounding"],
    }  # fmt: skip


def _of_plan(plan: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "plan_version_id": plan["id"], "plan": plan["plan_code"], "currency": plan["currency"],
        "policy": Policy(**body["policy"]),
    }  # fmt: skip
