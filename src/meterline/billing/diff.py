"""diff(proposed, billed): what to invoice now. Pure.

Usage, minimums and one-time charges are compared by value: what their track should come to, less
what it was billed at. Recurring charges (and their discounts) are compared by time: what was
billed in advance and is not used comes back as a share of what was billed; what is wanted and not
billed is charged. A track whose proposed and billed periods agree is settled and costs nothing.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import polars as pl

from meterline.billing.charges import discount_group, usage
from meterline.billing.frames import PROPOSED, USAGE_TRACK, Snapshot
from meterline.billing.propose import past_horizon
from meterline.billing.reconcile import reconcile
from meterline.billing.spans import gathered_prices, with_limits
from meterline.kernel.frames import empty
from meterline.kernel.money import MONEY
from meterline.pricing.price import Price

CHARGED: dict[str, Any] = {
    **PROPOSED,
    "tax_percent": pl.Decimal(12, 6),  # that of the line which is corrected; null: today's
}


def diff(proposed: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """CHARGED lines: `proposed` less `snapshot.billed`, both cut at the accounts' horizon."""
    billed = _without_standing(_in_view(proposed, snapshot), proposed, snapshot)
    if snapshot.progressive:
        billed = billed.filter(_tracks_usage())
    in_time = _by_time()
    found = [
        _by_value(proposed.filter(~in_time), billed.filter(~in_time)),
        _by_period(proposed.filter(in_time), billed.filter(in_time), snapshot),
    ]
    return pl.concat(found).filter(pl.col("amount") != 0)


