"""Is a read plausible? What is not is held for review, with its reason. Pure.

The checks are those of validation, estimation and editing (VEE) as meter data managers apply them:
against reads of the same or a better quality, and against what the register has counted before.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from meterline.reads.frames import CERTAINTY, PROFILES, READS
from meterline.reads.points import interpolated, totalled
from meterline.reads.standing import backward, forward, standing, with_neighbours
from meterline.reads.weigh import Weights

REASONS = ("conflict", "negative", "spike", "stuck", "zero")
LIMITS: dict[str, Any] = {
    "channel": pl.Int64,
    "spike_percent": pl.Int64,  # of what is expected; more is a spike
    "spike_least": pl.Int64,  # units; less is none
    "stuck_reads": pl.Int64,  # so many reads in a row that show the same
    "zero_days": pl.Int64,  # so many days without consumption
    "imports": pl.Boolean,  # what is fed in may rest
}
OCCUPIED: dict[str, Any] = {  # somebody has a contract at the channel's place
    "channel": pl.Int64, "since_at": READS["at"], "until_at": READS["at"]
}  # fmt: skip
JUDGED: dict[str, Any] = {
    **READS,
    "before": pl.Int64, "before_at": READS["at"], "after": pl.Int64, "after_at": READS["at"],
    "reason": pl.String,
}  # fmt: skip
_HISTORY_LEAST = timedelta(days=14)


def judged(
    new: pl.DataFrame,
    known: pl.DataFrame,
    channels: pl.DataFrame,
    limits: pl.DataFrame,
    occupied: pl.DataFrame,
) -> pl.DataFrame:
    """New READS as JUDGED: with `reason` (REASONS; null: good) and the units of the reads beside
    them. `known`: READS that are accepted; LIMITS, OCCUPIED.

    Reads of one register are looked at in the order of time, each with the good ones before it.
    """
    waiting = new.sort("channel", "at", "read_id").with_columns(
        turn=pl.int_range(pl.len()).over("channel")
    )
    done = []
    for turn in waiting["turn"].unique().sort():
        at_turn = waiting.filter(pl.col("turn") == turn).drop("turn")
        concerned = known.join(at_turn, on="channel", how="semi")
        looked = _looked_at(at_turn, standing(concerned, channels), limits, occupied)
        good = looked.filter(pl.col("reason").is_null())
        known = pl.concat([known, good.select(READS.keys())])
        done.append(looked)
    return pl.concat([pl.DataFrame(schema=JUDGED), *done])


def _looked_at(
    new: pl.DataFrame, kept: pl.DataFrame, limits: pl.DataFrame, occupied: pl.DataFrame
) -> pl.DataFrame:
    """New reads, one a channel, against those that stand (standing.standing)."""
    moduli = kept.select("channel", "modulus").unique()
    parts = []
    for quality in new["quality"].unique().sort():
        part = new.filter(pl.col("quality") == quality)
        certain = [name for name, rank in CERTAINTY.items() if rank <= CERTAINTY[quality]]
        peers = kept.filter(pl.col("quality").is_in(certain))
        others = peers.select("channel", "at", pl.col("units").alias("other"),
                              pl.col("quality").alias("other_quality"))  # fmt: skip
        found = with_neighbours(part, peers).join(others, on=["channel", "at"], how="left")
        parts.append(found.join(moduli, on="channel", how="left"))
    return _with_reason(_against_history(pl.concat(parts), kept), limits, occupied)


def _against_history(new: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """`new` with `counted_before` in the `span` of all reads known, how many of the last reads in a
    row are the `same`, and what was counted `a_year_ago` in the same stretch."""
    anchors = totalled(kept)
    spans = anchors.group_by("channel").agg(
        counted_before=pl.col("total").max(), span=pl.col("at").max() - pl.col("at").min()
    )
    change = (pl.col("total") != pl.col("total").shift(1)).over("channel").fill_null(True)
    runs = anchors.with_columns(run=change.cum_sum().over("channel")).select(
        "channel", pl.col("at").alias("before_at"),
        same=pl.int_range(pl.len(), dtype=pl.UInt32).over("channel", "run") + 1,
    )  # fmt: skip
    found = new.join(spans, on="channel", how="left").join(
        runs, on=["channel", "before_at"], how="left"
    )
    return found.join(_a_year_ago(found, anchors), on="read_id", how="left")


def _a_year_ago(new: pl.DataFrame, anchors: pl.DataFrame) -> pl.DataFrame:
    """read_id, a_year_ago."""
    wanted = new.filter(pl.col("before_at").is_not_null())
    if wanted.is_empty():
        return pl.DataFrame(schema={"read_id": pl.Int64, "a_year_ago": pl.Int64})
    weights = Weights.over(pl.DataFrame(schema=PROFILES), anchors["at"], wanted["at"])
    ends = []
    for name in ("before_at", "at"):
        moment = wanted.select(
            "channel", "read_id", pl.lit(None, pl.String).alias("profile"),
            pl.col(name).dt.offset_by("-1y").alias("at"),
        )  # fmt: skip
        ends.append(interpolated(moment, anchors, weights).select("read_id", total=pl.col("total")))
    both = ends[0].join(ends[1], on="read_id", suffix="_then")
    return both.select("read_id", a_year_ago=pl.col("total_then") - pl.col("total"))


def _with_reason(new: pl.DataFrame, limits: pl.DataFrame, occupied: pl.DataFrame) -> pl.DataFrame:
    """Why each read is held: the first of the REASONS that holds."""
    before, now, after, modulus = (pl.col(n) for n in ("before", "units", "after", "modulus"))
    counted = forward(before, now, modulus)
    seconds = (pl.col("at") - pl.col("before_at")).dt.total_seconds().cast(pl.Int128)
    span = pl.col("span").dt.total_seconds().cast(pl.Int128)
    enough = pl.col("span") >= _HISTORY_LEAST
    average = pl.when(enough).then(pl.col("counted_before").cast(pl.Int128) * seconds // span)
    expected = pl.coalesce(pl.col("a_year_ago").cast(pl.Int128), average)
    real = pl.col("quality") != "estimated"
    used = pl.col("imports") & (pl.col("counted_before") > 0) & real
    idle = used & (counted == 0)
    peer = pl.col("other_quality").replace_strict(CERTAINTY, return_dtype=pl.Int64) == pl.col(
        "quality"
    ).replace_strict(CERTAINTY, return_dtype=pl.Int64)
    conditions = {
        "conflict": peer & (pl.col("other") != now),
        "negative": backward(before, now, modulus) | backward(now, after, modulus),
        "spike": (counted.cast(pl.Int128) * 100 > expected * pl.col("spike_percent"))
        & (counted > pl.col("spike_least"))
        & real,
        "stuck": idle & (pl.col("same") + 1 >= pl.col("stuck_reads")),
        "zero": idle & (seconds >= pl.col("zero_days") * 86_400) & pl.col("occupied"),
    }
    reason: Any = pl
    for name in REASONS:
        reason = reason.when(conditions[name].fill_null(False)).then(pl.lit(name))
    return (
        _with_occupied(new, occupied)
        .join(limits, on="channel", how="left", maintain_order="left")
        .with_columns(reason=reason.otherwise(None).cast(pl.String))
        .select(JUDGED.keys())
    )


def _with_occupied(new: pl.DataFrame, occupied: pl.DataFrame) -> pl.DataFrame:
    """`new` with whether somebody had a contract there all the time since the read before."""
    over = pl.col("until_at").is_null() | (pl.col("until_at") >= pl.col("at"))
    there = (
        new.select("read_id", "channel", "at", "before_at")
        .join(occupied, on="channel")
        .filter((pl.col("since_at") <= pl.col("before_at")) & over)
        .select("read_id").unique().with_columns(occupied=pl.lit(True))
    )  # fmt: skip
    return new.join(there, on="read_id", how="left", maintain_order="left").with_columns(
        pl.col("occupied").fill_null(False)
    )
