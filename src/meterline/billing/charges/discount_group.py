"""Discounts that are worked out on several lines together, and split over them. Pure.

An amount is taken once a charge period, prorated with it, and once for each day: of days for which
a line that is due earlier has it, another takes nothing. On the invoice it is taken once for the
lines that fall due together. It comes off what is billed in advance first, so that what is billed
later takes only the rest: no part that was billed in advance moves when usage comes late.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from meterline.kernel.money import MONEY, round_column, split_rows, to_scaled

_GROUP = ["holder", "discount_code", "group_from", "group_to"]
_ORDER = ["subscription_id", "price_code", "start_at", "track"]
BY_AMOUNT = "by_amount"  # in the inputs of what goes by amounts in diff, not by days


def split(applies: pl.DataFrame) -> pl.DataFrame:
    """`applies` with `off`, each line's part of its group's discount, and `inputs`.

    Columns beside those of lines: base, left, fixed or percent, on_invoice, of_account, by_amount,
    places, rounding, interval, timezone.
    """
    columns = applies.columns
    parts = applies.pipe(_with_groups).pipe(_with_uncovered).pipe(_with_whole).pipe(_with_part)
    return (
        split_rows(parts, amount="part", weight="left", group=[*_GROUP, "early"], order=_ORDER)
        .rename({"split": "off"})
        .with_columns(
            inputs=pl.struct(
                pl.col("left").cast(pl.String).alias("target"),
                pl.col("percent").cast(pl.String),
                pl.col("fixed").cast(pl.String),
                pl.col("group_share").alias("share"),
                pl.col("whole").cast(pl.String),
                pl.col("together").cast(pl.String),
                BY_AMOUNT,
                "discount_code",
                "rounding",
                pl.col("places").alias("decimals"),
            ).struct.json_encode()
        )
        .select(*columns, "off")
    )


def terms() -> pl.Expr:
    """Of discount lines that go by amounts: the amount or the percentage of which each is a part;
    their `inputs` tell."""
    by_amount, fixed, percent = (
        pl.col("inputs").str.json_path_match(f"$.{name}")
        for name in (BY_AMOUNT, "fixed", "percent")
    )
    return pl.when(by_amount == "true").then(pl.coalesce(fixed, percent))


def _with_groups(applies: pl.DataFrame) -> pl.DataFrame:
    """The lines of a group have the same _GROUP; `early`: those that an amount is
    taken from first, because they are billed at the period's start.

    What is due at a moment belongs to the period that begins then, or else to what it is within.
    """
    moment = pl.col("start_at") == pl.col("end_at")
    early = pl.col("advance") | (pl.col("kind") == "one_time")
    period_end = (
        pl.when(~moment)
        .then("end_at")
        .max()
        .over("holder", "discount_code", "start_at")
    )  # fmt: skip
    due = pl.when(early).then("start_at").otherwise("end_at")
    return (
        applies.with_columns(
            holder=pl.when("of_account").then(-pl.col("account_id")).otherwise("subscription_id")
        )
        .with_columns(
            group_from=pl.when("on_invoice").then(due).otherwise("start_at"),
            group_to=pl.when("on_invoice")
            .then(due)
            .when(moment)
            .then(pl.coalesce(period_end, "end_at"))
            .otherwise("end_at"),
            early=early | pl.col("fixed").is_null(),
        )
    )  # fmt: skip


def _by_period() -> pl.Expr:
    return ~pl.col("on_invoice") & pl.col("fixed").is_not_null()


def _with_uncovered(lines: pl.DataFrame) -> pl.DataFrame:
    """`uncovered` of an amount's group: for how many of its `days` no group of the same interval
    takes the amount before it, in the order in which they are due, begin and end. What is due at
    a moment within a group, or at its end, takes nothing."""
    holder = ["holder", "discount_code"]
    lasts = pl.col("kind") != "one_time"
    due = pl.when("early").then("start_at").otherwise("end_at")
    groups = (
        lines.filter(_by_period())
        .group_by(_GROUP)
        .agg(
            pl.col("interval").filter(lasts).min(), due.min().alias("due"),
            pl.col("timezone").first(),
        )
    )  # fmt: skip
    moment = pl.col("group_from") == pl.col("group_to")
    lasting = groups.filter(~moment)
    within = (
        groups.filter(moment)
        .join(lasting.select(*holder, since="group_from", until="group_to"), on=holder)
        .filter(pl.col("group_from").is_between("since", "until"))
        .select(_GROUP)
        .unique()
        .with_columns(days=pl.lit(1, pl.UInt32), uncovered=pl.lit(0, pl.UInt32))
    )
    days = (
        (
            pl.concat(_by_day(part, str(zone)) for (zone,), part in _zones(lasting))
            .sort("due", "group_from", "group_to")
            .with_columns(first=pl.int_range(pl.len()).over([*holder, "interval", "day"]) == 0)
            .group_by(_GROUP)
            .agg(days=pl.len(), uncovered=pl.col("first").sum().cast(pl.UInt32))
        )
        if lasting.height
        else within.clear()
    )
    known = pl.concat([days.select(within.columns), within])
    return lines.join(known, on=_GROUP, how="left").with_columns(
        pl.col("days", "uncovered").fill_null(1).cast(pl.Int64)
    )


def _zones(groups: pl.DataFrame) -> Iterable[tuple[tuple[object, ...], pl.DataFrame]]:
    return groups.partition_by("timezone", as_dict=True).items()


def _by_day(groups: pl.DataFrame, zone: str) -> pl.DataFrame:
    """A row for each local day of each group, at least one."""
    first, last = (
        pl.col(name).dt.convert_time_zone(zone).dt.date().to_physical()
        for name in ("group_from", "group_to")
    )
    return groups.with_columns(
        day=pl.int_ranges(first, pl.max_horizontal(last, first + 1))
    ).explode("day")


def _with_whole(lines: pl.DataFrame) -> pl.DataFrame:
    """`whole`: what comes off the group, never more than is left of it; `together`: of what."""
    share = pl.coalesce(
        pl.col("inputs").str.json_path_match(path) for path in ("$.stub", "$.share")
    ).fill_null("1/1")
    parts = pl.col("line_share").str.split("/").list
    size = parts.get(0).cast(pl.Float64) / parts.get(1).cast(pl.Float64)  # only compared
    numerator, denominator = _uncovered_share()
    fixed = round_column(
        to_scaled(pl.col("fixed"), 10) * numerator.cast(pl.Int128),
        denominator.cast(pl.Int128), pl.col("group_places"), pl.col("group_rounding"),
        scale=10,
    )  # fmt: skip
    percent = round_column(
        to_scaled(pl.col("together"), 10) * to_scaled(pl.col("percent"), 10),
        pl.lit(100, pl.Int128), pl.col("group_places"), pl.col("group_rounding"),
    )  # fmt: skip
    whole = pl.coalesce(fixed, percent)
    return (
        lines.with_columns(line_share=pl.when("on_invoice").then(pl.lit("1/1")).otherwise(share))
        .with_columns(
            group_share=pl.col("line_share").sort_by(size).first().over(_GROUP),
            group_places=pl.col("places").first().over(_GROUP),
            group_rounding=pl.col("rounding").sort_by(_ORDER).first().over(_GROUP),
            together=pl.col("base").sum().over(_GROUP).cast(MONEY),
            group_left=pl.col("left").sum().over(_GROUP).cast(MONEY),
        )
        .with_columns(whole=pl.min_horizontal(whole, "group_left").cast(MONEY))
        .with_columns(group_share=pl.concat_str(numerator, denominator, separator="/"))
    )


def _uncovered_share() -> tuple[pl.Expr, pl.Expr]:
    """Numerator and denominator of `group_share` less the days that others cover."""
    parts = pl.col("group_share").str.split("/").list
    numerator, denominator = parts.get(0).cast(pl.Int64), parts.get(1).cast(pl.Int64)
    part = pl.col("uncovered") < pl.col("days")
    return (
        pl.when(part).then(numerator * pl.col("uncovered")).otherwise(numerator),
        pl.when(part).then(denominator * pl.col("days")).otherwise(denominator),
    )


def _with_part(lines: pl.DataFrame) -> pl.DataFrame:
    """`part`: what of the whole comes off the lines billed early, or off the others."""
    early_left = pl.when("early").then("left").otherwise(0).sum().over(_GROUP)
    part = (
        pl.when("early")
        .then(pl.min_horizontal("whole", early_left))
        .otherwise(pl.col("whole") - pl.min_horizontal("whole", early_left))
    )
    return lines.with_columns(part=part.cast(MONEY))
