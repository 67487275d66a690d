"""Usage charges: what was used in each ended period, at the period's price. Pure."""

from __future__ import annotations

import polars as pl

from meterline import pricing
from meterline.billing.charges.measured import measured
from meterline.billing.frames import PROPOSED, QUANTITY, Snapshot
from meterline.billing.price_lines import LINES, ROWS, price_lines
from meterline.billing.spans import spans, with_limits
from meterline.kernel.errors import MeterlineError
from meterline.subscriptions.periods import periods


def propose(snapshot: Snapshot) -> pl.DataFrame:
    """PROPOSED lines of usage prices for the periods that have ended at `snapshot.until`
    (progressive: that have begun)."""
    lines = _lines(snapshot, _BEGUN if snapshot.progressive else _ENDED)
    if lines.is_empty():
        return pl.DataFrame(schema=PROPOSED)
    rows = pl.concat([_totals(lines, snapshot), measured(lines, snapshot)]).pipe(
        _with_demand, lines, snapshot
    )
    due = lines.filter(pl.col("end_at") > pl.col("reach_at"))
    return price_lines(_with_covered(_with_stub(due), snapshot), rows, snapshot)


def _with_stub(due: pl.DataFrame) -> pl.DataFrame:
    """`due` with `stub`, which share of its period a stub is, where one is charged in full."""
    share, whole = pl.col("limit_numerator"), pl.col("limit_denominator")
    stub = (share != whole) & (pl.col("share_numerator") == pl.col("share_denominator"))
    if due.filter(stub).is_empty():
        return due
    text = pl.concat_str(share, whole, separator="/")
    return due.with_columns(stub=pl.when(stub).then(text))


def _with_covered(due: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """LINES and stub, with what allowances covered of the period where they covered something."""
    columns = [*LINES, *(["stub"] if "stub" in due.columns else [])]
    if snapshot.covered.is_empty():
        return due.select(columns)
    key = ["subscription_id", "price_id", "period_start"]
    text = [pl.col(name).cast(pl.String) for name in ("amount", "denominator")]
    told = (
        snapshot.covered.sort(*key, "allowance", "denominator")
        .group_by(key, maintain_order=True)
        .agg(pl.struct("allowance", "money", *text).alias("covered"))
    )
    return due.join(
        told, left_on=["subscription_id", "price_id", "start_date"], right_on=key, how="left"
    ).select(*columns, "covered")


_BEGUN = pl.col("start_at") < pl.col("until_at")
_ENDED = (pl.col("end_at") <= pl.col("until_at")) & pl.col("period_closed")


def running(snapshot: Snapshot) -> pl.DataFrame:
    """subscription_id and track of the usage periods that have begun and not ended."""
    lines = _lines(snapshot, _BEGUN & ~_ENDED)
    key = {name: PROPOSED[name] for name in ("subscription_id", "track")}
    return pl.DataFrame(schema=key) if lines.is_empty() else lines.select(key.keys())


def _lines(snapshot: Snapshot, which: pl.Expr) -> pl.DataFrame:
    prices = snapshot.price_columns.filter(
        pl.col("kind") == "usage", pl.col("model") != "percent_of"
    )
    if prices.is_empty():
        return pl.DataFrame()
    charged = spans(snapshot.runs, prices, snapshot).pipe(_reach_back, snapshot)
    found = periods(charged, snapshot.billing_days)
    weighted = [price.id for price in snapshot.prices if price.aggregation == "weighted_sum"]
    shared = pl.col("prorate") & ~pl.col("price_id").is_in(weighted)  # those are shares already
    return (
        found.pipe(with_limits, snapshot)
        .filter(which)
        .pipe(_with_cycle, snapshot)
        .with_columns(
            limit_numerator="share_numerator",
            limit_denominator="share_denominator",
            known_at=pl.min_horizontal("end_at", "until_at"),
        )
        .with_columns(
            pl.when(shared).then("share_numerator").otherwise(pl.lit(1, pl.Int64)),
            pl.when(shared).then("share_denominator").otherwise(pl.lit(1, pl.Int64)),
            track=pl.concat_str(
                pl.lit("usage"),
                "price_id",
                pl.col("start_date").cast(pl.String),
                separator="|",
            ),
        )
        .with_row_index("line")
    )


def _with_cycle(lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """`lines` with cycle_from and cycle_to: the instants of the whole cycle of each period."""
    zones = lines.join(snapshot.accounts.select("account_id", "timezone"), on="account_id")
    parts = [
        part.with_columns(
            pl.col(day)
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC")
            .alias(name)
            for day, name in (("cycle_start_date", "cycle_from"), ("cycle_end_date", "cycle_to"))
        )
        for (zone,), part in zones.partition_by("timezone", as_dict=True).items()
    ]
    return (
        pl.concat(parts) if parts else zones.with_columns(cycle_from="start_at", cycle_to="end_at")
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
    """ROWS and divisor of the lines whose price is applied to the period's totals; none used: one
    of 0."""
    detailed = [p.id for p in snapshot.prices if pricing.needs_detail(p, snapshot.meters)]
    plain = lines.filter(~pl.col("price_id").is_in(detailed))
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
        divisor=pl.lit(1, pl.Int64),
    ).select(*ROWS, "divisor")  # fmt: skip


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
    peaks = (
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
        peaks, on=["subscription_id", "demand_price_id", "start_at"], how="left"
    )
    return (
        rows.drop("demand")
        .join(
            found.select("line", pl.col("billed_demand").fill_null(0)),
            on="line",
            how="left",
        )
        .rename({"billed_demand": "demand"})
        .select(*ROWS, "divisor")
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
