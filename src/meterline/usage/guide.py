"""Guiding: whose record is it, and under which plan? By identifier or code, at the start. Pure."""

from __future__ import annotations

import polars as pl

from meterline.subscriptions.periods import INSTANT

GUIDED = ("subscription_id", "account_id", "plan_version_id")


def guide(
    records: pl.DataFrame, identifiers: pl.DataFrame, phases: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records with subscription_id, account_id, plan_version_id and an instant as `start`; and
    rejects (line, reason, detail): unknown_identifier, inactive_subscription.

    `records`: normalise's; `identifiers`: subscription_id, value, start_at, end_at; `phases`:
    subscriptions.frames.PHASES.
    """
    zones = phases.unique("subscription_id").select("subscription_id", "code", "timezone")
    by_code, unknown_codes = _by_code(records, zones)
    by_identifier, unknown = _by_identifier(records, identifiers, zones)
    held = [part for part in (by_code, by_identifier) if part.height]
    placed = _in_phase(pl.concat(held or [by_code], how="diagonal"), phases)
    known = pl.concat([unknown_codes, unknown])
    if placed.height + known.height == records.height:
        return placed, known
    lost = records.select("line").join(known, on="line", how="anti").join(
        placed.select("line"), on="line", how="anti"
    )  # fmt: skip
    inactive = lost.with_columns(
        reason=pl.lit("inactive_subscription"),
        detail=pl.lit("no active subscription held it at the start of the record"),
    )
    return placed, pl.concat([known, inactive])


def _by_code(records: pl.DataFrame, zones: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    coded = _where(records, pl.col("subscription").is_not_null())
    found = coded.join(zones, left_on="subscription", right_on="code", how="left")
    missing = found.filter(pl.col("subscription_id").is_null()).select(
        "line",
        reason=pl.lit("unknown_identifier"),
        detail=pl.concat_str(pl.lit("unknown subscription "), pl.col("subscription")),
    )
    return _with_instants(_where(found, pl.col("subscription_id").is_not_null())), missing


def _by_identifier(
    records: pl.DataFrame, identifiers: pl.DataFrame, zones: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A value that was held by several subscriptions is told apart by time."""
    named = _where(records, pl.col("subscription").is_null())
    holders = identifiers.select(
        "value", "subscription_id", held_from="start_at", held_to="end_at"
    ).join(zones.select("subscription_id", "timezone"), on="subscription_id")
    found = named.join(
        holders, left_on="identifier", right_on="value", how="left", maintain_order="left"
    )
    missing = found.filter(pl.col("subscription_id").is_null()).select(
        "line",
        reason=pl.lit("unknown_identifier"),
        detail=pl.concat_str(pl.lit("nobody holds "), pl.col("identifier")),
    )
    timed = _with_instants(_where(found, pl.col("subscription_id").is_not_null()))
    at_that_time = (pl.col("start") >= pl.col("held_from")) & (
        pl.col("held_to").is_null() | (pl.col("start") < pl.col("held_to"))
    )
    return _where(timed, at_that_time).drop("held_from", "held_to"), missing


def _with_instants(found: pl.DataFrame) -> pl.DataFrame:
    """Wall clocks as instants of the account's zone: in the hour that comes twice the first one
    counts, in the one that is skipped the clock as it was before."""
    if found["local"].null_count() == found.height:
        return found.drop("local")
    parts = []
    for (zone,), part in found.partition_by("timezone", as_dict=True).items():
        in_zone = pl.col("local").dt.replace_time_zone(
            str(zone), ambiguous="earliest", non_existent="null"
        )
        skipped = (pl.col("local") - pl.duration(hours=1)).dt.replace_time_zone(
            str(zone), ambiguous="earliest", non_existent="null"
        ) + pl.duration(hours=1)
        moment = pl.coalesce(in_zone, skipped).dt.convert_time_zone("UTC").cast(INSTANT)
        parts.append(part.with_columns(start=pl.coalesce("start", moment)))
    return pl.concat(parts).drop("local")


def _in_phase(held: pl.DataFrame, phases: pl.DataFrame) -> pl.DataFrame:
    active = phases.filter(pl.col("state") == "active").select(
        "subscription_id", "account_id", "plan_version_id", phase_from="start_at", phase_to="end_at"
    )
    joined = held.drop("timezone").join(active, on="subscription_id", maintain_order="left")
    inside = (pl.col("start") >= pl.col("phase_from")) & (
        pl.col("phase_to").is_null() | (pl.col("start") < pl.col("phase_to"))
    )
    return _where(joined, inside).drop("phase_from", "phase_to")


def _where(rows: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
    """The rows of a condition; rows that all fulfil it are not copied."""
    fulfilled = rows.select(condition.fill_null(False)).to_series()
    return rows if fulfilled.all() else rows.filter(fulfilled)
