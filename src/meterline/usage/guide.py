"""Guiding: whose record is it, and under which plan? By identifier or code, at the start. Pure."""

from __future__ import annotations

import polars as pl

from meterline.subscriptions.periods import INSTANT

GUIDED = ("subscription_id", "account_id", "plan_version_id")


def holdings(identifiers: pl.DataFrame, phases: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What guiding looks records up in: by identifier (`identifier`) and by subscription
    (`subscription`): timezone, GUIDED (null plan: no active phase), holds_from, holds_to.

    `identifiers`: subscriptions.frames.IDENTIFIERS; `phases`: PHASES.
    """
    zones = phases.select("subscription_id", "timezone", subscription="code").unique()
    active = phases.filter(pl.col("state") == "active").select(
        "subscription_id", "account_id", "plan_version_id", holds_from="start_at", holds_to="end_at"
    )
    by_code = zones.join(active, on="subscription_id", how="left")
    held = identifiers.select(
        "subscription_id", identifier="value", held_from="start_at", held_to="end_at"
    )
    by_identifier = (
        held.join(by_code.drop("subscription"), on="subscription_id")
        .with_columns(
            holds_from=pl.max_horizontal("holds_from", "held_from"),
            holds_to=pl.min_horizontal("holds_to", "held_to"),
        )
        .drop("held_from", "held_to")
    )
    return by_identifier, by_code


def guide(
    records: pl.DataFrame, by_identifier: pl.DataFrame, by_code: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records with GUIDED and an instant as `start`; and rejects (line, reason, detail):
    unknown_identifier, inactive_subscription.

    `records`: normalise's; the other two: holdings'.
    """
    coded = records["subscription"].is_not_null()
    parts = []
    if not coded.all():
        parts.append((_where(records, ~coded), by_identifier, "identifier", "nobody holds "))
    if coded.any():
        parts.append((_where(records, coded), by_code, "subscription", "unknown subscription "))
    placed, unknown = [], []
    for part, holders, column, words in parts:
        found = part.join(holders, on=column, how="left", maintain_order="left")
        nobody = found["subscription_id"].is_null()
        unknown.append(_unknown(found.filter(nobody), column, words))
        placed.append(_in_time(_with_instants(found)))
    if not parts:
        return _in_time(records.join(by_code, on="subscription")), _unknown(
            records, "identifier", ""
        )
    guided, known = pl.concat(placed, how="diagonal"), pl.concat(unknown)
    if guided.height + known.height == records.height:
        return guided, known
    return guided, pl.concat([known, _inactive(records, guided, known)])


def _in_time(found: pl.DataFrame) -> pl.DataFrame:
    """The rows whose holder has an active phase at their start."""
    start = pl.col("start")
    inside = (start >= pl.col("holds_from")) & (
        pl.col("holds_to").is_null() | (start < pl.col("holds_to"))
    )
    active = found.select((inside & pl.col("plan_version_id").is_not_null()).fill_null(False))
    return _where(found, active.to_series()).drop("holds_from", "holds_to", "timezone")


def _unknown(found: pl.DataFrame, column: str, words: str) -> pl.DataFrame:
    return found.select(
        "line",
        reason=pl.lit("unknown_identifier"),
        detail=pl.concat_str(pl.lit(words), pl.col(column).str.slice(0, 100)),
    )


def _inactive(records: pl.DataFrame, guided: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    return (
        records.select("line")
        .join(known, on="line", how="anti")
        .join(guided.select("line"), on="line", how="anti")
        .with_columns(
            reason=pl.lit("inactive_subscription"),
            detail=pl.lit("no active subscription held it at the start of the record"),
        )
    )


def _with_instants(found: pl.DataFrame) -> pl.DataFrame:
    """Wall clocks as instants of the account's zone: in the hour that comes twice the first one
    counts, in the one that is skipped the clock as it was before."""
    if found["local"].null_count() == found.height:
        return found.drop("local")
    parts = []
    for (zone,), part in found.partition_by("timezone", as_dict=True).items():
        if zone is None:  # nobody's
            continue
        in_zone = pl.col("local").dt.replace_time_zone(
            str(zone), ambiguous="earliest", non_existent="null"
        )
        skipped = (pl.col("local") - pl.duration(hours=1)).dt.replace_time_zone(
            str(zone), ambiguous="earliest", non_existent="null"
        ) + pl.duration(hours=1)
        moment = pl.coalesce(in_zone, skipped).dt.convert_time_zone("UTC").cast(INSTANT)
        parts.append(part.with_columns(start=pl.coalesce("start", moment)))
    return pl.concat([found.clear(), *parts]).drop("local")


def _where(rows: pl.DataFrame, chosen: pl.Series) -> pl.DataFrame:
    """The chosen rows; if all are, they are not copied."""
    return rows if chosen.all() else rows.filter(chosen)
