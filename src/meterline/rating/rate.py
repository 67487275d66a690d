"""rate(usage, tariff): each record under each usage price of its plan. Pure, columnar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import polars as pl

from meterline.kernel.money import EXACT
from meterline.pricing.models import matrix
from meterline.pricing.price import Meter, Price
from meterline.pricing.registry import model
from meterline.rating import properties
from meterline.rating.charge import charge_events
from meterline.rating.compiled import CompiledCard
from meterline.rating.tariff import Tariff
from meterline.rating.values import by_values

QUANTITY = pl.Decimal(38, 10)

USAGE: dict[str, Any] = {  # and any properties (see properties.py), as String columns
    "row": pl.UInt32,
    "plan_version_id": pl.Int64,
    "meter": pl.String,
    "start": pl.Datetime("us", "UTC"),
    "duration_us": pl.Int64,  # null: unknown
    "quantity": QUANTITY,  # null: the meter's value field holds it
}

RATED: dict[str, Any] = {
    "row": pl.UInt32,
    "price_id": pl.Int64,
    "quantity": QUANTITY,
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "amount": EXACT,
    "denominator": pl.Int64,
}

REJECTS: dict[str, Any] = {"row": pl.UInt32, "reason": pl.String, "detail": pl.String}


@dataclass(frozen=True, kw_only=True)
class Rated:
    """What rating made of a batch: a record ends in `rated` (a row a price) or in `rejects`."""

    rated: pl.DataFrame  # RATED
    rejects: pl.DataFrame  # REJECTS


def rate(usage: pl.DataFrame, tariff: Tariff) -> Rated:
    """Rate guided records (USAGE). A record that any of its prices rejects is not rated at all."""
    meters = usage["meter"].unique().sort().to_list()
    rejects = []
    if not tariff.meters.keys() >= set(meters):
        known = usage["meter"].is_in(list(tariff.meters))
        rejects.append(_reject(usage.filter(~known), "unknown_meter"))
        usage = usage.filter(known)
        meters = [code for code in meters if code in tariff.meters]
    usage, bad = _with_quantity(usage, meters, tariff)
    rejects.append(bad)
    priced = _priced(usage, meters, tariff)
    rejects.append(_reject(priced.filter(pl.col("price_id").is_null()), "no_price"))
    parts = []
    for price_id, places in _by_price(priced.drop_nulls("price_id")):
        events = usage if len(places) == usage.height else usage[places]
        price = tariff.prices[price_id]
        meter = tariff.meters[price.meter or ""]
        if meter.filter:
            parts.append(_uncounted(events.filter(~counts(meter, events)), price))
            events = events.filter(counts(meter, events))
        rated, refused = _rate_price(events, price, tariff)
        parts.append(rated)
        rejects.append(refused)
    refused = pl.concat([pl.DataFrame(schema=REJECTS), *rejects]).unique(
        "row", keep="first", maintain_order=True
    )
    rated = pl.concat(parts) if parts else pl.DataFrame(schema=RATED)
    if len(parts) > 1:  # in the order of the records again
        rated = rated.sort("row", maintain_order=True)
    if not refused.is_empty():
        rated = rated.join(refused, on="row", how="anti", maintain_order="left")
    return Rated(rated=rated, rejects=refused)


def _reject(rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    return rows.select(
        "row", pl.lit(reason).alias("reason"), pl.col("meter").cast(pl.String).alias("detail")
    )


def _priced(usage: pl.DataFrame, meters: list[str], tariff: Tariff) -> pl.DataFrame:
    """row, meter, place (in `usage`) and price_id of each price that records have, null where there
    is none."""
    columns = usage.select("row", "plan_version_id", "meter").with_row_index("place")
    parts = [
        _of_meter(columns, code, meters).join(
            tariff.table.filter(pl.col("meter") == code).select("plan_version_id", "price_id"),
            on="plan_version_id", how="left", maintain_order="left",
        )
        for code in meters
    ]  # fmt: skip
    none = columns.clear().with_columns(price_id=pl.lit(None, pl.Int64))
    return pl.concat(parts) if parts else none


def _of_meter(usage: pl.DataFrame, code: str, meters: list[str]) -> pl.DataFrame:
    return usage if len(meters) == 1 else usage.filter(pl.col("meter") == code)


def _by_price(priced: pl.DataFrame) -> Iterator[tuple[int, pl.Series]]:
    """The places of each price's records."""
    first = priced["price_id"].first()
    if priced.height and bool((priced["price_id"] == first).all()):  # as is usual
        yield cast(int, first), priced["place"]
        return
    for (price_id,), rows in priced.partition_by("price_id", as_dict=True).items():
        yield cast(int, price_id), rows["place"]


