"""Which of a register's reads stand. Pure.

The better quality wins at one instant, and where two do not go together: a customer's read that
an actual one contradicts is set aside, in whatever order they came. Of one quality, what
somebody has reviewed wins. An estimate stands only as long as nothing was read after it.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from meterline.reads.frames import CERTAINTY

BESIDE: tuple[tuple[str, Literal["backward", "forward"]], ...] = (
    ("before", "backward"), ("after", "forward"),
)  # fmt: skip
_RANK = {quality: 10 - 2 * certainty for quality, certainty in CERTAINTY.items()}


def standing(reads: pl.DataFrame, channels: pl.DataFrame) -> pl.DataFrame:
    """The READS that stand, by channel and instant, with `modulus`."""
    known = reads.join(channels.select("channel", "modulus"), on="channel")
    ranked = known.with_columns(
        rank=pl.col("quality").replace_strict(_RANK, return_dtype=pl.Int64)
        + pl.col("reviewed").cast(pl.Int64)
    ).sort("channel", "at", "rank", "read_id")
    best = ranked.unique(["channel", "at"], keep="last", maintain_order=True)
    kept = best.clear()
    for rank in sorted(best["rank"].unique(), reverse=True):
        level = best.filter(pl.col("rank") == rank)
        if level["quality"].eq("estimated").any():
            level = _after_the_last(level, kept)
        good = level.join(_fitting(level, kept).select("read_id"), on="read_id", how="semi")
        kept = pl.concat([kept, good]).sort("channel", "at")
    return kept.drop("rank")


def demoted(reads: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """channel, at of estimates after which something was read: their instants stay, as cuts."""
    estimates = reads.filter(pl.col("quality") == "estimated")
    return estimates.join(kept, on=["channel", "at"], how="anti").select("channel", "at").unique()


def forward(earlier: pl.Expr, later: pl.Expr, modulus: pl.Expr) -> pl.Expr:
    """The units that a register has counted between two values, if it turned over at most once."""
    return (later - earlier) % modulus


def backward(earlier: pl.Expr, later: pl.Expr, modulus: pl.Expr) -> pl.Expr:
    """Whether a later value lies below the earlier one though the register has not turned over:
    over more than half of its range it is taken to have been misread."""
    return (later < earlier) & (forward(earlier, later, modulus) > modulus // 2)


def with_neighbours(reads: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """`reads` with `units` and `at` of the reads of `others` before and after them (`before`,
    `before_at`, `after`, `after_at`; null: none). Both by channel and instant."""
    found = reads
    for name, strategy in BESIDE:
        side = others.select("channel", pl.col("at").alias(f"{name}_at"),
                             pl.col("units").alias(name))  # fmt: skip
        found = found.sort("at").join_asof(
            side.sort(f"{name}_at"), left_on="at", right_on=f"{name}_at", by="channel",
            strategy=strategy, allow_exact_matches=False, coalesce=False, check_sortedness=False,
        )  # fmt: skip
    return found.sort("channel", "at")


def _after_the_last(level: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    last = kept.group_by("channel").agg(last=pl.col("at").max())
    late = pl.col("last").is_null() | (pl.col("at") > pl.col("last"))
    return level.join(last, on="channel", how="left").filter(late).drop("last")


def _fitting(level: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Those that go together with their neighbours of a better rank."""
    before, now, after, modulus = (pl.col(n) for n in ("before", "units", "after", "modulus"))
    turns = forward(before, now, modulus) + forward(now, after, modulus) != forward(
        before, after, modulus
    )
    contradicted = backward(before, now, modulus) | backward(now, after, modulus) | turns
    return with_neighbours(level, kept).filter(~contradicted.fill_null(False))