def _in_view(proposed: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """What was billed past the horizon, and by time before it of the days of what is proposed:
    where nothing comes back, it stands against them."""
    billed = past_horizon(snapshot.billed, snapshot)
    older = snapshot.billed.filter(_by_time()).join(billed, on="line_id", how="anti")
    if older.is_empty():
        return billed
    days = proposed.filter(_by_time()).select(
        "subscription_id", "track", since="start_at", until="end_at"
    )
    found = older.join(days, on=["subscription_id", "track"]).filter(
        pl.col("start_at") < pl.col("until"), pl.col("end_at") > pl.col("since")
    )
    return pl.concat([billed, older.join(found, on="line_id", how="semi")])


def _without_standing(
    billed: pl.DataFrame, proposed: pl.DataFrame, snapshot: Snapshot
) -> pl.DataFrame:
    """`billed` less what mid-period bills charged of periods that are not proposed now and have
    not gone: those that still run, and those that a change since then ended before the horizon."""
    period = pl.col("track").str.extract(_USAGE_PERIOD)
    key = ["subscription_id", "period"]
    of_usage = billed.filter(_tracks_usage()).with_columns(period=period)
    if of_usage.is_empty():
        return billed
    missing = of_usage.join(proposed.with_columns(period=period), on=key, how="anti")
    if missing.is_empty():
        return billed
    running = usage.running(snapshot).select("subscription_id", period="track")
    standing = [
        missing.join(running, on=key, how="semi"),
        missing.pipe(with_limits, snapshot).filter(pl.col("start_at") < pl.col("horizon_at")),
    ]
    lines = pl.concat(found.select("line_id") for found in standing)
    return billed.join(lines, on="line_id", how="anti")


_USAGE_PERIOD = r"(usage\|\d+\|[^|]+)"  # the price and the day on which the period begins
_DISCOUNTS = r"(discount\|[^|]*\|)"


def _by_time() -> pl.Expr:
    track = pl.col("track")
    return track.str.contains(rf"^{_DISCOUNTS}*recurring\|")


def _tracks_usage() -> pl.Expr:
    return pl.col("track").str.contains(USAGE_TRACK)


def _by_value(proposed: pl.DataFrame, billed: pl.DataFrame) -> pl.DataFrame:
    if billed.is_empty():
        return _fresh(proposed)
    key = ["subscription_id", "track"]
    before = (
        billed.sort("line_id")
        .group_by(key)
        .agg(
            pl.col("amount").sum().alias("before"),
            pl.col("quantity").sum().alias("quantity_before"),
            pl.col("tax_percent").last(),
            pl.col("line_id").first(),
        )
    )
    joined = proposed.join(before, on=key, how="left").with_columns(
        amount=(pl.col("amount") - pl.col("before").fill_null(0)).cast(MONEY),
        quantity=pl.when(pl.col("before").is_null())
        .then("quantity")
        .otherwise(pl.col("quantity") - pl.col("quantity_before")),
        inputs=_with_before(pl.col("inputs"), pl.col("before")),
    )
    gone = _reversed_lines(
        before.filter(pl.col("before") != 0).join(proposed, on=key, how="anti"),
        billed,
    )
    return pl.concat([joined.select(CHARGED.keys()), gone])


def _with_before(inputs: pl.Expr, before: pl.Expr) -> pl.Expr:
    """The inputs of an explanation with what was billed before, where something was."""
    added = pl.concat_str(
        inputs.str.strip_suffix("}"),
        pl.lit(',"before":"'),
        before.cast(pl.String),
        pl.lit('"}'),
    )
    return pl.when(before.is_null()).then(inputs).otherwise(added)


def _reversed_lines(gone: pl.DataFrame, billed: pl.DataFrame) -> pl.DataFrame:
    """Lines that take back what was billed on tracks that should have nothing."""
    original = billed.drop("amount", "quantity", "tax_percent")
    return (
        gone.join(original, on=["subscription_id", "track", "line_id"])
        .with_columns(
            amount=-pl.col("before"),
            quantity=-pl.col("quantity_before"),
            inputs=pl.concat_str(
                pl.lit('{"before":"'), pl.col("before").cast(pl.String), pl.lit('"}')
            ),
            advance=pl.lit(False),
        )
        .select(CHARGED.keys())
    )


def _by_period(proposed: pl.DataFrame, billed: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    if billed.is_empty():
        return _fresh(_unsettled(proposed, snapshot))
    key = ["subscription_id", "track"]
    period = [*key, "start_at", "end_at"]
    billed = _with_corrections(billed, period)
    touched = billed.group_by(key).agg(pl.col("end_at").max().alias("billed_to"))
    settled = (
        billed.group_by(period)
        .agg(pl.len().alias("lines"))
        .join(proposed.select(period).unique(), on=period, how="full", coalesce=False)
    )
    new = settled.filter(pl.col("lines").is_null()).select(
        pl.col(f"{name}_right").alias(name) for name in period
    )
    new = new.join(touched, on=key)
    amiss = settled.filter((pl.col("lines") > 1) | pl.col("start_at_right").is_null())
    early = new.filter(pl.col("start_at") < pl.col("billed_to"))
    by_amount = _by_amount(proposed, billed, snapshot)
    contested = pl.concat(
        [
            amiss.drop_nulls("lines").select(key),
            early.select(key),
            _other_amounts(proposed, billed, by_amount),
        ]
    ).unique()
    untouched = proposed.join(touched, on=key, how="anti").pipe(_unsettled, snapshot)
    following = proposed.join(new.join(contested, on=key, how="anti"), on=period, how="semi")
    fresh = pl.concat(
        [
            _fresh(pl.concat([untouched, _due(following, snapshot)])),
            _moved_parts(_unsettled(proposed, snapshot), billed, period),
        ]
    )
    if contested.is_empty():
        return fresh
    changed = _reconcile_tracks(
        proposed.join(contested, on=key, how="semi"),
        billed.join(contested, on=key, how="semi"),
        snapshot,
        set(by_amount.iter_rows()),
    )
    return pl.concat([fresh, changed])


def _fresh(lines: pl.DataFrame) -> pl.DataFrame:
    """CHARGED lines of what nothing was billed of."""
    tax = pl.lit(None, pl.Decimal(12, 6))
    return lines.with_columns(tax_percent=tax).select(CHARGED.keys())


def _other_amounts(
    proposed: pl.DataFrame, billed: pl.DataFrame, by_amount: pl.DataFrame
) -> pl.DataFrame:
    """Those of `by_amount` with a period that was billed at another amount."""
    if by_amount.is_empty():
        return by_amount
    key = by_amount.columns
    both = proposed.join(by_amount, on=key, how="semi").join(
        billed, on=[*key, "start_at", "end_at"]
    )
    return both.filter(pl.col("amount") != pl.col("amount_right")).select(key)


def _due(following: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """The lines of periods after all that was billed, but those that `reconcile` would not charge
    yet, or not any more."""
    ahead = pl.col("advance") & (pl.col("start_at") > pl.col("until_at"))
    open_ = _unsettled(following, snapshot)
    return open_.pipe(with_limits, snapshot).filter(~ahead).select(following.columns)


def _unsettled(lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    settled = pl.col("end_at") <= pl.col("horizon_at")
    return lines.pipe(with_limits, snapshot).filter(~settled).select(lines.columns)


def _with_corrections(billed: pl.DataFrame, period: list[str]) -> pl.DataFrame:
    """`billed` with the lines of one period as one, what they come to: those of discounts, and
    where an amount was corrected."""
    if not (billed["corrects"].any() or _any_off(billed)):
        return billed
    corrected = pl.col("corrects").any().over(period)
    summed = pl.col("track").str.starts_with("discount|") | corrected
    found = billed.filter(summed)
    if not found.select(period).is_duplicated().any():
        return billed
    sums = (
        found.sort("line_id")
        .group_by(period, maintain_order=True)
        .agg(pl.all().exclude("amount", "adjusted").first(), pl.col("amount", "adjusted").sum())
        .filter(pl.col("amount") != 0)
        .select(pl.col(name).cast(kind) for name, kind in billed.schema.items())
    )
    return pl.concat([billed.filter(~summed), sums])


def _moved_parts(proposed: pl.DataFrame, billed: pl.DataFrame, period: list[str]) -> pl.DataFrame:
    """Parts of a discount on the invoice that are others now, because another line changed; what
    was billed in advance keeps its part."""
    if not _any_off(proposed):
        return empty(CHARGED)
    together = pl.col("inputs").str.contains('"together":', literal=True)
    moves = together & ~pl.col("advance") & discount_group.terms().is_null()
    discounts = proposed.filter(pl.col("kind") == "discount").filter(moves)
    before = billed.select(*period, pl.col("amount").alias("before"), "tax_percent")
    return (
        discounts.join(before, on=period)
        .with_columns(
            amount=(pl.col("amount") - pl.col("before")).cast(MONEY),
            inputs=_with_before(pl.col("inputs"), pl.col("before")),
        )
        .select(CHARGED.keys())
    )


def _any_off(lines: pl.DataFrame) -> bool:
    return bool((lines["kind"] == "discount").any())


def _by_amount(proposed: pl.DataFrame, billed: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Subscription and track of what goes by amounts, not by days: the recurring charges that have
    lines of several intervals (their quantity is another than that of the contract, which the
    track tells) with their discounts, and discounts where amounts are taken off, unless the
    catalogue has other terms now than what was billed."""
    key = ["subscription_id", "track"]
    discounts = _any_off(proposed) or _any_off(billed)
    if not discounts and not gathered_prices(snapshot.prices):
        return billed.select(key).clear()
    lines = pl.concat(one.select(*key, "kind", "quantity") for one in (proposed, billed))
    charged = lines.with_columns(charge=pl.col("track").str.replace(rf"^{_DISCOUNTS}+", ""))
    units = pl.col("charge").str.extract(r"^recurring\|\d+\|([^|]+)")
    several = charged.filter(
        pl.col("kind") == "recurring", pl.col("quantity") != units.cast(lines.schema["quantity"])
    )
    off = pl.col("kind") == "discount"
    amounts = pl.concat(
        [
            proposed.filter(off).select(*key, terms=discount_group.terms()),
            billed.filter(off).select(*key, "terms"),
        ]
    )
    known = pl.col("terms").is_not_null().all() & (pl.col("terms").n_unique() == 1)
    found = charged.join(several, on=["subscription_id", "charge"], how="semi")
    return pl.concat([found.select(key), amounts.filter(known.over(key)).select(key)]).unique()


def _reconcile_tracks(
    proposed: pl.DataFrame,
    billed: pl.DataFrame,
    snapshot: Snapshot,
    by_amount: Container[tuple[int, str]],
) -> pl.DataFrame:
    """The few tracks on which proposed and billed periods differ, one at a time."""
    prices: Mapping[int, Price] = {price.id: price for price in snapshot.prices}
    zones = dict(snapshot.accounts.select("account_id", "timezone").iter_rows())
    currencies = dict(snapshot.accounts.select("account_id", "currency").iter_rows())
    horizons = dict(snapshot.accounts.select("account_id", "horizon_at").iter_rows())
    untils = dict(snapshot.accounts.select("account_id", "until_at").iter_rows())
    key = ["subscription_id", "track"]
    wanted = proposed.partition_by(key, as_dict=True)
    had = billed.sort("line_id").partition_by(key, as_dict=True)
    rows: list[dict[str, Any]] = []
    for track in sorted({*wanted, *had}):
        billed_rows = had[track].to_dicts() if track in had else []
        wanted_rows = wanted[track].to_dicts() if track in wanted else []
        first = (billed_rows or wanted_rows)[0]
        rows.extend(
            reconcile(
                wanted_rows,
                billed_rows,
                prices[first["price_id"]],
                zones[first["account_id"]],
                currencies[first["account_id"]],
                horizons[first["account_id"]],
                untils[first["account_id"]],
                by_amount=track in by_amount,
            )
        )
    return pl.DataFrame(rows, schema=CHARGED)
