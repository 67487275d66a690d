"""From decoded rows of a read file to typed reads, with what is wrong with the others. Pure.

A read tells its register (by the meter's serial number or the place of supply, and the register's
code where there are several), when, and what it showed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from meterline.reads.frames import CERTAINTY, INSTANT, QUALITIES
from meterline.usage.guide import in_zone
from meterline.usage.normalise import instants

COLUMNS = ("serial", "identifier", "register", "at", "value", "quality", "source")
VALUE = pl.Decimal(24, 6)
REJECTS: dict[str, Any] = {"line": pl.Int64, "reason": pl.String, "detail": pl.String}
TYPED: dict[str, Any] = {
    "line": pl.Int64, "serial": pl.String, "identifier": pl.String, "register": pl.String,
    "at": INSTANT, "local": pl.Datetime("us"), "value": VALUE, "quality": pl.String,
    "source": pl.String,
}  # fmt: skip
_AHEAD_MOST = timedelta(days=1)


def typed(rows: pl.DataFrame, source: str, now: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """TYPED of rows (line, COLUMNS as String; those absent may be missing), and REJECTS. A stamp
    without an offset stays `local` until its meter, and so its zone, is known."""
    texts = rows.with_columns(
        pl.lit(None, pl.String).alias(name) for name in COLUMNS if name not in rows.columns
    )
    at, local = instants(texts["at"])
    known = texts.select(
        pl.col("line").cast(pl.Int64), "serial", "identifier", "register", at.alias("at"),
        local.cast(pl.Datetime("us")).alias("local"),
        pl.col("value").cast(VALUE, strict=False).alias("value"),
        pl.col("quality").fill_null("actual"), pl.col("source").fill_null(source),
        pl.col("value").alias("text"),
    )  # fmt: skip
    moment = pl.coalesce("local", pl.col("at").dt.replace_time_zone(None))
    latest = pl.lit((now + _AHEAD_MOST).replace(tzinfo=None), pl.Datetime("us"))
    nothing = pl.col("serial").is_null() & pl.col("identifier").is_null()
    fine = pl.col("value").is_null() | pl.col("text").str.contains(r"\.\d{7,}")
    faults = [
        ("malformed", "neither serial nor identifier", nothing),
        ("invalid_time", "at is no date and time (ISO 8601)", moment.is_null()),
        ("invalid_time", "at lies more than a day ahead", moment > latest),
        ("invalid_quantity", "value is no decimal number of at most 6 decimals", fine),
        ("malformed", f"quality is none of {', '.join(QUALITIES)}",
         ~pl.col("quality").is_in(list(QUALITIES))),
        ("too_many_digits", "value lies below zero", pl.col("value") < 0),
    ]  # fmt: skip
    return refused(known, faults, TYPED)


def refused(
    rows: pl.DataFrame, faults: list[tuple[str, Any, pl.Expr]], schema: dict[str, Any]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows (line, ...) for which no fault holds, in the columns of `schema`, and REJECTS: the
    first (reason, detail) that holds of each other row."""
    reason: Any = pl
    detail: Any = pl
    for word, text, condition in faults:
        wrong = condition.fill_null(False)
        reason = reason.when(wrong).then(pl.lit(word))
        detail = detail.when(wrong).then(pl.lit(text) if isinstance(text, str) else text)
    told = rows.with_columns(reason=reason.otherwise(None), detail=detail.otherwise(None))
    bad = told.filter(pl.col("reason").is_not_null())
    good = told.filter(pl.col("reason").is_null())
    return good.select(schema.keys()), bad.select(
        pl.col(name).cast(kind) for name, kind in REJECTS.items()
    )


FOUND: dict[str, Any] = {
    "line": pl.Int64, "channel": pl.Int64, "register_id": pl.Int64, "at": INSTANT, "value": VALUE,
    "units": pl.Int64, "quality": pl.String, "source": pl.String,
}  # fmt: skip


