"""Consumption: from point to point of a register, and of virtual ones made of others. Pure."""

from __future__ import annotations

import polars as pl

from meterline.reads.convert import quantities, with_factors
from meterline.reads.frames import CERTAINTY, PIECES

TERMS = {"virtual_id": pl.Int64, "identifier": pl.String, "code": pl.String, "sign": pl.Int64}
VIRTUALS = {
    "virtual_id": pl.Int64, "identifier": pl.String, "code": pl.String, "usage_meter": pl.String,
    "surplus_meter": pl.String,  # null: what is below zero is not turned around
}  # fmt: skip


def consumption(
    points: pl.DataFrame, channels: pl.DataFrame, factors: pl.DataFrame
) -> pl.DataFrame:
    """PIECES between POINTS of CHANNELS, with `quantity` null where gas has no factors (FACTORS).
    Also of registers that are not billed by themselves (usage_meter null)."""
    steps = points.sort("channel", "at").select(
        "channel",
        pl.col("at").shift(1).over("channel").alias("start_at"), pl.col("at").alias("end_at"),
        pl.col("units").shift(1).over("channel").alias("from_units"),
        pl.col("units").alias("to_units"),
        pl.col("total").diff().over("channel").alias("units"),
        pl.col("quality").shift(1).over("channel").alias("from_quality"),
        pl.col("quality").alias("to_quality"),
    )  # fmt: skip
    whole = steps.filter(pl.col("start_at").is_not_null()).join(
        channels, on="channel", maintain_order="left"
    )
    known = quantities(with_factors(whole, factors))
    return known.with_columns(
        virtual_id=pl.lit(None, pl.Int64), quality=_less_certain("from_quality", "to_quality")
    ).select(PIECES.keys())


def _less_certain(*names: str) -> pl.Expr:
    """The less certain quality; what was read is actual, also where it is the final one."""
    certainty = pl.max_horizontal(
        pl.col(name).replace_strict(CERTAINTY, return_dtype=pl.Int64) for name in names
    )
    return _named(certainty)


def _named(certainty: pl.Expr) -> pl.Expr:
    words = {number: name for name, number in CERTAINTY.items()}  # the last of equal ones: actual
    return certainty.replace_strict(words, return_dtype=pl.String)


def combined(pieces: pl.DataFrame, virtuals: pl.DataFrame, terms: pl.DataFrame) -> pl.DataFrame:
    """PIECES of virtual registers (VIRTUALS), sums of others with their signs (TERMS), from one
    instant to the next at which all of their terms have a point.

    What is below zero belongs to the surplus meter, if there is one: so much more was fed in than
    taken in that interval.
    """
    parts = terms.with_row_index("term").join(pieces, on=["identifier", "code"])
    counts = terms.group_by("virtual_id").agg(terms=pl.len())
    ends = pl.concat(
        [parts.select("virtual_id", "term", pl.col(name).alias("at"))
         for name in ("start_at", "end_at")]
    )  # fmt: skip
    common = (
        ends.group_by("virtual_id", "at").agg(having=pl.col("term").n_unique())
        .join(counts, on="virtual_id").filter(pl.col("having") == pl.col("terms"))
        .select("virtual_id", start_at="at").sort("virtual_id", "start_at")
        .with_columns(end_at=pl.col("start_at").shift(-1).over("virtual_id"))
        .filter(pl.col("end_at").is_not_null())
    )  # fmt: skip
    within = (
        parts.rename({"start_at": "begin", "end_at": "finish"}).sort("begin")
        .join_asof(common.sort("start_at"), left_on="begin", right_on="start_at",
                   by="virtual_id", coalesce=False, check_sortedness=False)
        .filter(pl.col("finish") <= pl.col("end_at"))
    )  # fmt: skip
    length = pl.col("finish") - pl.col("begin")
    sums = within.group_by("virtual_id", "start_at", "end_at").agg(
        quantity=(pl.col("quantity") * pl.col("sign")).sum(),
        unknown=pl.col("quantity").is_null().any(),
        covered=length.sum(),
        certainty=pl.col("quality").replace_strict(CERTAINTY, return_dtype=pl.Int64).max(),
    )
    full = pl.col("covered") == (pl.col("end_at") - pl.col("start_at")) * pl.col("terms")
    good = sums.join(counts, on="virtual_id").filter(full & ~pl.col("unknown"))
    return _turned(good.join(virtuals, on="virtual_id"))


def _turned(sums: pl.DataFrame) -> pl.DataFrame:
    surplus = (pl.col("quantity") < 0) & pl.col("surplus_meter").is_not_null()
    quality = _named(pl.col("certainty"))
    made = sums.with_columns(
        usage_meter=pl.when(surplus).then("surplus_meter").otherwise("usage_meter"),
        quantity=pl.when(surplus).then(0 - pl.col("quantity")).otherwise("quantity"),
        quality=quality, from_quality=quality, to_quality=quality,
    )  # fmt: skip
    empty = [name for name in PIECES if name not in made.columns]
    return made.with_columns(pl.lit(None).alias(name) for name in empty).select(
        pl.col(name).cast(kind) for name, kind in PIECES.items()
    )


def changes(proposed: pl.DataFrame, standing: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What to bill that is not billed yet (PIECES), and what stands that no longer holds (with its
    `piece_id`). Propose and diff, one floor below the bill."""
    same = list(PIECES)
    new = proposed.join(standing, on=same, how="anti", nulls_equal=True, maintain_order="left")
    gone = standing.join(proposed, on=same, how="anti", nulls_equal=True, maintain_order="left")
    return new, gone
