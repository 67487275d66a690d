"""Instants as almost everybody writes them: `2026-10-01T12:00:00Z`. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from meterline.kernel.compiled import Compiled
from meterline.kernel.texts import texts_of
from meterline.subscriptions.periods import INSTANT

Array = np.ndarray[Any, Any]


def in_utc(column: pl.Series) -> pl.Series | None:
    """The instants (INSTANT) of texts; None if one is written in another way, or is none."""
    texts = texts_of(column)
    micros = np.empty(len(column), dtype=np.int64)
    if not read_instants(texts.views, texts.data, micros):
        return None
    return pl.Series(column.name, micros).cast(INSTANT)


def _read_each(views: Array, data: Array, micros: Array) -> bool:
    """Whether all texts are such instants: fills `micros` with microseconds since 1970."""
    for i in range(len(views)):
        view = views[i]
        length = view[0] | view[1] << 8 | view[2] << 16 | view[3] << 24
        if length != 20:
            return False
        at = view[12] | view[13] << 8 | view[14] << 16 | view[15] << 24
        marks = data[at + 4] == 45 and data[at + 7] == 45 and data[at + 10] == 84
        marks = marks and data[at + 13] == 58 and data[at + 16] == 58
        if not (marks and data[at + 19] == 90):
            return False
        digits = True
        for k in (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18):
            digits &= 48 <= data[at + k] <= 57
        if not digits:
            return False
        year = (data[at] - 48) * 1000 + (data[at + 1] - 48) * 100
        year += (data[at + 2] - 48) * 10 + data[at + 3] - 48
        month = (data[at + 5] - 48) * 10 + data[at + 6] - 48
        day = (data[at + 8] - 48) * 10 + data[at + 9] - 48
        hour = (data[at + 11] - 48) * 10 + data[at + 12] - 48
        minute = (data[at + 14] - 48) * 10 + data[at + 15] - 48
        second = (data[at + 17] - 48) * 10 + data[at + 18] - 48
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        longest = 28 + leap if month == 2 else 31 - (month - 1) % 7 % 2
        whole = 1 <= month <= 12 and 1 <= day <= longest and year > 0
        if not whole or hour > 23 or minute > 59 or second > 59:
            return False
        # days since 1970 of a year that begins in March
        years = year - (month < 3)
        months = (month + 9) % 12
        days = years * 365 + years // 4 - years // 100 + years // 400
        days += (months * 153 + 2) // 5 + day - 719469
        micros[i] = ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000
    return True


read_instants = Compiled(_read_each, "uint8[,]", "uint8[]", "out int64[]")
