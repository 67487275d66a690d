"""The months that a simulation looks at, and which charges are theirs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from meterline.billing.diff import CHARGED
from meterline.billing.frames import Snapshot
from meterline.billing.propose import propose
from meterline.billing.spans import with_limits
from meterline.insight.errors import UnknownPeriod


@dataclass(frozen=True, kw_only=True)
class Window:
    """Whole months [since, until), by the calendar of each account's zone."""

    since: date
    until: date

    @classmethod
    def before(cls, today: date, months: int) -> Window:
        """The last full months before a day."""
        until = today.replace(day=1)
        number = until.year * 12 + until.month - 1 - months
        return cls(since=date(number // 12, number % 12 + 1, 1), until=until)


def charges(snapshot: Snapshot) -> pl.DataFrame:
    """CHARGED lines of the window from the accounts' horizon_at to until_at: what is charged in
    advance, or once, and begins in it; what is charged in arrears and ends in it."""
    lines = propose(snapshot).pipe(with_limits, snapshot)
    by_start = pl.col("advance") | (pl.col("start_at") == pl.col("end_at"))
    begins = (pl.col("start_at") >= pl.col("horizon_at")) & (
        pl.col("start_at") < pl.col("until_at")
    )
    ends = (pl.col("end_at") > pl.col("horizon_at")) & (pl.col("end_at") <= pl.col("until_at"))
    return (
        lines.filter(pl.when(by_start).then(begins).otherwise(ends))
        .with_columns(tax_percent=pl.lit(None, CHARGED["tax_percent"]))
        .select(CHARGED.keys())
    )


def months(text: str) -> int:
    """How many months a text names: last-month, or as in 3-months. Raises UnknownPeriod."""
    if text == "last-month":
        return 1
    number, _, word = text.partition("-")
    if word != "months" or not number.isdecimal() or not 1 <= int(number) <= 24:
        raise UnknownPeriod(text=text)
    return int(number)