def found(
    rows: pl.DataFrame, registers: pl.DataFrame, channels: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """TYPED rows with their register, and REJECTS. `registers`: register_id, serial, code,
    timezone; `channels`: CHANNELS of all places concerned."""
    by_serial, strangers = _by_serial(rows.filter(pl.col("serial").is_not_null()), registers)
    by_place, lost = _by_place(rows.filter(pl.col("serial").is_null()), registers, channels)
    both = pl.concat([by_serial, by_place])
    timed = pl.concat(
        [part.with_columns(at=pl.coalesce("at", in_zone(part["local"], str(zone))))
         for (zone,), part in both.group_by("timezone")]
    ) if both.height else both  # fmt: skip
    placed, outside = _placed(timed, channels)
    return placed, pl.concat([strangers, lost, outside])


_REGISTERED: dict[str, Any] = {**TYPED, "register_id": pl.Int64, "timezone": pl.String}


def _by_serial(rows: pl.DataFrame, registers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    counts = registers.group_by("serial").agg(
        codes=pl.col("code"), only=pl.col("code").first(), count=pl.len()
    )
    asked = rows.join(counts, on="serial", how="left", maintain_order="left").with_columns(
        register=pl.when(pl.col("count") == 1).then(pl.coalesce("register", "only"))
        .otherwise("register")
    )  # fmt: skip
    told = registers.select("register_id", "serial", "timezone", register="code")
    joined = asked.join(told, on=["serial", "register"], how="left", maintain_order="left")
    has = pl.concat_str(pl.lit("it has "), pl.col("codes").list.join(", "))
    stranger = pl.concat_str(pl.lit("no meter has the serial "), "serial")
    faults = [
        ("unknown_meter", stranger, pl.col("count").is_null()),
        ("unknown_register", pl.concat_str(pl.lit("name a register: "), has),
         pl.col("register").is_null()),
        ("unknown_register", pl.concat_str(pl.lit("the meter has no such register: "), has),
         pl.col("register_id").is_null()),
    ]  # fmt: skip
    return refused(joined, faults, _REGISTERED)


def _by_place(
    rows: pl.DataFrame, registers: pl.DataFrame, channels: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """By the device that is installed at a place at the time; stamps are in its zone."""
    zones = registers.select("register_id", "timezone")
    spans = channels.join(zones, on="register_id").select(
        "identifier", "register_id", "code", "timezone", "since_at", "until_at"
    )
    joined = rows.join(spans, on="identifier", how="left", maintain_order="left")
    moment = pl.concat(
        [part.with_columns(moment=pl.coalesce("at", in_zone(part["local"], str(zone or "UTC"))))
         for (zone,), part in joined.group_by("timezone")]
    ) if joined.height else joined.with_columns(moment=pl.lit(None, INSTANT))  # fmt: skip
    then = (pl.col("moment") >= pl.col("since_at")) & (
        pl.col("until_at").is_null() | (pl.col("moment") < pl.col("until_at"))
    )
    named = pl.col("register").is_null() | (pl.col("register") == pl.col("code"))
    hits = moment.filter(then & named).with_columns(hits=pl.len().over("line"))
    one = hits.filter(pl.col("hits") == 1).select(_REGISTERED.keys())
    several = hits.filter(pl.col("hits") > 1).unique("line").select("line")
    unsure = rows.join(one, on="line", how="anti").join(
        several.with_columns(several=pl.lit(True)), on="line", how="left"
    )
    away = pl.concat_str(pl.lit("no meter was at "), "identifier")
    faults = [
        ("unknown_register", "there are several registers at the place: name one",
         pl.col("several")),
        ("not_installed", away, pl.lit(True)),
    ]  # fmt: skip
    return one, refused(unsure, faults, TYPED)[1]


def _placed(rows: pl.DataFrame, channels: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with the channel of the time, and their value as a whole number of units."""
    spans = channels.select("channel", "register_id", "since_at", "until_at", "decimals", "modulus")
    joined = rows.join(spans, on="register_id", how="left", maintain_order="left")
    there = (pl.col("at") >= pl.col("since_at")) & (
        pl.col("until_at").is_null() | (pl.col("at") <= pl.col("until_at"))
    )
    here = joined.filter(there).unique("line", keep="last", maintain_order=True)
    away = rows.join(here, on="line", how="anti")
    lost = refused(away, [("not_installed", "the meter was nowhere then", pl.lit(True))], TYPED)[1]
    scale = pl.col("decimals").replace_strict(
        range(13), [10**places for places in range(13)], return_dtype=pl.Int64
    )
    exact = pl.col("value") * scale
    cut = exact.cast(pl.Int64).cast(pl.Decimal(38, 6))
    faults = [
        ("too_many_digits", "the register has fewer decimals", exact != cut),
        ("too_many_digits", "the register has fewer dials", exact >= pl.col("modulus")),
    ]
    fits, wide = refused(here.with_columns(units=exact.cast(pl.Int64)), faults, FOUND)
    return fits, pl.concat([lost, wide])


def without_duplicates(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """FOUND rows that say nothing that was said before: by `known` (register_id, at, units,
    quality) or a row above."""
    certainty = pl.col("quality").replace_strict(CERTAINTY, return_dtype=pl.Int64)
    key = ["register_id", "at", "units", "certainty"]
    before = known.with_columns(certainty=certainty).select(key).unique()
    return (
        rows.with_columns(certainty=certainty)
        .unique(key, keep="first", maintain_order=True)
        .join(before, on=key, how="anti", maintain_order="left")
        .drop("certainty")
    )