def _with_quantity(
    usage: pl.DataFrame, meters: list[str], tariff: Tariff
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Usage with the quantity by its meter filled in, and rejects where there is none."""
    parts, rejects = [], []
    for code in meters:
        part = _of_meter(usage, code, meters)
        meter = tariff.meters[code]
        filled = part.with_columns(quantity=_quantity(meter, part))
        wrong = pl.col("quantity").is_null()
        if meter.aggregation != "weighted_sum":
            wrong = wrong | (pl.col("quantity") < 0)
        wrong = wrong & counts(meter, part)
        bad = filled.filter(wrong)
        parts.append(filled.filter(~wrong) if bad.height else filled)
        rejects.append(
            bad.select(
                "row",
                pl.lit("invalid_quantity").alias("reason"),
                pl.lit(f"meter {code} takes {meter.value or 'quantity'} >= 0").alias("detail"),
            )
        )
    if not parts:
        return usage, pl.DataFrame(schema=REJECTS)
    return pl.concat(parts), pl.concat(rejects)


def counts(meter: Meter, events: pl.DataFrame) -> pl.Expr:
    """Whether events pass the meter's filter. One that does not is rated as nothing: it is no
    error, and its quantity is null."""
    found = pl.lit(True)
    for name, wanted in meter.filter.items():
        found = found & properties.text(name, events).is_in(list(wanted)).fill_null(False)
    return found


def _quantity(meter: Meter, part: pl.DataFrame) -> pl.Expr:
    one = pl.lit(1).cast(QUANTITY)
    if meter.aggregation == "count":
        return one
    if meter.aggregation == "unique":
        return pl.when(properties.text(str(meter.value), part).is_not_null()).then(one)
    return pl.coalesce("quantity", _property_number(meter.value, part))


def _property_number(name: str | None, part: pl.DataFrame) -> pl.Expr:
    if name is not None and properties.column(name) in part.columns:
        return pl.col(properties.column(name)).cast(QUANTITY, strict=False)
    if name == "duration":
        return _seconds()
    return pl.lit(None, QUANTITY)


def _seconds() -> pl.Expr:
    """duration_us in seconds, exactly."""
    micros = pl.col("duration_us").cast(pl.Int128) * 10_000
    return micros.reinterpret(dtype=QUANTITY)


def _rate_price(
    events: pl.DataFrame, price: Price, tariff: Tariff
) -> tuple[pl.DataFrame, pl.DataFrame]:
    match price.model:
        case "rate_card":
            return _by_version(events, price, tariff.cards[price.parameter("card")], tariff)
        case "dynamic":
            return _by_property(events, price)
        case "matrix":
            return _by_cell(events, price)
        case "time_of_use":
            calendar = tariff.calendars[price.parameter("calendar")].calendar
            placed = calendar.place(events["start"])
            return _plain(events.with_columns(placed["season"], placed["band"]), price)
    if model(price.model).prices_events:
        raise AssertionError(f"rating does not know how {price.model} prices events")
    return _plain(events, price)


def _plain(events: pl.DataFrame, price: Price) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records whose price looks at the period: only quantity, band and value."""
    return _rated(events, price), pl.DataFrame(schema=REJECTS)


def _uncounted(events: pl.DataFrame, price: Price) -> pl.DataFrame:
    return _rated(events.with_columns(quantity=pl.lit(None, QUANTITY)), price)


def _rated(events: pl.DataFrame, price: Price, **columns: Any) -> pl.DataFrame:
    defaults: dict[str, Any] = {
        "price_id": pl.lit(price.id, pl.Int64),
        "by_value": _by_value(events, price),
        "amount": pl.lit(0).cast(EXACT),
        "denominator": pl.lit(1, pl.Int64),
    }
    for name in ("season", "band"):
        if name not in events.columns:
            defaults[name] = pl.lit(None, pl.String)
    return events.with_columns(**{**defaults, **columns}).select(
        pl.col(name).cast(kind) for name, kind in RATED.items()
    )


def _by_value(events: pl.DataFrame, price: Price) -> pl.Expr | pl.Series:
    if not price.by:
        return pl.lit(None, pl.String)
    fields = [properties.text(name, events).alias(str(i)) for i, name in enumerate(price.by)]
    return by_values(events.with_columns(fields).select(map(str, range(len(fields)))).get_columns())


def _by_cell(events: pl.DataFrame, price: Price) -> tuple[pl.DataFrame, pl.DataFrame]:
    """matrix: only events for which there is a unit price."""
    rated = _rated(events, price)
    values = rated["by_value"].unique()
    priced = rated["by_value"].is_in(matrix.unit_amounts(price, values)["by_value"].implode())
    rejects = rated.filter(~priced).select(
        "row",
        pl.lit("no_price").alias("reason"),
        pl.concat_str(
            pl.lit(f"price {price.code}: no cell for {', '.join(price.by)} "), "by_value"
        ).alias("detail"),
    )
    return rated.filter(priced), rejects


def _by_property(events: pl.DataFrame, price: Price) -> tuple[pl.DataFrame, pl.DataFrame]:
    """dynamic: the event carries its amount."""
    amounts = events.with_columns(carried=_property_number(price.parameter("value"), events))
    good = pl.col("carried").is_not_null()
    rejects = amounts.filter(~good).select(
        "row",
        pl.lit("invalid_quantity").alias("reason"),
        pl.lit(f"property {price.parameter('value')} holds no amount").alias("detail"),
    )
    return _rated(amounts.filter(good), price, amount=pl.col("carried")), rejects


def _by_version(
    events: pl.DataFrame, price: Price, compiled: CompiledCard, tariff: Tariff
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """rate_card: each event by the version of the card in force at its start."""
    early = events["start"] < compiled.since
    if compiled.before is None or not early.any():
        return _by_card(events, price, compiled, tariff)
    before = _by_version(events.filter(early), price, compiled.before, tariff)
    if early.all():
        return before
    after = _by_card(events.filter(~early), price, compiled, tariff)
    return pl.concat([before[0], after[0]]), pl.concat([before[1], after[1]])


def _by_card(
    events: pl.DataFrame, price: Price, compiled: CompiledCard, tariff: Tariff
) -> tuple[pl.DataFrame, pl.DataFrame]:
    card = compiled.card
    quantity = pl.col("quantity")
    if card.quantity_field is not None:
        quantity = pl.coalesce(
            _property_number(card.quantity_field, events), pl.lit(None, QUANTITY)
        )
    measured = events.with_columns(quantity=quantity)
    good = (pl.col("quantity") >= 0).fill_null(False)
    wrong = measured.filter(~good).select(
        "row",
        pl.lit("invalid_quantity").alias("reason"),
        pl.lit(f"card {card.code} takes {card.quantity_field or 'a quantity'} >= 0").alias(
            "detail"
        ),
    )
    measured = measured.filter(good) if wrong.height else measured
    keys = measured.select("row", *_key_columns(price, compiled.card.keys, measured)).drop("row")
    charged = charge_events(
        compiled, measured["start"], measured["quantity"], keys, _elapses(price, tariff)
    )
    exact = pl.Series(charged.exact)
    too_large = measured.filter(~exact).select(
        "row",
        pl.lit("invalid_quantity").alias("reason"),
        pl.concat_str(pl.lit(f"card {card.code} cannot count "), "quantity").alias("detail"),
    )
    known = pl.Series(charged.known)
    split = price.parameter("split") == "band"
    rated = _rated(
        measured.with_columns(band=charged.bands(compiled)) if split else measured,
        price,
        amount=charged.amount,
        denominator=charged.denominator,
    )
    rated = rated if (known & exact).all() else rated.filter(known & exact)
    unknown = measured.with_columns(keys.to_series(0).alias("__key")).filter(~known).select(
        "row",
        pl.lit("unknown_destination").alias("reason"),
        pl.concat_str(
            pl.lit(f"card {card.code}: no row for "), pl.col("__key").fill_null("(empty)")
        ).alias("detail"),
    )  # fmt: skip
    return rated, pl.concat([wrong, too_large, unknown])


def _elapses(price: Price, tariff: Tariff) -> bool:
    """Whether the quantity that a card prices is a time, in seconds."""
    card = tariff.cards[price.parameter("card")].card
    meter = tariff.meters[price.meter or ""]
    return (meter.unit if card.quantity_field is None else card.quantity_unit) == "second"


def charge_rest(events: pl.DataFrame, price: Price, tariff: Tariff) -> pl.DataFrame:
    """Events of a rate card with the amount and denominator of what an allowance does not cover.

    `events`: start, quantity (what the card prices), covered (so much of it costs nothing) and the
    properties. The rest is priced at its place in the steps; the connection fee is due with it.
    """
    compiled = tariff.cards[price.parameter("card")]
    charged = charge_events(
        compiled, events["start"], events["quantity"],
        events.select(_key_columns(price, compiled.card.keys, events)),
        _elapses(price, tariff), events["covered"],
    )  # fmt: skip
    return events.with_columns(amount=charged.amount, denominator=charged.denominator)


def _key_columns(price: Price, fields: Any, events: pl.DataFrame) -> list[pl.Expr]:
    """The properties by which the card's rows are found, named by the price or by the card."""
    given = price.parameter("key")
    names = [given] if isinstance(given, str) else given or [key.field for key in fields]
    return [properties.text(name, events).alias(f"key{i}") for i, name in enumerate(names)]
