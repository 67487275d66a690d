"""Usage charges: what was used in each ended period, at the period's price. Pure."""

from __future__ import annotations

import polars as pl

from meterline import pricing
from meterline.billing.frames import PROPOSED, QUANTITY, Snapshot, price_frame
from meterline.billing.price_lines import LINES, ROWS, price_lines
from meterline.billing.spans import spans, with_limits
from meterline.kernel.errors import MeterlineError
from meterline.kernel.money import EXACT
from meterline.pricing.price import Price
from meterline.subscriptions.periods import periods, runs


def propose(snapshot: Snapshot) -> pl.DataFrame:
    """PROPOSED lines of usage prices for the periods that have ended at `snapshot.until`
    (progressive: that have begun)."""
    lines = _lines(snapshot)
    if lines.is_empty():
        return pl.DataFrame(schema=PROPOSED)
    rows = pl.concat([_totals(lines, snapshot), _measured(lines, snapshot)]).pipe(
        _with_demand, lines, snapshot
    )
    due = lines.filter(pl.col("end_at") > pl.col("reach_at"))
    return price_lines(due.select(LINES.keys()), rows, snapshot)


def _lines(snapshot: Snapshot) -> pl.DataFrame:
    prices = price_frame(snapshot.prices).filter(pl.col("kind") == "usage")
    charged = spans(runs(snapshot.phases), prices, snapshot).pipe(_reach_back, snapshot)
    found = periods(charged, snapshot.billing_days)
    ended = (pl.col("end_at") <= pl.col("until_at")) & pl.col("period_closed")
    begun = pl.col("start_at") < pl.col("until_at")
    return (
        found.pipe(with_limits, snapshot)
        .filter(begun if snapshot.progressive else ended)
        .with_columns(
            limit_numerator="share_numerator",
            limit_denominator="share_denominator",
        )
        .with_columns(
            pl.when("prorate").then("share_numerator").otherwise(pl.lit(1, pl.Int64)),
            pl.when("prorate").then("share_denominator").otherwise(pl.lit(1, pl.Int64)),
            track=pl.concat_str(
                pl.lit("usage"),
                "price_id",
                pl.col("start_date").cast(pl.String),
                separator="|",
            ),
        )
        .with_row_index("line")
    )


def _reach_back(charged: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Prices with a ratchet look at earlier periods too: all of them are worked out."""
    ratchets = [price.id for price in snapshot.prices if pricing.looks_back(price)]
    return charged.with_columns(
        since_at=pl.when(pl.col("price_id").is_in(ratchets))
        .then(pl.col("start_at"))
        .otherwise("since_at")
    )


def _totals(lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """ROWS of the lines whose price is applied to the period's totals; none used: one of 0."""
    plain = lines.filter(~pl.col("price_id").is_in(_detailed(snapshot)))
    return plain.select("line", "days", "subscription_id", "price_id", "start_date").join(
        snapshot.totals,
        left_on=["subscription_id", "price_id", "start_date"],
        right_on=["subscription_id", "price_id", "period_start"],
        how="left",
    ).with_columns(
        pl.col("quantity").fill_null(0),
        pl.col("events").fill_null(0),
        pl.col("amount").fill_null(0),
        pl.col("denominator").fill_null(1),
        demand=pl.lit(None, QUANTITY),
    ).select(ROWS.keys())  # fmt: skip


def _detailed(snapshot: Snapshot) -> list[int]:
    return [p.id for p in snapshot.prices if pricing.needs_detail(p, snapshot.meters)]


def _measured(lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """ROWS of the lines whose price measures the period's records one by one (demand)."""
    found = [
        _measure(price, lines.filter(pl.col("price_id") == price.id), snapshot)
        for price in snapshot.prices
        if pricing.needs_detail(price, snapshot.meters)
    ]
    return pl.concat([pl.DataFrame(schema=ROWS), *found])


def _measure(price: Price, lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    if lines.is_empty():
        return pl.DataFrame(schema=ROWS)
    records = snapshot.detail.filter(pl.col("price_id") == price.id).rename({"start": "record_at"})
    placed = lines.select(
        "line", "subscription_id", period_from="start_at", period_to="end_at"
    ).join(
        records.select("subscription_id", "record_at", "end", "quantity"),
        on="subscription_id",
    )
    inside = placed.filter(
        pl.col("record_at") >= pl.col("period_from"),
        pl.col("record_at") < pl.col("period_to"),
    ).select("line", pl.col("record_at").alias("start"), "end", "quantity")
    measured = pricing.measure(
        price, inside, lines.select("line", "start_at"), calendars=snapshot.calendars
    )
    named = measured.join(
        lines.select("line", "subscription_id", pl.col("start_date").alias("period_start")),
        on="line",
    )
    billed = pricing.billed_quantity(price, named)
    return (
        lines.select("line", "days")
        .join(billed.select("line", "season", "quantity"), on="line")
        .select(
            "line", "season",
            pl.lit(None, pl.String).alias("band"),
            pl.lit(None, pl.String).alias("by_value"),
            "quantity",
            pl.lit(1, pl.Int64).alias("events"),
            pl.lit(0).cast(EXACT).alias("amount"),
            pl.lit(1, pl.Int64).alias("denominator"),
            "days",
            pl.lit(None, QUANTITY).alias("demand"),
        )
    )  # fmt: skip


class UnknownDemand(MeterlineError):
    """price {price_code} has tiers per unit of demand, but its plan has not exactly one demand
    price: name the one meant with `demand: CODE`"""

    code = "unknown_demand"


def _with_demand(rows: pl.DataFrame, lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """`demand` of the rows whose tiers are per unit of the plan's billed demand."""
    wanted = {
        price.id: reference
        for price in snapshot.prices
        if (reference := pricing.demand_reference(price)) is not None
    }
    if not wanted:
        return rows
    targets = {price_id: _demand_price(price_id, snapshot, wanted) for price_id in wanted}
    keys = lines.select("line", "subscription_id", "price_id", "start_at")
    measured = (
        rows.join(keys, on="line")
        .group_by("subscription_id", "price_id", "start_at")
        .agg(pl.col("quantity").max().alias("billed_demand"))
        .rename({"price_id": "demand_price_id"})
    )
    mapping = pl.DataFrame(
        list(targets.items()),
        schema={"price_id": pl.Int64, "demand_price_id": pl.Int64},
        orient="row",
    )
    found = keys.join(mapping, on="price_id").join(
        measured, on=["subscription_id", "demand_price_id", "start_at"], how="left"
    )
    return (
        rows.drop("demand")
        .join(
            found.select("line", pl.col("billed_demand").fill_null(0)),
            on="line",
            how="left",
        )
        .rename({"billed_demand": "demand"})
        .select(ROWS.keys())
    )


def _demand_price(price_id: int, snapshot: Snapshot, wanted: dict[int, str]) -> int:
    by_id = {price.id: price for price in snapshot.prices}
    price = by_id[price_id]
    found = [
        other.id
        for other in snapshot.prices
        if other.plan_version_id == price.plan_version_id
        and other.model == "demand"
        and wanted[price_id] in ("", other.code)
    ]
    if len(found) != 1:
        raise UnknownDemand(price_code=price.code)
    return found[0]
