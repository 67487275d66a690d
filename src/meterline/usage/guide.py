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
    held = pl.concat([by_code, by_identifier], how="diagonal")
    placed = _in_phase(held, phases)
    known = pl.concat([unknown_codes, unknown])
    lost = records.select("line").join(known, on="line", how="anti").join(
        placed.select("line"), on="line", how="anti"
    )  # fmt: skip
    inactive = lost.with_columns(
        reason=pl.lit("inactive_subscription"),
        detail=pl.lit("no active subscription held it at the start of the record"),
    )
    return placed, pl.concat([known, inactive])


def _by_code(records: pl.DataFrame, zones: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    coded = records.filter(pl.col("subscription").is_not_null())
    found = coded.join(zones, left_on="subscription", right_on="code", how="left")
    missing = found.filter(pl.col("subscription_id").is_null()).select(
        "line",
        reason=pl.lit("unknown_identifier"),
        detail=pl.concat_str(pl.lit("unknown subscription "), pl.col("subscription")),
    )
    return _with_instants(found.drop_nulls("subscription_id")), missing


def _by_identifier(
    records: pl.DataFrame, identifiers: pl.DataFrame, zones: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A value that was held by several subscriptions is told apart by time."""
    named = records.filter(pl.col("subscription").is_null())
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
    timed = _with_instants(found.drop_nulls("subscription_id"))
    at_that_time = (pl.col("start") >= pl.col("held_from")) & (
        pl.col("held_to").is_null() | (pl.col("start") < pl.col("held_to"))
    )
    return timed.filter(at_that_time).drop("held_from", "held_to"), missing


def _with_instants(found: pl.DataFrame) -> pl.DataFrame:
    """Wall clocks as instants of the account's zone: in the hour that comes twice the first one
    counts, in the one that is skipped the clock as it was before."""
    if not found["local"].is_not_null().any():
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
    return joined.filter(inside).drop("phase_from", "phase_to")
