"""What a register showed at the instants that matter: read, interpolated or estimated. Pure.

Between two reads a value is a share of what was counted between them, by time or by profile.
After the last read it is estimated: by the daily average of the last AVERAGE_DAYS, by what was
used a year before, by the device before this one, or by what is expected of a year. Values are
rounded half up to the register's decimals, so that consumption from point to point adds up to what
was counted between the reads.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from meterline.reads.frames import POINTS
from meterline.reads.standing import BESIDE, demoted, forward, standing
from meterline.reads.weigh import Weights, shared

AVERAGE_DAYS = 90
_MICRO = 1_000_000


def points(
    reads: pl.DataFrame, cuts: pl.DataFrame, channels: pl.DataFrame, profiles: pl.DataFrame
) -> pl.DataFrame:
    """POINTS of READS and CUTS, by channel and instant; CHANNELS, PROFILES."""
    kept = standing(reads, channels)
    if kept.is_empty():
        return pl.DataFrame(schema=POINTS)
    anchors = totalled(kept)
    wanted = _wanted(anchors, pl.concat([cuts, _as_cuts(demoted(reads, kept))]), channels)
    weights = Weights.over(profiles, anchors["at"], wanted["at"])
    found = interpolated(wanted, anchors, weights)
    inside = found.filter(pl.col("after_at").is_not_null())
    outside = found.filter(pl.col("after_at").is_null() & pl.col("asked"))
    estimated = _ahead(outside, anchors, channels, weights)
    late = _between_estimates(found, estimated, anchors, channels, weights)
    made = [
        anchors,
        inside.with_columns(
            quality=pl.when(pl.col("after_quality") == "estimated")
            .then(pl.lit("estimated"))
            .otherwise(pl.lit("interpolated"))
        ),
        estimated,
        late,
    ]
    moduli = channels.select("channel", "modulus")
    first = kept.group_by("channel").agg(first=pl.col("units").first())
    return (
        pl.concat([part.select("channel", "at", "total", "quality") for part in made])
        .join(moduli, on="channel")
        .join(first, on="channel")
        .with_columns(units=(pl.col("first") + pl.col("total")) % pl.col("modulus"))
        .select(POINTS.keys())
        .sort("channel", "at")
    )


def totalled(kept: pl.DataFrame) -> pl.DataFrame:
    """Reads that stand with `total`: what was counted since the first one."""
    step = forward(pl.col("units").shift(1), pl.col("units"), pl.col("modulus")).fill_null(0)
    return kept.sort("channel", "at").with_columns(
        total=step.over("channel").cum_sum().over("channel")
    )


def _as_cuts(instants: pl.DataFrame) -> pl.DataFrame:
    return instants.with_columns(asked=pl.lit(True))


def _wanted(anchors: pl.DataFrame, cuts: pl.DataFrame, channels: pl.DataFrame) -> pl.DataFrame:
    """Cuts where nothing was read, after the first read and while the register was there."""
    first = anchors.group_by("channel").agg(begin=pl.col("at").min())
    ends = channels.select("channel", "until_at", "profile", "method", "annual")
    once = cuts.group_by("channel", "at").agg(pl.col("asked").any())
    there = (pl.col("at") > pl.col("begin")) & (
        pl.col("until_at").is_null() | (pl.col("at") <= pl.col("until_at"))
    )
    return (
        once.join(anchors, on=["channel", "at"], how="anti")
        .join(first, on="channel").join(ends, on="channel").filter(there)
        .drop("begin", "until_at").sort("channel", "at")
    )  # fmt: skip


def interpolated(wanted: pl.DataFrame, anchors: pl.DataFrame, weights: Weights) -> pl.DataFrame:
    """`wanted` (channel, at, profile) with the reads beside them and `total`, interpolated; null
    before the first read and after the last."""
    found = wanted
    for name, strategy in BESIDE:
        side = anchors.select(
            "channel", pl.col("at").alias(f"{name}_at"), pl.col("total").alias(f"{name}_total"),
            pl.col("quality").alias(f"{name}_quality"),
        )  # fmt: skip
        found = found.sort("at").join_asof(
            side.sort(f"{name}_at"), left_on="at", right_on=f"{name}_at", by="channel",
            strategy=strategy, coalesce=False, check_sortedness=False,
        )  # fmt: skip
    for name in ("at", "before_at", "after_at"):
        found = weights.of(found, name, f"{name}_weight")
    counted = pl.col("after_total") - pl.col("before_total")
    gone = pl.col("at_weight") - pl.col("before_at_weight")
    whole = pl.col("after_at_weight") - pl.col("before_at_weight")
    part = pl.when(whole == 0).then(pl.lit(0, pl.Int64)).otherwise(shared(counted, gone, whole))
    return found.with_columns(total=pl.col("before_total") + part)


def _ahead(
    wanted: pl.DataFrame, anchors: pl.DataFrame, channels: pl.DataFrame, weights: Weights
) -> pl.DataFrame:
    """`wanted` after the last read with `total` and `quality`, where an estimate can be made."""
    if wanted.is_empty():
        return wanted.with_columns(quality=pl.lit("estimated"))
    basis = _history(anchors, channels)
    asked = wanted.join(basis, on="channel", how="left", maintain_order="left")
    for name in ("since_at", "last_at"):
        asked = weights.of(asked, name, f"{name}_weight")
    asked = asked.with_columns(year_on=pl.col("before_at").dt.offset_by("1y"))
    asked = weights.of(asked, "year_on", "year_on_weight")
    asked = _a_year_before(asked, anchors, weights)
    gone = pl.col("at_weight") - pl.col("before_at_weight")
    average = shared(pl.col("counted"), gone, pl.col("last_at_weight") - pl.col("since_at_weight"))
    expected = shared(pl.col("annual"), gone, pl.col("year_on_weight") - pl.col("before_at_weight"))
    a_year_ago = pl.when(pl.col("method") == "last_year").then("year_before")
    more = pl.coalesce(a_year_ago, average, expected)
    return asked.with_columns(
        total=pl.col("before_total") + more, quality=pl.lit("estimated")
    ).filter(pl.col("total").is_not_null())


def _history(anchors: pl.DataFrame, channels: pl.DataFrame) -> pl.DataFrame:
    """channel, since_at, last_at, counted: the reads that a daily average is made of. A device
    without two reads goes by the one before it for the same register of the place."""
    real = anchors.filter(pl.col("quality") != "estimated")
    last = real.group_by("channel").agg(pl.col("at").last().alias("last_at"),
                                        pl.col("total").last().alias("last_total"))  # fmt: skip
    enough = pl.col("at") <= pl.col("last_at") - timedelta(days=AVERAGE_DAYS)
    earlier = (
        real.join(last, on="channel")
        .filter(pl.col("at") < pl.col("last_at"))
        .sort("channel", "at")
        .group_by("channel")
        .agg(
            pl.coalesce(pl.col("at").filter(enough).last(), pl.col("at").first()).alias("since_at"),
            pl.coalesce(
                pl.col("total").filter(enough).last(), pl.col("total").first()
            ).alias("since_total"),
        )
    )  # fmt: skip
    own = earlier.join(last, on="channel").select(
        "channel", "since_at", "last_at", counted=pl.col("last_total") - pl.col("since_total")
    )
    return pl.concat([own, _of_the_device_before(own, channels)])


def _of_the_device_before(own: pl.DataFrame, channels: pl.DataFrame) -> pl.DataFrame:
    """The history of each channel without one, in its own units, from the channel before it."""
    told = channels.select("channel", "identifier", "code", "since_at", "decimals", "multiplier")
    told = told.sort("since_at")
    micro = (pl.col("multiplier") * _MICRO).cast(pl.Int64).alias("micro")
    history = own.rename({"since_at": "from_at"}).join(told.with_columns(micro), on="channel")
    new = told.with_columns(micro).join(own, on="channel", how="anti")
    found = new.join_asof(
        history.sort("since_at"), on="since_at", by=["identifier", "code"],
        strategy="backward", allow_exact_matches=False, suffix="_old", check_sortedness=False,
    ).filter(pl.col("counted").is_not_null())  # fmt: skip
    up = _power("decimals") * pl.col("micro_old")
    down = _power("decimals_old") * pl.col("micro")
    return found.select(
        "channel", pl.col("from_at").alias("since_at"), "last_at",
        counted=shared(pl.col("counted"), up, down),
    )  # fmt: skip


def _power(decimals: str) -> pl.Expr:
    powers = [10**places for places in range(13)]
    found = pl.col(decimals).replace_strict(range(13), powers, return_dtype=pl.Int64)
    return found.cast(pl.Int128)


def _a_year_before(asked: pl.DataFrame, anchors: pl.DataFrame, weights: Weights) -> pl.DataFrame:
    """`asked` with `year_before`: what was counted in the same stretch a year before, if reads
    tell it."""
    wanted = asked.filter(pl.col("method") == "last_year")
    if wanted.is_empty():
        return asked.with_columns(year_before=pl.lit(None, pl.Int64))
    real = anchors.filter(pl.col("quality") != "estimated")
    ends = []
    for name in ("before_at", "at"):
        moment = wanted.select(
            "channel", "profile", pl.col("at").alias("of"),
            pl.col(name).dt.offset_by("-1y").alias("at"),
        )  # fmt: skip
        at_that = interpolated(moment, real, weights)
        ends.append(at_that.select("channel", "of", pl.col("total").alias(name)))
    counted = ends[0].join(ends[1], on=["channel", "of"]).select(
        "channel", pl.col("of").alias("at"), year_before=pl.col("at") - pl.col("before_at")
    )  # fmt: skip
    return asked.join(counted, on=["channel", "at"], how="left", maintain_order="left")


def _between_estimates(
    found: pl.DataFrame, estimated: pl.DataFrame, anchors: pl.DataFrame,
    channels: pl.DataFrame, weights: Weights,
) -> pl.DataFrame:  # fmt: skip
    """Cuts that nobody asked for, after the last read but before an estimate."""
    late = found.filter(pl.col("after_at").is_null() & ~pl.col("asked"))
    columns = ["channel", "at", "total", "quality"]
    if late.is_empty() or estimated.is_empty():
        return estimated.clear()
    ends = pl.concat([anchors.select(columns), estimated.select(columns)]).sort("channel", "at")
    plain = late.select("channel", "at", "asked", "profile", "method", "annual")
    inside = interpolated(plain, ends, weights).filter(pl.col("total").is_not_null())
    return inside.with_columns(quality=pl.lit("estimated"))
