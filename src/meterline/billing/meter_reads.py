"""The meter reads behind lines of usage: they stand on the line as they were when it was billed, so
that it says what was read and what was estimated. Pure."""

from __future__ import annotations

import polars as pl

from meterline.billing.frames import Snapshot

_CERTAINTY = ("actual", "final", "customer", "substituted", "interpolated", "estimated")


def with_reads(lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """`lines` (diff.CHARGED) whose inputs tell the reads behind them: for each register of a meter
    what it showed first and last, how certain that is, and what was counted."""
    if snapshot.reads.is_empty():
        return lines
    numbered = lines.with_row_index("number")
    told = _by_line(numbered, snapshot)
    added = pl.concat_str(
        pl.col("inputs").str.strip_suffix("}"), pl.lit(',"reads":'), "reads", pl.lit("}")
    )
    return (
        numbered.join(told, on="number", how="left", maintain_order="left")
        .with_columns(inputs=pl.when(pl.col("reads").is_null()).then("inputs").otherwise(added))
        .drop("number", "reads")
    )


def _by_line(lines: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """number, reads (JSON) of lines that bill what meters have counted."""
    meters = {price.id: price.meter for price in snapshot.prices if price.kind == "usage"}
    usage = lines.filter(
        pl.col("track").str.starts_with("usage|") & pl.col("inputs").str.starts_with('{"rows":')
    ).select(
        "number", "subscription_id", "start_at", "end_at",
        usage_meter=pl.col("price_id").replace_strict(
            list(meters), list(meters.values()), default=None, return_dtype=pl.String
        ),
    )  # fmt: skip
    found = (
        snapshot.reads.rename({"start_at": "from_at", "end_at": "to_at"})
        .join(usage, on=["subscription_id", "usage_meter"])
        .filter((pl.col("from_at") >= pl.col("start_at")) & (pl.col("from_at") < pl.col("end_at")))
        .sort("number", "serial", "code", "from_at", nulls_last=True)
    )
    certainty = pl.col("quality").replace_strict(
        _CERTAINTY, range(len(_CERTAINTY)), return_dtype=pl.Int64
    )
    registers = found.group_by("number", "serial", "code", maintain_order=True).agg(
        pl.col("from_value", "from_quality", "from_at").first(),
        pl.col("to_value", "to_quality", "to_at").last(),
        pl.col("quality").sort_by(certainty).last(),
        pl.col("quantity").sum().cast(pl.String),
    )
    instants = pl.col("from_at", "to_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    one = pl.struct(pl.exclude("number")).struct.json_encode()
    return (
        registers.with_columns(instants)
        .group_by("number", maintain_order=True)
        .agg(reads=one)
        .with_columns(reads=pl.concat_str(pl.lit("["), pl.col("reads").list.join(","), pl.lit("]")))
    )
